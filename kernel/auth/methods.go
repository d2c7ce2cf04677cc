package auth

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// methods is the owner's side of pairing: he sees, approves, rejects and revokes. Each changes the store in
// one transaction and publishes after it.
type methods struct {
	*pairing
	mode      Mode
	addresses Addresses
	connected func() map[string]bool
}

func (m *methods) rows() []rpc.Method {
	return []rpc.Method{
		rpc.New("device.pair.list", wire.ScopePairing, m.list).Doc("Lists the devices that wait for approval and those that are paired, the newest first."),
		rpc.New("device.pair.approve", wire.ScopePairing, m.approveRequest).Audited().Fails(wire.NotFound).Emits("device.pair.resolved").
			Doc("Lets a waiting device in, with at most the scopes that the approver has."),
		rpc.New("device.pair.reject", wire.ScopePairing, m.rejectRequest).Audited().Fails(wire.NotFound).Emits("device.pair.resolved").
			Doc("Turns a waiting device away."),
		rpc.New("device.pair.remove", wire.ScopePairing, m.remove).Audited().Fails(wire.NotFound).Emits("device.pair.changed").
			Doc("Forgets a paired device and ends its connections."),
		rpc.New("device.pair.setupCode", wire.ScopeAdmin, m.newSetupCode).Audited().Fails(wire.TooLarge).Emits("device.pair.setup.completed").
			Doc("Makes a setup code, which lets one device in within ten minutes, and a picture of it to scan."),
		rpc.New("device.pair.setupStatus", wire.ScopeAdmin, m.setupStatus).Fails(wire.NotFound).
			Doc("Says which device a setup code has let in."),
		rpc.New("device.pair.rename", wire.ScopePairing, m.rename).Audited().Fails(wire.NotFound).Emits("device.pair.changed").
			Doc("Gives a paired device the name that the owner calls it by."),
		rpc.New("device.token.rotate", wire.ScopePairing, m.rotate).Audited().Fails(wire.NotFound).
			Doc("Replaces the token of a device."),
		rpc.New("device.token.revoke", wire.ScopePairing, m.revoke).Audited().Fails(wire.NotFound).
			Doc("Ends the tokens of a device in a role, and the connections that stand on them."),
	}
}

// RequestRef names a device that waits.
type RequestRef struct {
	RequestID string `json:"requestId" rpc:"required,min=1,max=128"`
}

// DeviceRef names a paired device.
type DeviceRef struct {
	DeviceID string `json:"deviceId" rpc:"required,min=1,max=128"`
}

// TokenRef names the tokens of a device in a role.
type TokenRef struct {
	DeviceID string    `json:"deviceId" rpc:"required,min=1,max=128"`
	Role     wire.Role `json:"role" rpc:"required,min=1,max=64"`
}

// Rotation asks for a new token.
type Rotation struct {
	DeviceID string    `json:"deviceId" rpc:"required,min=1,max=128"`
	Role     wire.Role `json:"role" rpc:"required,min=1,max=64"`
	// Scopes are those of the present token when left out; none beyond what was approved.
	Scopes []wire.Scope `json:"scopes,omitempty" rpc:"max=64"`
}

// DeviceRow is a paired device as clients see it: without hashes.
type DeviceRow struct {
	Device
	Connected bool       `json:"connected"`
	Tokens    []TokenRow `json:"tokens"`
}

// TokenRow is what may be known of a token. Times are Unix milliseconds.
type TokenRow struct {
	Role        wire.Role    `json:"role"`
	Scopes      []wire.Scope `json:"scopes"`
	CreatedAtMs int64        `json:"createdAtMs"`
	ExpiresAtMs int64        `json:"expiresAtMs,omitempty"`
	RotatedAtMs int64        `json:"rotatedAtMs,omitempty"`
	RevokedAtMs int64        `json:"revokedAtMs,omitempty"`
}

// shown leaves out hashes, salts, and tokens that only live on until their end.
func shown(p paired) DeviceRow {
	row := DeviceRow{Device: p.Device, Tokens: []TokenRow{}}
	for _, t := range p.Tokens {
		if !t.Superseded {
			row.Tokens = append(row.Tokens, TokenRow{t.Role, t.Scopes, t.CreatedAtMs, t.ExpiresAtMs, t.RotatedAtMs, t.RevokedAtMs})
		}
	}
	return row
}

// PairList is who waits and who is in.
type PairList struct {
	Pending []Request   `json:"pending"`
	Paired  []DeviceRow `json:"paired"`
}

// list leaves expired requests out; the next request that is kept removes them from the store.
func (m *methods) list(ctx context.Context, _ rpc.None) (PairList, error) {
	out := PairList{Pending: []Request{}, Paired: []DeviceRow{}}
	err := m.store.View(ctx, func(tx store.Tx) error {
		for row, err := range requests.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if !row.Value.expired(m.now()) {
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
	there := m.connected()
	for i := range out.Paired {
		out.Paired[i].Connected = there[out.Paired[i].DeviceID]
	}
	// The newest first, as owners look for what they have just started.
	slices.SortStableFunc(out.Pending, func(x, y Request) int { return cmp.Compare(y.Ts, x.Ts) })
	slices.SortStableFunc(out.Paired, func(x, y DeviceRow) int { return cmp.Compare(y.ApprovedAtMs, x.ApprovedAtMs) })
	return out, err
}

// Approved is the device that was let in.
type Approved struct {
	RequestID string    `json:"requestId"`
	Device    DeviceRow `json:"device"`
}

// approveRequest grants what was asked, at most what the approver has himself.
func (m *methods) approveRequest(ctx context.Context, in RequestRef) (Approved, error) {
	out := Approved{RequestID: in.RequestID}
	err := m.store.Update(ctx, func(tx store.Tx) error {
		r, err := pending(tx, in.RequestID, m.now())
		if err != nil {
			return err
		}
		if err := within(ctx, r.Scopes); err != nil {
			return err
		}
		p, _, err := m.approve(tx, r, ViaOwner)
		if err != nil {
			return err
		}
		out.Device = shown(*p)
		return requests.Delete(tx, in.RequestID)
	})
	if err == nil {
		Resolved.Publish(m.bus, Resolution{in.RequestID, out.Device.DeviceID, "approved", m.now().UnixMilli()})
	}
	return out, err
}

// within refuses to hand out scopes that the caller lacks.
func within(ctx context.Context, scopes []wire.Scope) error {
	c := rpc.CallerOf(ctx)
	for _, s := range scopes {
		if !covers(c.Scopes, []wire.Scope{s}) {
			return rpc.WithDetails(wit.Errorf(wit.CodeForbidden, "missing scope: %s", s),
				map[string]any{"code": wire.MissingScope, "missingScope": s, "requiredScopes": scopes})
		}
	}
	return nil
}

// deviceOf returns the device that a caller wants to change. A device may change itself; else only who has all of its
// rights may, or who lets devices in could lower or lock out the owner's. Errors: CodeNotFound; CodeForbidden.
func deviceOf(ctx context.Context, tx store.Tx, id string) (*paired, error) {
	p, err := find(tx, id)
	if err == nil && p == nil {
		err = wit.NewError(wit.CodeNotFound, "unknown deviceId")
	}
	if err != nil {
		return nil, err
	}
	if rpc.CallerOf(ctx).DeviceID == id {
		return p, nil
	}
	return p, within(ctx, p.Scopes)
}

// Rejected is the device that was turned away.
type Rejected struct {
	RequestID string `json:"requestId"`
	DeviceID  string `json:"deviceId"`
}

// rejectRequest removes a request. The device may ask again, under a new id.
func (m *methods) rejectRequest(ctx context.Context, in RequestRef) (Rejected, error) {
	out := Rejected{RequestID: in.RequestID}
	err := m.store.Update(ctx, func(tx store.Tx) error {
		r, err := pending(tx, in.RequestID, m.now())
		if err != nil {
			return err
		}
		out.DeviceID = r.DeviceID
		return requests.Delete(tx, in.RequestID)
	})
	if err == nil {
		Resolved.Publish(m.bus, Resolution{in.RequestID, out.DeviceID, "rejected", m.now().UnixMilli()})
	}
	return out, err
}

// Removed is the device that was forgotten.
type Removed struct {
	DeviceID string `json:"deviceId"`
}

// remove forgets a device, its tokens and what it has waiting, and ends its connections.
func (m *methods) remove(ctx context.Context, in DeviceRef) (Removed, error) {
	err := m.store.Update(ctx, func(tx store.Tx) error {
		if _, err := deviceOf(ctx, tx, in.DeviceID); err != nil {
			return err
		}
		if err := errors.Join(forget(tx, in.DeviceID), endSetups(tx, in.DeviceID, m.now())); err != nil {
			return err
		}
		return devices.Delete(tx, in.DeviceID)
	})
	if err == nil {
		Revoked.Publish(m.bus, Revocation{DeviceID: in.DeviceID})
		Altered.Publish(m.bus, Alteration(in))
	}
	return Removed(in), err
}

// Renaming gives a device a name.
type Renaming struct {
	DeviceID string `json:"deviceId" rpc:"required,min=1,max=128"`
	Label    string `json:"label" rpc:"required,min=1,max=64"`
}

// rename keeps what the owner calls a device, beside what it calls itself.
func (m *methods) rename(ctx context.Context, in Renaming) (Renaming, error) {
	if in.Label = strings.TrimSpace(in.Label); in.Label == "" {
		return in, wit.NewError(wit.CodeInvalid, "label required")
	}
	err := m.store.Update(ctx, func(tx store.Tx) error {
		p, err := deviceOf(ctx, tx, in.DeviceID)
		if err != nil {
			return err
		}
		p.OperatorLabel = in.Label
		return devices.Put(tx, p.DeviceID, *p)
	})
	if err == nil {
		Altered.Publish(m.bus, Alteration{in.DeviceID})
	}
	return in, err
}

// Rotated is a device's new token.
type Rotated struct {
	DeviceID string    `json:"deviceId"`
	Role     wire.Role `json:"role"`
	// Token is there for the device itself and, in protocol 3, for admins.
	Token string `json:"token,omitempty"`
	// Delivery is in-band where the token is there, else withheld-cross-device (protocol 4).
	Delivery string       `json:"tokenDelivery,omitempty"`
	Scopes   []wire.Scope `json:"scopes"`
	// Rotated is in Unix milliseconds.
	Rotated int64 `json:"rotatedAtMs"`
}

// rotate replaces a device's token. Its text goes to the device itself, or in protocol 3 to an admin.
func (m *methods) rotate(ctx context.Context, in Rotation) (Rotated, error) {
	out := Rotated{DeviceID: in.DeviceID, Role: in.Role, Rotated: m.now().UnixMilli()}
	err := m.store.Update(ctx, func(tx store.Tx) error {
		p, err := deviceOf(ctx, tx, in.DeviceID)
		if err != nil {
			return err
		}
		scopes := in.Scopes
		for _, s := range scopes {
			if !s.Known() {
				return wit.Errorf(wit.CodeInvalid, "unknown scope: %.64q", s)
			}
		}
		if cur := p.current(in.Role); len(scopes) == 0 && cur != nil {
			scopes = cur.Scopes
		}
		if !p.allows(ask{role: in.Role, scopes: scopes}) {
			return wit.NewError(wit.CodeInvalid, "unknown deviceId/role: the device was not approved for this")
		}
		// Else who may pair could make himself a token with the rights of any device.
		if err := within(ctx, scopes); err != nil {
			return err
		}
		t := m.tokens.mint(p, in.Role, scopes, false)
		out.Scopes, out.Token = t.Scopes, m.tokens.plain(p.DeviceID, t)
		return devices.Put(tx, p.DeviceID, *p)
	})
	if err != nil {
		return Rotated{}, err
	}
	caller := rpc.CallerOf(ctx)
	own, v4 := caller.DeviceID == in.DeviceID, caller.Protocol >= wire.Protocol4
	if v4 {
		out.Delivery = "in-band"
	}
	if !own && (v4 || !slices.Contains(caller.Scopes, wire.ScopeAdmin)) {
		out.Token, out.Delivery = "", "withheld-cross-device"
	}
	// The device itself goes on with the token that it has just got.
	if !own {
		Revoked.Publish(m.bus, Revocation{in.DeviceID, in.Role})
	}
	return out, nil
}

// RevokedTokens says whose tokens ended, and when, in Unix milliseconds.
type RevokedTokens struct {
	DeviceID    string    `json:"deviceId"`
	Role        wire.Role `json:"role"`
	RevokedAtMs int64     `json:"revokedAtMs"`
}

// revoke ends the tokens of a device's role and the connections that stand on them.
func (m *methods) revoke(ctx context.Context, in TokenRef) (RevokedTokens, error) {
	out := RevokedTokens{in.DeviceID, in.Role, m.now().UnixMilli()}
	err := m.store.Update(ctx, func(tx store.Tx) error {
		p, err := deviceOf(ctx, tx, in.DeviceID)
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
		if err := endSetups(tx, in.DeviceID, m.now()); err != nil {
			return err
		}
		return devices.Put(tx, p.DeviceID, *p)
	})
	if err == nil {
		Revoked.Publish(m.bus, Revocation(in))
	}
	return out, err
}
