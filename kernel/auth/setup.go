package auth

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Access is what a setup code lets a device have.
type Access string

const (
	// AccessFull is a node, and an operator who administers.
	AccessFull Access = "full"
	// AccessLimited is a node, and an operator who chats, approves and reads, and administers nothing.
	AccessLimited Access = "limited"
	// AccessNode is a node only.
	AccessNode Access = "node"
)

// right is a role, with its scopes.
type right struct {
	role   wire.Role
	scopes []wire.Scope
}

// rights are what a device has that came by a code. They are those of OpenClaw's setup codes (its docs, channels/pairing), which
// its apps expect.
func (a Access) rights() []right {
	node := right{wire.RoleNode, []wire.Scope{}}
	limited := []wire.Scope{wire.ScopeApprovals, wire.ScopeRead, wire.ScopeTalkSecrets, wire.ScopeWrite}
	switch a {
	case AccessFull:
		return []right{node, {wire.RoleOperator, append([]wire.Scope{wire.ScopeAdmin}, limited...)}}
	case AccessLimited:
		return []right{node, {wire.RoleOperator, limited}}
	}
	return []right{node}
}

// allows reports whether a device that came by a code may have what it asks for.
func (a Access) allows(k ask) bool {
	for _, r := range a.rights() {
		if r.role == k.role && (r.role == wire.RoleNode || covers(r.scopes, k.scopes)) {
			return true
		}
	}
	return false
}

// setup is a setup code at rest, in the store under its token's hash. Times are Unix milliseconds.
type setup struct {
	ID          string `json:"id"`
	Access      Access `json:"access"`
	ExpiresAtMs int64  `json:"expiresAtMs"`
	// DeviceID is the device that used it first. It may again until the end, in case the answer was lost; no other may.
	DeviceID   string `json:"deviceId,omitempty"`
	DeviceName string `json:"deviceName,omitempty"`
	UsedAtMs   int64  `json:"usedAtMs,omitempty"`
}

const setups store.Table[setup] = "auth.setups"

// Bounds of setup codes.
const (
	// SetupTTL is how long a setup code can be used.
	SetupTTL = 10 * time.Minute
	// setupMemory is how long what became of a code is known after its end.
	setupMemory = time.Hour
	maxSetups   = 32
)

// good reports whether a device may use the code.
func (s setup) good(deviceID string, now time.Time) bool {
	return now.UnixMilli() < s.ExpiresAtMs && (s.DeviceID == "" || s.DeviceID == deviceID)
}

// completion is what a code that was used has become.
func (s setup) completion() SetupCompletion {
	return SetupCompletion{SetupID: s.ID, DeviceID: s.DeviceID, DeviceName: s.DeviceName, Access: s.Access, Ts: s.UsedAtMs}
}

// setupFor returns the code of a token, if the device may use it; ok is false else, and for no token. Errors: the store's.
func setupFor(tx store.Tx, token, deviceID string, now time.Time) (s setup, ok bool, err error) {
	if token == "" {
		return s, false, nil
	}
	s, err = setups.Get(tx, hashed(token))
	if wit.CodeOf(err) == wit.CodeNotFound {
		return s, false, nil
	}
	return s, err == nil && s.good(deviceID, now), err
}

// issue keeps a new code and returns its token, which is nowhere else. Errors: CodeUnavailable when too many can still be used.
func issue(tx store.Tx, access Access, now time.Time) (s setup, token string, err error) {
	usable := 0
	for row, err := range setups.Scan(tx, store.Range{}) {
		if err != nil && !store.Damaged(err) {
			return s, "", err
		}
		old := row.Value
		switch over := now.Sub(time.UnixMilli(old.ExpiresAtMs)); {
		case err != nil || over > setupMemory:
			if err := setups.Delete(tx, row.Key); err != nil {
				return s, "", err
			}
		case over < 0 && old.DeviceID == "":
			usable++
		}
	}
	if usable >= maxSetups {
		return s, "", wit.ErrorAfter(wit.CodeUnavailable, SetupTTL, "too many setup codes that nobody has used: each ends after ten minutes")
	}
	s = setup{ID: uuid.NewString(), Access: access, ExpiresAtMs: now.Add(SetupTTL).UnixMilli()}
	token = random()
	return s, token, setups.Put(tx, hashed(token), s)
}

// redeem lets a device in by its setup code, for all that the code is for, and binds the code to it. A device that asks for more
// waits for the owner. known says that it is paired already.
func (p *pairing) redeem(tx store.Tx, c applicant, known bool) (out decision, err error) {
	now, token := p.now(), c.attempt.Params.Auth.BootstrapToken
	s, ok, err := setupFor(tx, token, c.device.id, now)
	if err != nil {
		return out, err
	}
	if !ok { // another device was faster
		return out, spent()
	}
	if !s.Access.allows(c.ask) {
		out.request, out.fresh, err = leave(tx, c.request(known, now), now)
		return out, err
	}
	for _, r := range s.Access.rights() {
		got, err := p.give(tx, c, r)
		if err != nil {
			return out, err
		}
		if r.role == c.ask.role {
			out.token = got
		} else {
			out.others = append(out.others, wire.IssuedToken{DeviceToken: got.plain, Role: r.role, Scopes: r.scopes, IssuedAtMs: got.at})
		}
	}
	if s.DeviceID == "" {
		s.DeviceID, s.UsedAtMs = c.device.id, now.UnixMilli()
		s.DeviceName = cmp.Or(c.attempt.Params.Client.DisplayName, c.attempt.Params.Client.ID)
		done := s.completion()
		out.setup = &done
	}
	if err := forget(tx, c.device.id); err != nil {
		return out, err
	}
	return out, setups.Put(tx, hashed(token), s)
}

// give adds a right to an applicant's device, and issues its token.
func (p *pairing) give(tx store.Tx, c applicant, r right) (issued, error) {
	c.ask = ask{role: r.role, scopes: r.scopes}
	_, got, err := p.approve(tx, c.request(false, p.now()), ViaSetupCode)
	return got, err
}

// endSetups ends the codes that a device has used: who takes its rights back does not want them renewed.
func endSetups(tx store.Tx, deviceID string, now time.Time) error {
	for row, err := range setups.Scan(tx, store.Range{}) {
		if err != nil && !store.Damaged(err) {
			return err
		}
		if s := row.Value; err == nil && s.DeviceID == deviceID && s.good(deviceID, now) {
			s.ExpiresAtMs = now.UnixMilli()
			if err := setups.Put(tx, row.Key, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// spent is what a device is told whose code lets nobody in, or somebody else.
func spent() error {
	err := wit.NewError(wit.CodeUnauthorized, "unauthorized: the setup code is wrong, has expired, or was used by another device: make a new one, as with `carapace devices pair`")
	return rpc.WithDetails(err, map[string]any{"code": "AUTH_BOOTSTRAP_TOKEN_INVALID", "authReason": "bootstrap_token_invalid", "canRetryWithDeviceToken": false})
}

// SetupStatusParams name a setup code.
type SetupStatusParams struct {
	SetupID string `json:"setupId" rpc:"required,min=1,max=128"`
}

// SetupStatus is what became of a setup code: nothing, as long as nobody has used it.
type SetupStatus struct {
	Completion *SetupCompletion `json:"completion,omitempty"`
}

// setupStatus is for who missed the event.
func (m *methods) setupStatus(ctx context.Context, in SetupStatusParams) (out SetupStatus, err error) {
	err = m.store.View(ctx, func(tx store.Tx) error {
		out = SetupStatus{}
		for row, err := range setups.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			if s := row.Value; err == nil && s.ID == in.SetupID && s.DeviceID != "" {
				done := s.completion()
				out.Completion = &done
			}
		}
		return nil
	})
	return out, err
}
