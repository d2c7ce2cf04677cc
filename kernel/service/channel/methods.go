package channel

import (
	"context"
	"encoding/json"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Methods lists the service's rows.
func (s *Service) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("channels.status", wire.ScopeRead, s.status),
		rpc.New("channels.start", wire.ScopeAdmin, s.start),
		rpc.New("channels.stop", wire.ScopeAdmin, s.halt),
		rpc.New("channels.logout", wire.ScopeAdmin, s.logout),
		rpc.New("channels.pairing.list", wire.ScopePairing, s.pairingList),
		rpc.New("channels.pairing.approved", wire.ScopePairing, s.pairingApproved),
		rpc.New("channels.pairing.approve", wire.ScopePairing, s.pairingApprove),
		rpc.New("channels.pairing.dismiss", wire.ScopePairing, s.pairingDismiss),
		rpc.New("channels.pairing.revoke", wire.ScopePairing, s.pairingRevoke),
		rpc.New("channels.poison.list", wire.ScopeRead, s.asideList),
		rpc.New("channels.poison.replay", wire.ScopeAdmin, func(ctx context.Context, in asideParams) (okResult, error) {
			return okResult{true}, s.replay(ctx, in.ID)
		}),
		rpc.New("channels.poison.drop", wire.ScopeAdmin, func(ctx context.Context, in asideParams) (okResult, error) {
			return okResult{true}, s.drop(ctx, in.ID)
		}),
	}
}

type (
	okResult struct {
		OK bool `json:"ok"`
	}
	accountParams struct {
		Channel   string `json:"channel" rpc:"required,min=1,max=128"`
		AccountID string `json:"accountId,omitempty" rpc:"max=128"`
	}
	accountResult struct {
		Channel   string `json:"channel"`
		AccountID string `json:"accountId"`
		Started   *bool  `json:"started,omitempty"`
		Stopped   *bool  `json:"stopped,omitempty"`
		LoggedOut *bool  `json:"loggedOut,omitempty"`
		Cleared   *bool  `json:"cleared,omitempty"`
	}
	asideParams struct {
		ID string `json:"id" rpc:"required,min=1,max=512"`
	}
	asideListParams struct {
		Channel   string `json:"channel,omitempty" rpc:"max=128"`
		AccountID string `json:"accountId,omitempty" rpc:"max=128"`
		Limit     int    `json:"limit,omitempty" rpc:"min=1,max=1000"`
	}
	asideRow struct {
		ID string `json:"id"`
		aside
	}
	asideListResult struct {
		Events []asideRow `json:"events"`
	}
)

func (s *Service) start(_ context.Context, in accountParams) (accountResult, error) {
	a, err := s.find(in.Channel, in.AccountID)
	if err != nil {
		return accountResult{}, err
	}
	a.mu.Lock()
	enabled, running := a.settings.Enabled, a.phase == phaseRunning
	a.mu.Unlock()
	if !enabled {
		return accountResult{}, wit.Errorf(wit.CodeInvalid, "account %s is disabled in the settings: enable it there", a.ref)
	}
	if !running {
		a.begin()
	}
	yes := true
	return accountResult{Channel: a.channel, AccountID: a.account, Started: &yes}, nil
}

// halt stops an account until it is started again or the gateway is.
func (s *Service) halt(_ context.Context, in accountParams) (accountResult, error) {
	a, err := s.find(in.Channel, in.AccountID)
	if err != nil {
		return accountResult{}, err
	}
	a.halt(phaseOff, &wit.AccountStatus{State: wit.ConnectionStateDisconnected})
	s.publish(a)
	yes := true
	return accountResult{Channel: a.channel, AccountID: a.account, Stopped: &yes}, nil
}

func (s *Service) logout(ctx context.Context, in accountParams) (accountResult, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	if _, err := s.Command(ctx, in.Channel, in.AccountID, wit.Command{Name: "logout", Args: wit.JSON("{}")}); err != nil {
		return accountResult{}, err
	}
	r, err := s.halt(ctx, in)
	r.LoggedOut, r.Cleared, r.Stopped = r.Stopped, r.Stopped, nil
	return r, err
}

// commandTimeout is how long a client waits for a plugin's answer to a command.
const commandTimeout = 20 * time.Second

func (s *Service) asideList(ctx context.Context, in asideListParams) (asideListResult, error) {
	out := asideListResult{Events: []asideRow{}}
	prefix := ""
	if in.Channel != "" {
		prefix = key(in.Channel) + "/"
		if in.AccountID != "" {
			prefix = key(in.Channel, in.AccountID) + "/"
		}
	}
	limit := in.Limit
	if limit == 0 {
		limit = 100
	}
	err := s.Store.View(ctx, func(tx store.Tx) error {
		for row, err := range asideTable.Scan(tx, store.Range{Prefix: prefix, Limit: limit}) {
			if err != nil {
				return err
			}
			if len(row.Value.Event) > 64<<10 {
				row.Value.Event = json.RawMessage(`"too large to be listed"`)
			}
			out.Events = append(out.Events, asideRow{row.Key, row.Value})
		}
		return nil
	})
	return out, err
}
