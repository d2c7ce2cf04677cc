package auth

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Methods are this package's rows.
func (a *Auth) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("device.pair.list", wire.ScopePairing, a.list),
		rpc.New("device.pair.approve", wire.ScopePairing, a.approveRequest),
		rpc.New("device.pair.reject", wire.ScopePairing, a.rejectRequest),
		rpc.New("device.pair.remove", wire.ScopePairing, a.remove),
		rpc.New("device.token.rotate", wire.ScopePairing, a.rotate),
		rpc.New("device.token.revoke", wire.ScopePairing, a.revoke),
	}
}

type requestRef struct {
	RequestID string `json:"requestId" rpc:"required,min=1,max=128"`
}

type deviceRef struct {
	DeviceID string `json:"deviceId" rpc:"required,min=1,max=128"`
}

type tokenRef struct {
	DeviceID string    `json:"deviceId" rpc:"required,min=1,max=128"`
	Role     wire.Role `json:"role" rpc:"required,min=1,max=64"`
}

type rotation struct {
	DeviceID string       `json:"deviceId" rpc:"required,min=1,max=128"`
	Role     wire.Role    `json:"role" rpc:"required,min=1,max=64"`
	Scopes   []wire.Scope `json:"scopes,omitempty" rpc:"max=64"`
}

// deviceRow is a paired device as clients see it: without hashes.
type deviceRow struct {
	paired
	Tokens []tokenRow `json:"tokens"`
}

type tokenRow struct {
	Role        wire.Role    `json:"role"`
	Scopes      []wire.Scope `json:"scopes"`
	CreatedAtMs int64        `json:"createdAtMs"`
	ExpiresAtMs int64        `json:"expiresAtMs,omitempty"`
	RotatedAtMs int64        `json:"rotatedAtMs,omitempty"`
	RevokedAtMs int64        `json:"revokedAtMs,omitempty"`
}

func shown(p paired) deviceRow {
	row := deviceRow{paired: p, Tokens: []tokenRow{}}
	for _, t := range p.Tokens {
		if !t.Superseded {
			row.Tokens = append(row.Tokens, tokenRow{t.Role, t.Scopes, t.CreatedAtMs, t.ExpiresAtMs, t.RotatedAtMs, t.RevokedAtMs})
		}
	}
	return row
}

type pairList struct {
	Pending []Request   `json:"pending"`
	Paired  []deviceRow `json:"paired"`
}

func (a *Auth) list(ctx context.Context, _ rpc.None) (pairList, error) {
	out := pairList{Pending: []Request{}, Paired: []deviceRow{}}
	err := a.store.View(ctx, func(tx store.Tx) error {
		for row, err := range requests.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if !row.Value.expired(a.now()) {
				out.Pending = append(out.Pending, row.Value)
			}
		}
		for row, err := range devices.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out.Paired = append(out.Paired, shown(row.Value))
		}
		return nil
	})
	// The newest first, as owners look for what they have just started.
	slices.SortStableFunc(out.Pending, func(x, y Request) int { return int(y.Ts - x.Ts) })
	slices.SortStableFunc(out.Paired, func(x, y deviceRow) int { return int(y.ApprovedAtMs - x.ApprovedAtMs) })
	return out, err
}

type approved struct {
	RequestID string    `json:"requestId"`
	Device    deviceRow `json:"device"`
}

// approveRequest grants what was asked, at most what the approver has himself.
func (a *Auth) approveRequest(ctx context.Context, in requestRef) (approved, error) {
	out := approved{RequestID: in.RequestID}
	err := a.store.Update(ctx, func(tx store.Tx) error {
		r, err := a.pending(tx, in.RequestID, a.now())
		if err != nil {
			return err
		}
		if err := within(ctx, r.Scopes); err != nil {
			return err
		}
		if _, err := a.approve(tx, r); err != nil {
			return err
		}
		p, err := devices.Get(tx, r.DeviceID)
		if err != nil {
			return err
		}
		out.Device = shown(p)
		return requests.Delete(tx, in.RequestID)
	})
	if err == nil {
		Resolved.Publish(a.bus, Resolution{in.RequestID, out.Device.DeviceID, "approved", a.now().UnixMilli()})
	}
	return out, err
}

// within refuses to hand out scopes that the caller lacks.
func within(ctx context.Context, scopes []wire.Scope) error {
	c := rpc.CallerOf(ctx)
	if c == nil {
		return nil // the gateway itself
	}
	for _, s := range scopes {
		if !covers(c.Scopes, []wire.Scope{s}) {
			return rpc.WithDetails(wit.Errorf(wit.CodeForbidden, "missing scope: %s", s),
				map[string]any{"code": "MISSING_SCOPE", "missingScope": s, "requiredScopes": scopes})
		}
	}
	return nil
}

type rejected struct {
	RequestID string `json:"requestId"`
	DeviceID  string `json:"deviceId"`
}

func (a *Auth) rejectRequest(ctx context.Context, in requestRef) (rejected, error) {
	out := rejected{RequestID: in.RequestID}
	err := a.store.Update(ctx, func(tx store.Tx) error {
		r, err := a.pending(tx, in.RequestID, a.now())
		if err != nil {
			return err
		}
		out.DeviceID = r.DeviceID
		return requests.Delete(tx, in.RequestID)
	})
	if err == nil {
		Resolved.Publish(a.bus, Resolution{in.RequestID, out.DeviceID, "rejected", a.now().UnixMilli()})
	}
	return out, err
}

type removed struct {
	DeviceID string `json:"deviceId"`
}

func (a *Auth) remove(ctx context.Context, in deviceRef) (removed, error) {
	err := a.store.Update(ctx, func(tx store.Tx) error {
		if _, err := a.device(tx, in.DeviceID); err != nil {
			return err
		}
		if err := a.forget(tx, in.DeviceID); err != nil {
			return err
		}
		return devices.Delete(tx, in.DeviceID)
	})
	if err == nil {
		Revoked.Publish(a.bus, Revocation{DeviceID: in.DeviceID})
	}
	return removed(in), err
}

func (a *Auth) device(tx store.Tx, id string) (paired, error) {
	p, err := devices.Get(tx, id)
	if notFound(err) {
		return p, wit.NewError(wit.CodeNotFound, "unknown deviceId")
	}
	return p, err
}

type rotated struct {
	DeviceID string       `json:"deviceId"`
	Role     wire.Role    `json:"role"`
	Token    string       `json:"token,omitempty"`
	Delivery string       `json:"tokenDelivery,omitempty"` // protocol 4
	Scopes   []wire.Scope `json:"scopes"`
	Rotated  int64        `json:"rotatedAtMs"`
}

// rotate replaces a device's token. Its text goes to the device itself, or in protocol 3 to an admin.
func (a *Auth) rotate(ctx context.Context, in rotation) (rotated, error) {
	out := rotated{DeviceID: in.DeviceID, Role: in.Role, Rotated: a.now().UnixMilli()}
	err := a.store.Update(ctx, func(tx store.Tx) error {
		p, err := a.device(tx, in.DeviceID)
		if err != nil {
			return err
		}
		scopes := in.Scopes
		if cur := p.current(in.Role); len(scopes) == 0 && cur != nil {
			scopes = cur.Scopes
		}
		if !p.allows(ask{role: in.Role, scopes: scopes}) {
			return wit.NewError(wit.CodeInvalid, "unknown deviceId/role: the device was not approved for this")
		}
		if err := within(ctx, scopes); err != nil {
			return err
		}
		t := a.mint(&p, in.Role, scopes, false)
		out.Scopes, out.Token = t.Scopes, a.plain(p.DeviceID, t)
		return devices.Put(tx, p.DeviceID, p)
	})
	if err != nil {
		return rotated{}, err
	}
	caller := rpc.CallerOf(ctx)
	own := caller != nil && caller.DeviceID == in.DeviceID
	v4 := caller != nil && caller.Protocol >= wire.Protocol4
	if v4 {
		out.Delivery = "in-band"
	}
	if !own && (v4 || caller != nil && !slices.Contains(caller.Scopes, wire.ScopeAdmin)) {
		out.Token, out.Delivery = "", "withheld-cross-device"
	}
	if !own {
		Revoked.Publish(a.bus, Revocation{in.DeviceID, in.Role})
	}
	return out, nil
}

type revoked struct {
	DeviceID    string    `json:"deviceId"`
	Role        wire.Role `json:"role"`
	RevokedAtMs int64     `json:"revokedAtMs"`
}

// revoke ends the tokens of a device's role and the connections that stand on them.
func (a *Auth) revoke(ctx context.Context, in tokenRef) (revoked, error) {
	out := revoked{in.DeviceID, in.Role, a.now().UnixMilli()}
	err := a.store.Update(ctx, func(tx store.Tx) error {
		p, err := a.device(tx, in.DeviceID)
		if err != nil {
			return err
		}
		if p.current(in.Role) == nil {
			return wit.NewError(wit.CodeNotFound, "unknown deviceId/role: the device has no such token")
		}
		for i := range p.Tokens {
			if t := &p.Tokens[i]; t.Role == in.Role && t.RevokedAtMs == 0 {
				t.RevokedAtMs = out.RevokedAtMs
			}
		}
		return devices.Put(tx, p.DeviceID, p)
	})
	if err == nil {
		Revoked.Publish(a.bus, Revocation{in.DeviceID, in.Role})
	}
	return out, err
}
