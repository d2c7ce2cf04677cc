package auth

import (
	"context"

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
	byBeingLocal  proof = "none"
)

// authenticate checks the secrets that the client sent. The error says which one is missing or wrong.
func (a *Auth) authenticate(ctx context.Context, t Attempt, k ask, dev *device) (proof, error) {
	var given wire.Auth
	if t.Params.Auth != nil {
		given = *t.Params.Auth
	}
	if a.mode == ModeNone && t.Local {
		return byBeingLocal, nil
	}
	if a.sharedIn(given, t.Protocol) {
		return proof(a.mode), nil
	}
	if dev != nil {
		ok, err := a.holdsToken(ctx, dev, given)
		if err != nil {
			return "", err
		}
		if ok {
			return byDeviceToken, nil
		}
	}
	return "", a.refusal(ctx, given, t, dev)
}

// sharedIn looks for the shared secret in the field of its mode, in protocol 4 in either.
func (a *Auth) sharedIn(given wire.Auth, protocol int) bool {
	if a.mode == ModeNone {
		return false
	}
	own, other := given.Token, given.Password
	if a.mode == ModePassword {
		own, other = other, own
	}
	if a.shared.matches(own) {
		return true
	}
	return protocol >= wire.Protocol4 && a.shared.matches(other)
}

func (a *Auth) holdsToken(ctx context.Context, dev *device, given wire.Auth) (ok bool, err error) {
	if given.Token == "" && given.DeviceToken == "" {
		return false, nil
	}
	err = a.store.View(ctx, func(tx store.Tx) error {
		p, err := devices.Get(tx, dev.id)
		if notFound(err) {
			return nil
		}
		if err == nil {
			ok = p.live(given.DeviceToken, a.now()) != nil || p.live(given.Token, a.now()) != nil
		}
		return err
	})
	return ok, err
}

// refusal is the error that says what is missing or wrong. The details are protocol 4's.
func (a *Auth) refusal(ctx context.Context, given wire.Auth, t Attempt, dev *device) error {
	what, fix := "token", "pass the gateway's token"
	field := given.Token
	switch {
	case a.mode == ModePassword:
		what, fix, field = "password", "pass the gateway's password", given.Password
	case a.mode == ModeNone:
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
	retry := dev != nil && given.DeviceToken == "" && a.paired(ctx, dev)
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

func (a *Auth) paired(ctx context.Context, dev *device) bool {
	err := a.store.View(ctx, func(tx store.Tx) error {
		_, err := devices.Get(tx, dev.id)
		return err
	})
	return err == nil
}
