package inbox

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// pairing is the owner's side of pairing: who asks, who is let in. It keeps nothing in memory.
type pairing struct {
	store     store.Store
	outbox    message.Outbox
	accounts  Accounts
	owners    Owners
	questions *question.Book
	person    Person
}

func (p *pairing) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("channels.pairing.list", wire.ScopePairing, p.list).Doc("Lists who asks to write."),
		rpc.New("channels.pairing.approved", wire.ScopePairing, p.approved).Doc("Lists who may write because the owner approved it."),
		rpc.New("channels.pairing.approve", wire.ScopePairing, p.approve).Audited().Fails(wire.NotFound).
			Doc("Lets a sender write."),
		rpc.New("channels.pairing.allow", wire.ScopePairing, p.allow).Audited().Fails(wire.NotFound).
			Doc("Lets somebody write who has not asked."),
		rpc.New("channels.pairing.dismiss", wire.ScopePairing, p.dismiss).Audited().Fails(wire.NotFound).
			Doc("Forgets a sender's request."),
		rpc.New("channels.pairing.revoke", wire.ScopePairing, p.revoke).Audited().Fails(wire.NotFound).
			Doc("Takes an approval back."),
	}
}

// list shows the requests that wait, and the accounts that can have some.
func (p *pairing) list(ctx context.Context, in PairingListParams) (PairingListResult, error) {
	out := PairingListResult{
		Accounts: []PairingAccount{}, Requests: []PairingRequest{},
		CommandOwnerConfigured: p.owners != nil && p.owners.Owned(), Limits: PairingLimits{PendingPerAccount: maxRequests, TTLMs: requestTTL.Milliseconds()},
	}
	for _, a := range p.accounts.Accounts() {
		if in.selects(a.Channel, a.ID) {
			out.Accounts = append(out.Accounts, PairingAccount{
				Channel: a.Channel, ChannelLabel: p.accounts.Label(a.Channel), AccountID: a.ID, NotifySupported: true,
			})
		}
	}
	var list []request
	err := p.store.View(ctx, func(tx store.Tx) (err error) {
		list, err = requests(tx, in.Channel)
		return err
	})
	for _, r := range list {
		if in.selects(r.Channel, r.Account) && r.ExpiresAt > time.Now().UnixMilli() {
			out.Requests = append(out.Requests, p.row(r))
		}
	}
	return out, err
}

// row shows a request as clients see it.
func (p *pairing) row(r request) PairingRequest {
	return PairingRequest{
		RequestID: r.Code, Channel: r.Channel, ChannelLabel: p.accounts.Label(r.Channel), AccountID: r.Account,
		SenderID: r.Sender.ID, SenderLabel: personLabel(r.Sender), CreatedAt: stamp(r.CreatedAt),
		LastSeenAt: stamp(r.LastSeenAt), ExpiresAt: stamp(r.ExpiresAt), NotifySupported: true,
	}
}

// approved lists who may write because the owner has let them in.
func (p *pairing) approved(ctx context.Context, in PairingListParams) (PairingApprovedResult, error) {
	out := PairingApprovedResult{Approved: []PairingApproval{}}
	err := p.store.View(ctx, func(tx store.Tx) error {
		out.Approved = out.Approved[:0]
		for row, err := range approvalTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if v := row.Value; in.selects(v.Channel, v.Account) {
				out.Approved = append(out.Approved, PairingApproval{v.Channel, v.Account, v.Sender.ID, personLabel(v.Sender), stamp(v.At)})
			}
		}
		return nil
	})
	return out, err
}

// approve lets the sender of a request in and, where the owner wants it, tells them in the same transaction.
func (p *pairing) approve(ctx context.Context, in PairingDecisionParams) (PairingDecisionResult, error) {
	out, err := p.decide(ctx, in, "✓ Approved", func(tx store.Tx, r request) error { return p.admit(tx, r, in.Notify) })
	if err == nil && in.Notify {
		out.Notification = "sent"
		p.outbox.Wake()
	}
	if err == nil && in.BootstrapCommandOwner {
		out.CommandOwnerBootstrap, err = p.bootstrap(ctx, out.Channel, out.SenderID)
	}
	return out, err
}

// bootstrap makes the first person who is let in the owner, where that was asked for.
func (p *pairing) bootstrap(ctx context.Context, channel, sender string) (string, error) {
	switch {
	case p.owners == nil:
		return "unavailable", nil
	case p.owners.Owned():
		return "already-configured", nil
	}
	return "configured", p.owners.Own(ctx, channel, sender)
}

// dismiss forgets a request. The sender may ask again and gets another code.
func (p *pairing) dismiss(ctx context.Context, in PairingDecisionParams) (PairingDecisionResult, error) {
	return p.decide(ctx, in, "Dismissed", func(store.Tx, request) error { return nil })
}

// admit lets the sender of a request in, and tells them where that is wanted.
func (p *pairing) admit(tx store.Tx, r request, notify bool) error {
	err := approvalTable.Put(tx, r.key(), approval{r.Channel, r.Account, r.Sender, time.Now().UnixMilli()})
	if err != nil || !notify {
		return err
	}
	return p.outbox.Enqueue(tx, message.Outbound{
		ID: "approved/" + r.key() + "/" + r.Code, Channel: r.Channel, Account: r.Account, To: r.Conversation,
		Text: "You have been approved. Say hello!",
	})
}

// decide finds a request, does what the owner decided and removes it, in one transaction. said is put below the question in
// the owner's chat, if there is one.
func (p *pairing) decide(ctx context.Context, in PairingDecisionParams, said string, do func(store.Tx, request) error) (PairingDecisionResult, error) {
	code := in.code()
	out := PairingDecisionResult{RequestID: code, Notification: "not-requested", CommandOwnerBootstrap: "not-requested"}
	if code == "" {
		return out, wit.NewError(wit.CodeInvalid, "invalid pairing params: must have required property 'code'")
	}
	asked := false // the owner, in a chat
	err := p.store.Update(ctx, func(tx store.Tx) error {
		list, err := requests(tx, in.Channel)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(r request) bool {
			return r.Code == code && r.ExpiresAt > time.Now().UnixMilli() && (in.AccountID == "" || in.AccountID == r.Account)
		})
		if i < 0 {
			return wit.Errorf(wit.CodeNotFound, "no request of channel %s waits with code %s: it may have expired; the sender gets a new code by writing again", in.Channel, code)
		}
		r := list[i]
		out.SenderID, out.Channel, out.AccountID = r.Sender.ID, r.Channel, r.Account
		if err := do(tx, r); err != nil {
			return err
		}
		if asked, err = p.questions.Close(tx, r.question(), said); err != nil {
			return err
		}
		return requestTable.Delete(tx, r.key())
	})
	if err == nil && asked {
		p.outbox.Wake()
	}
	return out, err
}

// allow lets somebody in by an id or a name. A request of theirs that waits is decided with it.
func (p *pairing) allow(ctx context.Context, in PairingAllowParams) (PairingApproval, error) {
	a, err := p.accounts.Account(in.Channel, in.AccountID)
	if err != nil {
		return PairingApproval{}, err
	}
	who := wit.Person{ID: in.Sender}
	if p.person != nil {
		found, known, err := p.person(ctx, a, in.Sender)
		if err != nil {
			return PairingApproval{}, err
		}
		if known {
			who = found
		}
	}
	let := approval{a.Channel, a.ID, who, time.Now().UnixMilli()}
	k, asked := key(a.Channel, a.ID, who.ID), false
	err = p.store.Update(ctx, func(tx store.Tx) error {
		r, err := requestTable.Get(tx, k)
		switch there, err := found(err); {
		case err != nil:
			return err
		case there:
			if asked, err = p.questions.Close(tx, r.question(), "✓ Approved"); err != nil {
				return err
			}
			if err := requestTable.Delete(tx, k); err != nil {
				return err
			}
		}
		return approvalTable.Put(tx, k, let)
	})
	if err == nil && asked {
		p.outbox.Wake()
	}
	return PairingApproval{let.Channel, let.Account, who.ID, personLabel(who), stamp(let.At)}, err
}

// revoke takes an approval back, also one of an account that is gone, if it is named.
func (p *pairing) revoke(ctx context.Context, in PairingRevokeParams) (OKResult, error) {
	a := message.Account{Channel: in.Channel, ID: in.AccountID}
	if a.ID == "" {
		var err error
		if a, err = p.accounts.Account(in.Channel, ""); err != nil {
			return OKResult{}, err
		}
	}
	k := key(a.Channel, a.ID, in.SenderID)
	return OKResult{true}, p.store.Update(ctx, func(tx store.Tx) error {
		if _, err := approvalTable.Get(tx, k); err != nil {
			return store.Named(err, "%.100s is not among the approved of %s: `carapace pairing approved` shows who is", in.SenderID, a)
		}
		return approvalTable.Delete(tx, k)
	})
}

// code is what names the request: the code where both are given.
func (in *PairingDecisionParams) code() string {
	code := in.Code
	if code == "" {
		code = in.RequestID
	}
	return strings.ToUpper(strings.TrimSpace(code))
}

func (in *PairingListParams) selects(channel, account string) bool {
	return (in.Channel == "" || in.Channel == channel) && (in.AccountID == "" || in.AccountID == account)
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// personLabel is the best name that is known of somebody.
func personLabel(p wit.Person) string {
	switch {
	case p.Name != nil && *p.Name != "":
		return *p.Name
	case p.Username != nil && *p.Username != "":
		return "@" + *p.Username
	}
	return p.ID
}
