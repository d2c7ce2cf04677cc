package auth

import (
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// proof is what authenticated a connection.
type proof string

const (
	byToken       proof = "token"
	byPassword    proof = "password"
	byDeviceToken proof = "device-token"
	bySetupCode   proof = "bootstrap-token"
	byBeingLocal  proof = "none"
)

// shared reports whether it is the gateway's own secret, or needs to be none, and so the owner's word.
func (p proof) shared() bool { return p == byToken || p == byPassword || p == byBeingLocal }

// login checks the secrets that clients send. It reads devices and changes nothing.
type login struct {
	mode      Mode
	shared    secret
	guessable bool // shared may be found by trying
	store     store.Store
	now       func() time.Time
}

// authenticate returns what proved the client. dev is nil for a client without device. Of a slowed client a secret that
// may be guessed is not looked at.
//
// Errors: CodeUnauthorized, which says which secret is missing or wrong; those of the store.
func (l *login) authenticate(ctx context.Context, t Attempt, dev *device, slowed bool) (proof, error) {
	var given wire.Auth
	if t.Params.Auth != nil {
		given = *t.Params.Auth
	}
	if l.mode.open(t.Local) {
		return byBeingLocal, nil
	}
	if l.tries(slowed) && l.sharedIn(given, t.Protocol) {
		return proof(l.mode), nil
	}
	if dev != nil {
		ok, err := l.holdsToken(ctx, dev, given)
		if err != nil {
			return "", err
		}
		if ok {
			return byDeviceToken, nil
		}
		if ok, err = l.hasCode(ctx, dev, given); err != nil {
			return "", err
		}
		if ok {
			return bySetupCode, nil
		}
	}
	return "", l.refusal(ctx, given, t, dev)
}

// tries reports whether the shared secret may be tried. One that nobody guesses is compared always, which takes
// less than a microsecond, so that a right one is never refused; a short one is guarded by nothing but the time between two guesses.
func (l *login) tries(slowed bool) bool { return !slowed || !l.guessable }

// knows reports whether a device was let in before, and may be: it has a token that is alive. An error of the store makes
// it a stranger.
func (l *login) knows(ctx context.Context, dev *device) bool {
	if dev == nil {
		return false
	}
	p, err := lookup(ctx, l.store, dev.id)
	return err == nil && p != nil && slices.ContainsFunc(p.Tokens, func(t token) bool { return t.alive(l.now()) })
}

// sharedIn looks for the shared secret in the field of its mode, in protocol 4 in either. In mode none it finds none.
func (l *login) sharedIn(given wire.Auth, protocol int) bool {
	own, other := given.Token, given.Password
	if l.mode == ModePassword {
		own, other = other, own
	}
	if l.shared.matches(own) {
		return true
	}
	return protocol >= wire.Protocol4 && l.shared.matches(other)
}

// holdsToken reports whether the client sent a token of its own device, in either field.
func (l *login) holdsToken(ctx context.Context, dev *device, given wire.Auth) (bool, error) {
	p, err := lookup(ctx, l.store, dev.id)
	if err != nil || p == nil {
		return false, err
	}
	return p.live(given.DeviceToken, l.now()) != nil || p.live(given.Token, l.now()) != nil, nil
}

// hasCode reports whether the client sent a setup code that it may use.
func (l *login) hasCode(ctx context.Context, dev *device, given wire.Auth) (ok bool, err error) {
	if given.BootstrapToken == "" {
		return false, nil
	}
	err = l.store.View(ctx, func(tx store.Tx) error {
		_, ok, err = setupFor(tx, given.BootstrapToken, dev.id, l.now())
		return err
	})
	return ok, err
}

// refusal is the error that says what is missing or wrong. The details are protocol 4's.
func (l *login) refusal(ctx context.Context, given wire.Auth, t Attempt, dev *device) error {
	if given.BootstrapToken != "" && given.Token == "" && given.Password == "" && given.DeviceToken == "" {
		return spent()
	}
	what, fix := "token", "pass the gateway's token"
	field := given.Token
	switch {
	case l.mode == ModePassword:
		what, fix, field = "password", "pass the gateway's password", given.Password
	case l.mode == ModeNone:
		return wit.NewError(wit.CodeUnauthorized, "unauthorized: this gateway has no token and answers local connections only: set one to connect from elsewhere")
	case field == "":
		field = given.DeviceToken
	}
	reason := "mismatch"
	if field == "" {
		reason = "missing"
	}
	err := wit.Errorf(wit.CodeUnauthorized, "unauthorized: gateway %s %s (%s)", what, reason, fix)
	code := map[string]string{
		"token mismatch": "AUTH_TOKEN_MISMATCH", "token missing": "AUTH_TOKEN_MISSING",
		"password mismatch": "AUTH_PASSWORD_MISMATCH", "password missing": "AUTH_PASSWORD_MISSING",
	}[what+" "+reason]
	if t.Protocol < wire.Protocol4 {
		return rpc.WithDetails(err, map[string]any{"code": code})
	}
	retry := dev != nil && given.DeviceToken == "" && l.paired(ctx, dev)
	next := "update_auth_credentials"
	if reason == "missing" {
		next = "update_auth_configuration"
	}
	if retry {
		next = "retry_with_device_token"
	}
	return rpc.WithDetails(err, map[string]any{
		"code": code, "authReason": what + "_" + reason, "canRetryWithDeviceToken": retry, "recommendedNextStep": next,
	})
}

// paired reports whether a device token could be worth trying. An error of the store only costs the hint.
func (l *login) paired(ctx context.Context, dev *device) bool {
	p, err := lookup(ctx, l.store, dev.id)
	return err == nil && p != nil
}
