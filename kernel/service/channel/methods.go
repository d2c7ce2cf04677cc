package channel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// methods are the service's rows of the method table.
type methods struct{ channels *Service }

func (m *methods) list() []rpc.Method {
	return []rpc.Method{
		rpc.New("channels.status", wire.ScopeRead, m.status).Doc("Lists the channels and their accounts."),
		rpc.New("channels.start", wire.ScopeAdmin, m.start).Audited().Fails(wire.ForeignErrors()...).Emits("channels.changed").
			Doc("Starts an account."),
		rpc.New("channels.stop", wire.ScopeAdmin, m.stop).Audited().Fails(wire.NotFound).Emits("channels.changed").
			Doc("Stops an account until it is started again."),
		rpc.New("channels.login", wire.ScopeAdmin, m.login).Audited().Fails(wire.ForeignErrors()...).Emits("channels.changed").
			Doc("Has an account log in to its platform; channels.status has the code that its owner is to scan, where there is one."),
		rpc.New("channels.logout", wire.ScopeAdmin, m.logout).Audited().Fails(wire.ForeignErrors()...).Emits("channels.changed").
			Doc("Logs an account out of its platform."),
		rpc.New("channels.poison.replay", wire.ScopeAdmin, m.replay).Audited().Fails(wire.ForeignErrors()...).
			Doc("Gives a dead letter to the plugin again."),
		rpc.New("channels.poison.drop", wire.ScopeAdmin, m.drop).Audited().Fails(wire.NotFound).Doc("Forgets a dead letter."),
	}
}

// AccountParams name an account, for channels.start, channels.stop, channels.login and channels.logout.
type AccountParams struct {
	Channel string `json:"channel" rpc:"required,min=1,max=128"`
	// AccountID is the channel's first account when absent.
	AccountID string `json:"accountId,omitempty" rpc:"min=1,max=128"`
}

// AccountResult says what was done with which account.
type AccountResult struct {
	Channel   string `json:"channel"`
	AccountID string `json:"accountId"`
	Started   bool   `json:"started,omitempty"`
	Stopped   bool   `json:"stopped,omitempty"`
	// LoggedOut and Cleared say the same, for clients that look for either.
	LoggedOut bool `json:"loggedOut,omitempty"`
	Cleared   bool `json:"cleared,omitempty"`
}

// DeadLetterParams name a dead letter, for channels.poison.replay and channels.poison.drop.
type DeadLetterParams struct {
	ID string `json:"id" rpc:"required,min=1,max=512"`
}

// commandTimeout is how long a client waits for a plugin's answer to a command.
const commandTimeout = 20 * time.Second

// start has an account run. It does not wait for the plugin.
func (m *methods) start(ctx context.Context, in AccountParams) (AccountResult, error) {
	r, err := m.order(ctx, in, start{})
	r.Started = err == nil
	return r, err
}

// stop stops an account until it is started again or the gateway is.
func (m *methods) stop(ctx context.Context, in AccountParams) (AccountResult, error) {
	r, err := m.order(ctx, in, stop{})
	r.Stopped = err == nil
	return r, err
}

// order has an account do something.
func (m *methods) order(ctx context.Context, in AccountParams, o order) (AccountResult, error) {
	a, err := m.channels.roster.find(in.Channel, in.AccountID)
	if err != nil {
		return AccountResult{}, err
	}
	return AccountResult{Channel: a.id.Channel, AccountID: a.id.ID}, a.order(ctx, o)
}

// login has the plugin log the account in anew, and starts one that does not run: that is a login too. A code that is shown
// already stays, since somebody may be about to scan it.
func (m *methods) login(ctx context.Context, in AccountParams) (AccountResult, error) {
	a, err := m.channels.roster.find(in.Channel, in.AccountID)
	if err != nil {
		return AccountResult{}, err
	}
	did := AccountResult{Channel: a.id.Channel, AccountID: a.id.ID}
	switch v := a.view.Load(); {
	case v.phase != phaseRunning:
		return m.start(ctx, in)
	case v.report.status.Login != nil:
		return did, nil
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	_, err = a.command(ctx, "login")
	return did, err
}

// logout has the plugin log the account out, and stops it: the same one, whatever the settings say by then.
func (m *methods) logout(ctx context.Context, in AccountParams) (AccountResult, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	a, err := m.channels.roster.find(in.Channel, in.AccountID)
	if err != nil {
		return AccountResult{}, err
	}
	if _, err := a.command(ctx, "logout"); err != nil {
		return AccountResult{}, err
	}
	return AccountResult{Channel: a.id.Channel, AccountID: a.id.ID, LoggedOut: true, Cleared: true}, a.order(ctx, stop{})
}

// replay handles a dead letter again, once. Its messages and its removal are one transaction; an account that
// stopped at it goes on.
func (m *methods) replay(ctx context.Context, in DeadLetterParams) (inbox.OKResult, error) {
	letter, a, err := m.letter(ctx, in.ID)
	if err != nil {
		return inbox.OKResult{}, err
	}
	if letter.Event == nil {
		return inbox.OKResult{}, wit.NewError(wit.CodeInvalid, "the event was too large to be kept: it can only be dropped")
	}
	var e wit.ChannelEvent
	if err := wit.Unmarshal(letter.Event, &e); err != nil {
		return inbox.OKResult{}, wit.Errorf(wit.CodeInternal, "the event %s is damaged: %w", in.ID, err)
	}
	if _, err := a.handle(ctx, &input{origin: fromOwner, event: e, letter: in.ID}); err != nil {
		return inbox.OKResult{}, err
	}
	return inbox.OKResult{OK: true}, a.order(ctx, resume{})
}

// drop forgets a dead letter. An account that stopped at it goes on.
func (m *methods) drop(ctx context.Context, in DeadLetterParams) (inbox.OKResult, error) {
	_, a, err := m.letter(ctx, in.ID)
	if err != nil {
		return inbox.OKResult{}, err
	}
	if err := m.channels.letters.Drop(ctx, in.ID); err != nil {
		return inbox.OKResult{}, err
	}
	return inbox.OKResult{OK: true}, a.order(ctx, resume{})
}

// letter finds a dead letter and its account.
func (m *methods) letter(ctx context.Context, id string) (inbox.DeadLetter, *account, error) {
	letter, err := m.channels.letters.Get(ctx, id)
	if err != nil {
		return letter, nil, err
	}
	a, err := m.channels.roster.find(letter.Channel, letter.Account)
	return letter, a, err
}
