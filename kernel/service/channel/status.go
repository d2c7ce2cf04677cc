package channel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// report is what is known of an account, for the owner.
type report struct {
	status        wit.AccountStatus
	started       bool // `start` was handled
	Received      int
	Duplicates    int
	LastError     string
	LastStartAt   int64
	LastStopAt    int64
	LastInboundAt int64
	LastConnected int64
	LastProbeAt   int64
}

// Changed says that an account's state is another one.
type Changed struct {
	Channel string              `json:"channel"`
	Account string              `json:"accountId"`
	State   wit.ConnectionState `json:"state,omitempty"`
	Phase   string              `json:"phase"`
	Message string              `json:"message,omitempty"`
}

// Received says that a message came in, and what became of it.
type Received struct {
	Channel      string          `json:"channel"`
	Account      string          `json:"accountId"`
	ID           string          `json:"id"`
	Kind         wit.MessageKind `json:"kind"`
	Conversation string          `json:"conversation"`
	Sender       string          `json:"sender,omitempty"`
	Verdict      Verdict         `json:"verdict"`
}

// Receipt is what a platform says about messages and members.
type Receipt struct {
	Channel string      `json:"channel"`
	Account string      `json:"accountId"`
	Receipt wit.Receipt `json:"receipt"`
}

// Aside says that an event was kept aside.
type Aside struct {
	Channel string `json:"channel"`
	Account string `json:"accountId"`
	ID      string `json:"id"`
	Reason  string `json:"reason"`
}

// The service's events. None carries what somebody wrote.
var (
	ChangedKind  = event.Kind[Changed]{Name: "channels.changed", Scope: wire.ScopeRead}
	ReceivedKind = event.Kind[Received]{Name: "message.received", Scope: wire.ScopeRead, DropIfSlow: true}
	ReceiptKind  = event.Kind[Receipt]{Name: "message.receipt", Scope: wire.ScopeRead, DropIfSlow: true}
	AsideKind    = event.Kind[Aside]{Name: "channels.poison", Scope: wire.ScopeRead}
)

// Events lists the kinds that the service publishes.
func Events() []event.Row {
	return []event.Row{ChangedKind.Row(), ReceivedKind.Row(), ReceiptKind.Row(), AsideKind.Row()}
}

// noteStatus takes over what a plugin says of its account.
func (a *actor) noteStatus(s *wit.AccountStatus, kind wit.EventKind) {
	a.mu.Lock()
	old := a.report.status.State
	fresh := !a.report.started
	a.report.started = true
	if s != nil {
		if s.Self == nil {
			s.Self = a.report.status.Self
		}
		a.report.status = *s
	} else if kind == wit.EventKindStart && fresh {
		a.report.status.State = wit.ConnectionStateConnected
	}
	now := a.report.status
	if now.State == wit.ConnectionStateConnected {
		a.report.LastConnected = time.Now().UnixMilli()
		a.report.LastError = ""
	} else if now.Message != nil {
		a.report.LastError = a.Redact(*now.Message)
	}
	a.mu.Unlock()
	if fresh || now.State != old {
		a.publish(a)
	}
}

func (s *Service) publish(a *actor) { ChangedKind.Publish(s.Bus, a.summary()) }

func (a *actor) summary() Changed {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := Changed{Channel: a.channel, Account: a.account, State: a.report.status.State, Phase: string(a.phase)}
	if m := a.report.status.Message; m != nil {
		c.Message = a.Redact(*m)
	}
	return c
}

// Ready returns nil when messages can be sent through the account, and else why they have to wait. An
// account that stopped at an event still sends.
func (s *Service) Ready(channel, account string) error {
	a, err := s.find(channel, account)
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "%w", err)
	}
	if _, ok := s.Plugins.Channel(channel); !ok {
		return wit.Errorf(wit.CodeUnavailable, "channel %s is not loaded now", channel)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.phase == phaseOff, a.phase == phaseDisabled, a.phase == phaseIdle:
		return wit.Errorf(wit.CodeUnavailable, "account %s is %s", a.ref, a.phase)
	case a.phase == phaseFailed, a.phase == phaseRunning && a.report.status.State == wit.ConnectionStateFailed:
		return wit.Errorf(wit.CodeUnavailable, "account %s has failed: see channels.status", a.ref)
	case a.report.status.State == wit.ConnectionStateNeedsLogin:
		return wit.Errorf(wit.CodeUnavailable, "account %s needs a login", a.ref)
	case a.phase == phaseRunning && !a.report.started:
		return wit.Errorf(wit.CodeUnavailable, "account %s is starting", a.ref)
	}
	return nil
}

// Account returns an account's settings, or CodeNotFound. An empty account is the channel's first.
func (s *Service) Account(channel, account string) (Account, error) {
	a, err := s.find(channel, account)
	if err != nil {
		return Account{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.settings, nil
}

// Default returns the channel of the only enabled account, for senders that name none; false when
// there is none or a choice.
func (s *Service) Default() (channel string, ok bool) {
	for _, a := range s.all() {
		a.mu.Lock()
		enabled := a.settings.Enabled
		a.mu.Unlock()
		if !enabled || a.channel == channel {
			continue
		}
		if channel != "" {
			return "", false
		}
		channel = a.channel
	}
	return channel, channel != ""
}

// Command gives an account a command of the owner and returns the status that the plugin answers,
// which may be nil. Errors: the plugin's, CodeNotFound, CodeUnavailable, CodeTimeout with ctx.
func (s *Service) Command(ctx context.Context, channel, account string, c wit.Command) (*wit.AccountStatus, error) {
	a, err := s.find(channel, account)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	running, waiting := a.phase == phaseRunning, len(a.queue)
	a.mu.Unlock()
	if !running || waiting > 2*maxWebhooks {
		return nil, wit.Errorf(wit.CodeUnavailable, "account %s is not running: start it first", a.ref)
	}
	o, err := a.call(ctx, &input{event: wit.ChannelEvent{Kind: wit.EventKindCommand, Command: &c}})
	return o.status, err
}
