package auth

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/google/uuid"
)

// applicant is a device that has proved its key and logged in, with what it asks for.
type applicant struct {
	attempt Attempt
	ask     ask
	device  *device
	by      proof
}

// silent reports whether the owner himself seems to sit here: a local client with the shared secret pairs unasked. A
// device token proves the device only, and cannot widen its own rights.
func (c applicant) silent() bool { return c.attempt.Local && c.by.shared() }

// enough reports whether nothing more has to be approved. A device token is worth no more than what it
// was issued for, and a setup code is used up when it is looked at.
func (c applicant) enough(p *paired, now time.Time) bool {
	if !p.allows(c.ask) || c.by == bySetupCode {
		return false
	}
	if c.by != byDeviceToken {
		return true
	}
	given, k := c.attempt.Params.Auth, c.ask
	for _, text := range []string{given.DeviceToken, given.Token} {
		if tok := p.live(text, now); tok != nil && tok.Role == k.role && (k.role != wire.RoleOperator || covers(tok.Scopes, k.scopes)) {
			return true
		}
	}
	return false
}

// request is what the owner would have to approve. known devices ask for more than they have.
func (c applicant) request(known bool, now time.Time) Request {
	t, k, dev := c.attempt, c.ask, c.device
	client := t.Params.Client
	return Request{
		RequestID: uuid.NewString(), DeviceID: dev.id, PublicKey: base64.RawURLEncoding.EncodeToString(dev.key),
		DisplayName: client.DisplayName, Platform: client.Platform, DeviceFamily: client.DeviceFamily, ClientID: client.ID, ClientMode: client.Mode,
		BrowserOrigin: t.Origin, Role: k.role, Roles: []wire.Role{k.role}, Scopes: k.scopes, RemoteIP: t.RemoteIP,
		IsRepair: known, Ts: now.UnixMilli(),
	}
}

// pairing lets devices in, or keeps their requests for the owner.
type pairing struct {
	store  store.Store
	bus    *event.Bus
	tokens tokens
	// askAlways: nobody pairs unasked.
	askAlways bool
	now       func() time.Time
}

// admit lets a device in that is paired for what it asks, pairs it where that needs nobody's word, or
// leaves a request for the owner. What needs no change takes a read only: commits cost a sync of the disk.
//
// Errors: wire.NotPaired with details requestId; CodeUnauthorized for a setup code that another device was faster to use;
// CodeUnavailable when too many wait or are paired.
func (p *pairing) admit(ctx context.Context, c applicant) (out decision, err error) {
	known, err := lookup(ctx, p.store, c.device.id)
	if err != nil {
		return out, err
	}
	if known != nil && c.enough(known, p.now()) && known.recent(p.now()) {
		if got, ok := p.tokens.current(known, c.ask); ok {
			return decision{token: got}, nil
		}
	}
	err = p.store.Update(ctx, func(tx store.Tx) (err error) {
		out, err = p.decide(tx, c)
		return err
	})
	if err != nil {
		return decision{}, err
	}
	p.announce(out)
	if out.token.plain == "" {
		return decision{}, unpaired(out.request.RequestID, c.attempt.Protocol)
	}
	return out, nil
}

// decision is what became of an applicant: a token, or a request that waits, or one that was approved at once.
type decision struct {
	token    issued
	request  Request
	fresh    bool // the request is new
	approved bool // the request was approved silently
	// others are the tokens of further roles, and setup what was just used, where a setup code let the device in.
	others []wire.IssuedToken
	setup  *SetupCompletion
}

// decide looks again, inside the transaction, and writes what admit found missing.
func (p *pairing) decide(tx store.Tx, c applicant) (out decision, err error) {
	known, err := find(tx, c.device.id)
	if err != nil {
		return out, err
	}
	if c.by == bySetupCode {
		return p.redeem(tx, c, known != nil)
	}
	if known != nil && c.enough(known, p.now()) {
		out.token, known.LastSeenAtMs = p.tokens.renew(known, c.ask), p.now().UnixMilli()
		return out, devices.Put(tx, known.DeviceID, *known)
	}
	out.request = c.request(known != nil, p.now())
	if p.askAlways || !c.silent() {
		out.request, out.fresh, err = leave(tx, out.request, p.now())
		return out, err
	}
	out.request.Silent, out.approved = true, true
	if err := forget(tx, c.device.id); err != nil {
		return out, err
	}
	_, out.token, err = p.approve(tx, out.request, ViaSilent)
	return out, err
}

// announce comes after the commit: who hears of a request can approve it.
func (p *pairing) announce(out decision) {
	switch r := out.request; {
	case out.setup != nil:
		SetupCompleted.Publish(p.bus, *out.setup)
		Altered.Publish(p.bus, Alteration{out.setup.DeviceID})
	case out.approved:
		Resolved.Publish(p.bus, Resolution{r.RequestID, r.DeviceID, "approved", p.now().UnixMilli()})
	case out.fresh:
		Requested.Publish(p.bus, r)
	}
}

// approve adds what a request asks for to the device, and issues its token. Unless the owner is
// who lets it in, it is there now.
func (p *pairing) approve(tx store.Tx, r Request, via Via) (*paired, issued, error) {
	now := p.now().UnixMilli()
	d, err := find(tx, r.DeviceID)
	if err != nil {
		return nil, issued{}, err
	}
	if d == nil {
		if err := roomFor(tx); err != nil {
			return nil, issued{}, err
		}
		d = &paired{Device: Device{DeviceID: r.DeviceID, CreatedAtMs: now}}
	}
	d.PublicKey, d.Platform, d.DeviceFamily = r.PublicKey, r.Platform, r.DeviceFamily
	d.ClientID, d.ClientMode, d.Role, d.RemoteIP, d.ApprovedAtMs = r.ClientID, r.ClientMode, r.Role, r.RemoteIP, now
	if d.ApprovedVia = via; via != ViaOwner {
		d.LastSeenAtMs = now
	}
	if r.DisplayName != "" {
		d.DisplayName = r.DisplayName
	}
	d.Roles = union(d.Roles, []wire.Role{r.Role})
	if r.Role == wire.RoleOperator {
		d.Scopes = union(d.Scopes, r.Scopes)
	}
	got := p.tokens.renew(d, ask{role: r.Role, scopes: r.Scopes})
	return d, got, devices.Put(tx, d.DeviceID, *d)
}

// unpaired tells a client that it waits for the owner, under which request.
func unpaired(requestID string, protocol int) error {
	err := wire.WithCode(wit.NewError(wit.CodeUnauthorized, "pairing required"), wire.NotPaired)
	details := map[string]any{"requestId": requestID}
	if protocol >= wire.Protocol4 {
		details["code"] = "PAIRING_REQUIRED"
	}
	return rpc.WithDetails(err, details)
}
