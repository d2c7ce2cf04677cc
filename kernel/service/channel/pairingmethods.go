package channel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

type (
	pairingListParams struct {
		Channel   string `json:"channel,omitempty" rpc:"max=128"`
		AccountID string `json:"accountId,omitempty" rpc:"max=128"`
	}
	pairingListResult struct {
		Accounts               []pairingAccount `json:"accounts"`
		Requests               []pairingRow     `json:"requests"`
		CommandOwnerConfigured bool             `json:"commandOwnerConfigured"`
		Limits                 pairingLimits    `json:"limits"`
	}
	pairingAccount struct {
		Channel         string `json:"channel"`
		ChannelLabel    string `json:"channelLabel"`
		AccountID       string `json:"accountId"`
		AccountLabel    string `json:"accountLabel,omitempty"`
		NotifySupported bool   `json:"notifySupported"`
	}
	pairingRow struct {
		// RequestID is the code that the sender was told.
		RequestID       string `json:"requestId"`
		Channel         string `json:"channel"`
		ChannelLabel    string `json:"channelLabel"`
		AccountID       string `json:"accountId"`
		SenderID        string `json:"senderId"`
		SenderLabel     string `json:"senderLabel"`
		CreatedAt       string `json:"createdAt"`
		LastSeenAt      string `json:"lastSeenAt"`
		ExpiresAt       string `json:"expiresAt"`
		NotifySupported bool   `json:"notifySupported"`
	}
	approvedResult struct {
		Approved []approvedRow `json:"approved"`
	}
	approvedRow struct {
		Channel     string `json:"channel"`
		AccountID   string `json:"accountId"`
		SenderID    string `json:"senderId"`
		SenderLabel string `json:"senderLabel"`
		ApprovedAt  string `json:"approvedAt"`
	}
	pairingLimits struct {
		PendingPerAccount int   `json:"pendingPerAccount"`
		TTLMs             int64 `json:"ttlMs"`
	}
	pairingChoice struct {
		Channel   string `json:"channel" rpc:"required,min=1,max=128"`
		AccountID string `json:"accountId,omitempty" rpc:"max=128"`
		// One of the two: the request's id, or the code that its sender was told.
		RequestID string `json:"requestId,omitempty" rpc:"max=64"`
		Code      string `json:"code,omitempty" rpc:"max=64"`
		Notify    bool   `json:"notify,omitempty"`
		// BootstrapCommandOwner is accepted for clients that send it; there is nothing to set up.
		BootstrapCommandOwner bool `json:"bootstrapCommandOwner,omitempty"`
	}
	pairingResult struct {
		RequestID             string `json:"requestId"`
		SenderID              string `json:"senderId"`
		Channel               string `json:"channel"`
		AccountID             string `json:"accountId"`
		Notification          string `json:"notification"`
		CommandOwnerBootstrap string `json:"commandOwnerBootstrap"`
	}
	revokeParams struct {
		Channel   string `json:"channel" rpc:"required,min=1,max=128"`
		AccountID string `json:"accountId,omitempty" rpc:"max=128"`
		SenderID  string `json:"senderId" rpc:"required,min=1,max=1024"`
	}
)

func (s *Service) pairingList(ctx context.Context, in pairingListParams) (pairingListResult, error) {
	out := pairingListResult{Accounts: []pairingAccount{}, Requests: []pairingRow{}, Limits: pairingLimits{maxPairing, pairingTTL.Milliseconds()}}
	for _, a := range s.all() {
		if in.wants(a.channel, a.account) {
			out.Accounts = append(out.Accounts, pairingAccount{Channel: a.channel, ChannelLabel: s.label(a.channel), AccountID: a.account, NotifySupported: true})
		}
	}
	err := s.Store.View(ctx, func(tx store.Tx) error {
		list, err := pairings(tx, in.Channel)
		for _, p := range list {
			if in.wants(p.Channel, p.Account) && p.ExpiresAt > time.Now().UnixMilli() {
				out.Requests = append(out.Requests, pairingRow{RequestID: p.Code, Channel: p.Channel, ChannelLabel: s.label(p.Channel),
					AccountID: p.Account, SenderID: p.Sender.ID, SenderLabel: personLabel(p.Sender), CreatedAt: stamp(p.CreatedAt),
					LastSeenAt: stamp(p.LastSeenAt), ExpiresAt: stamp(p.ExpiresAt), NotifySupported: true})
			}
		}
		return err
	})
	return out, err
}

func (in pairingListParams) wants(channel, account string) bool {
	return (in.Channel == "" || in.Channel == channel) && (in.AccountID == "" || in.AccountID == account)
}

// pairingApproved lists who may write because the owner approved them.
func (s *Service) pairingApproved(ctx context.Context, in pairingListParams) (approvedResult, error) {
	out := approvedResult{Approved: []approvedRow{}}
	err := s.Store.View(ctx, func(tx store.Tx) error {
		for row, err := range approvedTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if v := row.Value; in.wants(v.Channel, v.Account) {
				out.Approved = append(out.Approved, approvedRow{v.Channel, v.Account, v.Sender.ID, personLabel(v.Sender), stamp(v.At)})
			}
		}
		return nil
	})
	return out, err
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

func personLabel(p wit.Person) string {
	switch {
	case p.Name != nil && *p.Name != "":
		return *p.Name
	case p.Username != nil && *p.Username != "":
		return "@" + *p.Username
	}
	return p.ID
}

func (s *Service) pairingApprove(ctx context.Context, in pairingChoice) (pairingResult, error) {
	return s.decide(ctx, in, func(tx store.Tx, p pairingRequest) error {
		now := time.Now().UnixMilli()
		err := approvedTable.Put(tx, key(p.Channel, p.Account, p.Sender.ID), approval{p.Channel, p.Account, p.Sender, now})
		if err != nil || !in.Notify {
			return err
		}
		return s.Outbox.Notify(tx, Notice{ID: fmt.Sprintf("approved/%s/%s", key(p.Channel, p.Account, p.Sender.ID), p.Code), Channel: p.Channel,
			Account: p.Account, To: p.Conversation, Text: "You have been approved. Say hello!"})
	})
}

func (s *Service) pairingDismiss(ctx context.Context, in pairingChoice) (pairingResult, error) {
	in.Notify = false
	return s.decide(ctx, in, func(store.Tx, pairingRequest) error { return nil })
}

// decide finds a request, does what the owner decided and removes it, in one transaction.
func (s *Service) decide(ctx context.Context, in pairingChoice, do func(store.Tx, pairingRequest) error) (pairingResult, error) {
	code := strings.ToUpper(strings.TrimSpace(in.Code + in.RequestID))
	if in.Code != "" && in.RequestID != "" {
		code = strings.ToUpper(strings.TrimSpace(in.Code))
	}
	out := pairingResult{RequestID: code, Notification: "not-requested", CommandOwnerBootstrap: "not-requested"}
	if code == "" {
		return out, wit.NewError(wit.CodeInvalid, "invalid pairing params: must have required property 'code'")
	}
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		list, err := pairings(tx, in.Channel)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(p pairingRequest) bool {
			return p.Code == code && p.ExpiresAt > time.Now().UnixMilli() && (in.AccountID == "" || in.AccountID == p.Account)
		})
		if i < 0 {
			return wit.Errorf(wit.CodeNotFound, "no request of channel %s waits with code %s: it may have expired; the sender gets a new code by writing again", in.Channel, code)
		}
		p := list[i]
		out.SenderID, out.Channel, out.AccountID = p.Sender.ID, p.Channel, p.Account
		if err := do(tx, p); err != nil {
			return err
		}
		return pairingTable.Delete(tx, key(p.Channel, p.Account, p.Sender.ID))
	})
	if err == nil && in.Notify {
		out.Notification = "sent"
		s.Outbox.Wake()
	}
	if in.BootstrapCommandOwner {
		out.CommandOwnerBootstrap = "unavailable"
	}
	return out, err
}

// pairingRevoke takes an approval back.
func (s *Service) pairingRevoke(ctx context.Context, in revokeParams) (okResult, error) {
	if in.AccountID == "" {
		a, err := s.find(in.Channel, "")
		if err != nil {
			return okResult{}, err
		}
		in.AccountID = a.account
	}
	k := key(in.Channel, in.AccountID, in.SenderID)
	return okResult{true}, s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := approvedTable.Get(tx, k); err != nil {
			return wit.Errorf(wit.CodeOf(err), "%s is not among the approved of %s: %w", in.SenderID, ref{in.Channel, in.AccountID}, err)
		}
		return approvedTable.Delete(tx, k)
	})
}
