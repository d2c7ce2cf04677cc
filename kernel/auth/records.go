package auth

import (
	"context"
	"crypto/subtle"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// The spaces in the store: paired devices by device id, requests by request id.
const (
	devices  store.Table[paired]  = "auth.devices"
	requests store.Table[Request] = "auth.requests"
)

// Bounds of what peers can make the gateway keep.
const (
	maxDevices  = 1000
	maxRequests = 64
	// RequestTTL is how long a pairing request waits for the owner.
	RequestTTL = 5 * time.Minute
	// TokenTTL is a device token's life; it is renewed at a connect in its last TokenRenewal.
	TokenTTL     = 90 * 24 * time.Hour
	TokenRenewal = 14 * 24 * time.Hour
)

// Device is what is known of a device that the owner has let in. Times are Unix milliseconds.
type Device struct {
	// DeviceID is the hex SHA-256 of the raw public key.
	DeviceID    string `json:"deviceId"`
	PublicKey   string `json:"publicKey"`
	DisplayName string `json:"displayName,omitempty"`
	// OperatorLabel is what the owner calls it, which no device changes.
	OperatorLabel string `json:"operatorLabel,omitempty"`
	Platform      string `json:"platform,omitempty"`
	DeviceFamily  string `json:"deviceFamily,omitempty"`
	ClientID      string `json:"clientId,omitempty"`
	ClientMode    string `json:"clientMode,omitempty"`
	// Role is the one that was approved last, Roles are all.
	Role         wire.Role    `json:"role"`
	Roles        []wire.Role  `json:"roles"`
	Scopes       []wire.Scope `json:"scopes,omitempty"`
	RemoteIP     string       `json:"remoteIp,omitempty"`
	CreatedAtMs  int64        `json:"createdAtMs"`
	ApprovedAtMs int64        `json:"approvedAtMs"`
	// ApprovedVia is how it was let in last.
	ApprovedVia Via `json:"approvedVia,omitempty" rpc:"enum=owner|setup-code|silent"`
	// LastSeenAtMs is when it last connected, at most an hour less: it costs a commit.
	LastSeenAtMs int64 `json:"lastSeenAtMs,omitempty"`
}

// Via is how a device was let in.
type Via string

const (
	ViaOwner     Via = "owner"
	ViaSetupCode Via = "setup-code"
	// ViaSilent is that of a device of this machine that knew the secret.
	ViaSilent Via = "silent"
)

// seenEvery is how old what is known of a device's last connection gets.
const seenEvery = time.Hour

// recent reports whether the device was seen so lately that it need not be noted.
func (d Device) recent(now time.Time) bool {
	return now.Sub(time.UnixMilli(d.LastSeenAtMs)) < seenEvery
}

// paired is a device and its tokens. At most one token of a role is current; superseded ones may be beside it.
type paired struct {
	Device
	Tokens []token `json:"tokens"`
}

// Request is a device that waits for the owner's word. Ts is Unix milliseconds.
type Request struct {
	RequestID     string       `json:"requestId"`
	DeviceID      string       `json:"deviceId"`
	PublicKey     string       `json:"publicKey"`
	DisplayName   string       `json:"displayName,omitempty"`
	Platform      string       `json:"platform,omitempty"`
	DeviceFamily  string       `json:"deviceFamily,omitempty"`
	ClientID      string       `json:"clientId,omitempty"`
	ClientMode    string       `json:"clientMode,omitempty"`
	BrowserOrigin string       `json:"browserOrigin,omitempty"`
	Role          wire.Role    `json:"role"`
	Roles         []wire.Role  `json:"roles"`
	Scopes        []wire.Scope `json:"scopes"`
	RemoteIP      string       `json:"remoteIp,omitempty"`
	Silent        bool         `json:"silent,omitempty"`
	// IsRepair says that the device is paired already and asks for more.
	IsRepair bool  `json:"isRepair,omitempty"`
	Ts       int64 `json:"ts"`
}

func (r Request) expired(now time.Time) bool {
	return now.Sub(time.UnixMilli(r.Ts)) > RequestTTL
}

// live returns the device's token with this text, or nil.
func (p *paired) live(text string, now time.Time) *token {
	hash := hashed(text)
	for i := range p.Tokens {
		t := &p.Tokens[i]
		if subtle.ConstantTimeCompare([]byte(t.Hash), []byte(hash)) == 1 && t.alive(now) {
			return t
		}
	}
	return nil
}

// current returns the token that a role is given at connect, or nil.
func (p *paired) current(role wire.Role) *token {
	for i := range p.Tokens {
		if t := &p.Tokens[i]; t.Role == role && !t.Superseded {
			return t
		}
	}
	return nil
}

// allows reports whether the device was approved for this.
func (p *paired) allows(k ask) bool {
	return slices.Contains(p.Roles, k.role) && (k.role != wire.RoleOperator || covers(p.Scopes, k.scopes))
}

// covers reports whether granted satisfies every wanted scope.
func covers(granted, wanted []wire.Scope) bool {
	for _, w := range wanted {
		if !slices.Contains(granted, w) && !wire.Allows(wire.RoleOperator, granted, w) {
			return false
		}
	}
	return true
}

// union keeps the order of a and adds what only b has; a stays as it is.
func union[T comparable](a, b []T) []T {
	out := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// lookup reads a device outside a transaction; nil is one that is not paired.
func lookup(ctx context.Context, s store.Store, id string) (p *paired, err error) {
	err = s.View(ctx, func(tx store.Tx) error {
		p, err = find(tx, id)
		return err
	})
	return p, err
}

// find reads a device; nil is one that is not paired.
func find(tx store.Tx, id string) (*paired, error) {
	p, err := devices.Get(tx, id)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// pending returns a request that still waits. Errors: CodeNotFound.
func pending(tx store.Tx, id string, now time.Time) (Request, error) {
	r, err := requests.Get(tx, id)
	if wit.CodeOf(err) == wit.CodeNotFound || err == nil && r.expired(now) {
		return Request{}, wit.NewError(wit.CodeNotFound, "unknown requestId")
	}
	return r, err
}

// leave keeps a request for the owner. The same ask of the same device stays one request; another ask
// replaces it under a new id, so that what the owner has read is what he approves.
//
// Errors: CodeUnavailable when too many wait.
func leave(tx store.Tx, r Request, now time.Time) (kept Request, fresh bool, err error) {
	waiting := 0
	for row, err := range requests.Scan(tx, store.Range{}) {
		if err != nil {
			return r, false, err
		}
		old := row.Value
		same := old.DeviceID == r.DeviceID
		if same && !old.expired(now) && old.Role == r.Role && slices.Equal(old.Scopes, r.Scopes) {
			return old, false, nil
		}
		if same || old.expired(now) {
			if err := requests.Delete(tx, row.Key); err != nil {
				return r, false, err
			}
			continue
		}
		waiting++
	}
	if waiting >= maxRequests {
		return r, false, wit.ErrorAfter(wit.CodeUnavailable, RequestTTL, "too many pending pairing requests: approve or reject some, or wait five minutes")
	}
	return r, true, requests.Put(tx, r.RequestID, r)
}

// forget drops what a device still had waiting.
func forget(tx store.Tx, deviceID string) error {
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

// roomFor refuses one device more than maxDevices. It reads keys only.
func roomFor(tx store.Tx) error {
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
