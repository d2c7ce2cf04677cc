package auth

import (
	"context"
	"encoding/base64"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/google/uuid"
)

// issued is a device token as a client gets it.
type issued struct {
	plain string
	at    int64
}

// admit lets a device in that is paired for what it asks, pairs it where that needs nobody's word, or
// leaves a request for the owner.
func (a *Auth) admit(ctx context.Context, t Attempt, k ask, dev *device, by proof) (issued, error) {
	var got issued
	var settled bool
	err := a.store.View(ctx, func(tx store.Tx) error {
		p, err := devices.Get(tx, dev.id)
		if notFound(err) {
			return nil
		}
		if err == nil && a.enough(&p, t, k, by) {
			if cur := p.current(k.role); !a.stale(&p, cur, k) {
				got, settled = issued{a.plain(p.DeviceID, cur), cur.CreatedAtMs}, true
			}
		}
		return err
	})
	if err != nil || settled {
		return got, err
	}
	return a.pair(ctx, t, k, dev, by)
}

// enough reports whether nothing more has to be approved. A device token is worth no more than what it
// was issued for.
func (a *Auth) enough(p *paired, t Attempt, k ask, by proof) bool {
	if !p.allows(k) {
		return false
	}
	if by != byDeviceToken {
		return true
	}
	given := t.Params.Auth
	for _, text := range []string{given.DeviceToken, given.Token} {
		if tok := p.live(text, a.now()); tok != nil && tok.Role == k.role && (k.role != wire.RoleOperator || covers(tok.Scopes, k.scopes)) {
			return true
		}
	}
	return false
}

// stale reports whether a new token has to be made: none, revoked, near its end, for fewer scopes, or
// not derivable any more because the gateway's key is another one.
func (a *Auth) stale(p *paired, cur *token, k ask) bool {
	now := a.now()
	return cur == nil || !cur.alive(now) || cur.ExpiresAtMs-now.UnixMilli() < TokenRenewal.Milliseconds() ||
		!covers(cur.Scopes, k.scopes) || cur.Hash != hashed(a.plain(p.DeviceID, cur))
}

// pair writes what admit found missing.
func (a *Auth) pair(ctx context.Context, t Attempt, k ask, dev *device, by proof) (issued, error) {
	silent := t.Local && by != byDeviceToken
	var (
		got   issued
		req   Request
		fresh bool // req is new
		done  bool // req was approved silently
	)
	err := a.store.Update(ctx, func(tx store.Tx) error {
		got, fresh, done = issued{}, false, false
		p, err := devices.Get(tx, dev.id)
		known := err == nil
		if err != nil && !notFound(err) {
			return err
		}
		if known && a.enough(&p, t, k, by) {
			got = a.renew(&p, k)
			return devices.Put(tx, p.DeviceID, p)
		}
		req = a.request(t, k, dev, known)
		if !silent {
			req, fresh, err = a.leave(tx, req)
			return err
		}
		req.Silent, done = true, true
		if err := a.forget(tx, dev.id); err != nil {
			return err
		}
		got, err = a.approve(tx, req)
		return err
	})
	if err != nil {
		return issued{}, err
	}
	switch {
	case done:
		Resolved.Publish(a.bus, Resolution{req.RequestID, req.DeviceID, "approved", a.now().UnixMilli()})
	case fresh:
		Requested.Publish(a.bus, req)
	}
	if got.plain == "" {
		err := wire.WithCode(wit.NewError(wit.CodeUnauthorized, "pairing required"), wire.NotPaired)
		details := map[string]any{"requestId": req.RequestID}
		if t.Protocol >= wire.Protocol4 {
			details["code"] = "PAIRING_REQUIRED"
		}
		return issued{}, rpc.WithDetails(err, details)
	}
	return got, nil
}

// renew gives the role a token that is not stale.
func (a *Auth) renew(p *paired, k ask) issued {
	cur := p.current(k.role)
	if a.stale(p, cur, k) {
		scopes := k.scopes
		if cur != nil {
			scopes = union(cur.Scopes, scopes)
		}
		cur = a.mint(p, k.role, scopes, true)
	}
	return issued{a.plain(p.DeviceID, cur), cur.CreatedAtMs}
}

func (a *Auth) request(t Attempt, k ask, dev *device, known bool) Request {
	c := t.Params.Client
	return Request{
		RequestID: uuid.NewString(), DeviceID: dev.id, PublicKey: base64.RawURLEncoding.EncodeToString(dev.key),
		DisplayName: c.DisplayName, Platform: c.Platform, DeviceFamily: c.DeviceFamily, ClientID: c.ID, ClientMode: c.Mode,
		BrowserOrigin: t.Origin, Role: k.role, Roles: []wire.Role{k.role}, Scopes: k.scopes, RemoteIP: t.RemoteIP,
		IsRepair: known, Ts: a.now().UnixMilli(),
	}
}

// leave keeps a request for the owner. The same ask of the same device stays one request; another ask
// replaces it under a new id, so that what the owner has read is what he approves.
func (a *Auth) leave(tx store.Tx, r Request) (kept Request, fresh bool, err error) {
	waiting := 0
	for row, err := range requests.Scan(tx, store.Range{}) {
		if err != nil {
			return r, false, err
		}
		old := row.Value
		same := old.DeviceID == r.DeviceID
		if same && !old.expired(a.now()) && old.Role == r.Role && slices.Equal(old.Scopes, r.Scopes) {
			return old, false, nil
		}
		if same || old.expired(a.now()) {
			if err := requests.Delete(tx, row.Key); err != nil {
				return r, false, err
			}
			continue
		}
		waiting++
	}
	if waiting >= maxRequests {
		return r, false, wit.NewError(wit.CodeUnavailable, "too many pending pairing requests: approve or reject some, or wait five minutes")
	}
	return r, true, requests.Put(tx, r.RequestID, r)
}

// forget drops what a device still had waiting.
func (a *Auth) forget(tx store.Tx, deviceID string) error {
	for row, err := range requests.Scan(tx, store.Range{}) {
		if err != nil {
			return err
		}
		if row.Value.DeviceID == deviceID {
			if err := requests.Delete(tx, row.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// approve adds what a request asks for to the device, and issues its token.
func (a *Auth) approve(tx store.Tx, r Request) (issued, error) {
	p, err := devices.Get(tx, r.DeviceID)
	now := a.now().UnixMilli()
	switch {
	case notFound(err):
		if err := a.roomFor(tx); err != nil {
			return issued{}, err
		}
		p = paired{Device: Device{DeviceID: r.DeviceID, CreatedAtMs: now}}
	case err != nil:
		return issued{}, err
	}
	p.PublicKey, p.Platform, p.DeviceFamily = r.PublicKey, r.Platform, r.DeviceFamily
	p.ClientID, p.ClientMode, p.Role, p.RemoteIP, p.ApprovedAtMs = r.ClientID, r.ClientMode, r.Role, r.RemoteIP, now
	if r.DisplayName != "" {
		p.DisplayName = r.DisplayName
	}
	p.Roles = union(p.Roles, []wire.Role{r.Role})
	if r.Role == wire.RoleOperator {
		p.Scopes = union(p.Scopes, r.Scopes)
	}
	got := a.renew(&p, ask{role: r.Role, scopes: r.Scopes})
	return got, devices.Put(tx, p.DeviceID, p)
}

func (a *Auth) roomFor(tx store.Tx) error {
	n := 0
	for _, err := range tx.Scan(string(devices), store.Range{}) {
		if err != nil {
			return err
		}
		n++
	}
	if n >= maxDevices {
		return wit.NewError(wit.CodeUnavailable, "too many paired devices: remove some with device.pair.remove")
	}
	return nil
}

// pending returns a request that still waits.
func (a *Auth) pending(tx store.Tx, id string, now time.Time) (Request, error) {
	r, err := requests.Get(tx, id)
	if notFound(err) || err == nil && r.expired(now) {
		return Request{}, wit.NewError(wit.CodeNotFound, "unknown requestId")
	}
	return r, err
}
