// Package talk keeps what clients that talk with people are doing, and tells them what they can talk with.
//
// Listening is theirs, and so is playing a sound; the gateway transcribes, thinks and speaks. Each connection has a mode of its
// own, which ends with it, and every change is an event. Everything is safe for concurrent use.
package talk

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/tts"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Speech speaks.
type Speech interface {
	// Providers lists the plugins that speak, and the one that is asked first.
	Providers() tts.ProvidersResult
	// Speak says a text aloud.
	Speak(ctx context.Context, o tts.Order) (tts.SpeakResult, error)
}

// Listener is a plugin that transcribes.
type Listener struct {
	ID, Label  string
	Configured bool
}

// Deps is what the service stands on.
type Deps struct {
	Bus    *event.Bus
	Speech Speech // nil says nothing
	// Listeners are the plugins that transcribe, the one that is asked first before the others.
	Listeners func() []Listener
	// MainKey is the key of the main session, whom a client talks to if it does not say.
	MainKey func() string
}

// Changed is the event talk.mode.
var (
	Changed      = event.Kind[Mode]{Name: "talk.mode", Scope: wire.ScopeRead, DropIfSlow: true}
	changedNodes = event.Kind[Mode]{Name: "talk.mode", Scope: wire.ScopeNode, DropIfSlow: true}
)

// Service keeps the modes.
type Service struct {
	d     Deps
	modes modes
}

// New returns the service.
func New(d Deps) *Service { return &Service{d: d} }

// Service names what this is to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "talk", Methods: s.methods(), Events: []event.Row{Changed.Row()}, Joined: s.joined}
}

func (s *Service) methods() []rpc.Method {
	list := []rpc.Method{
		rpc.New("talk.mode", wire.ScopeWrite, s.mode).In4(wire.ScopeTalk).Emits("talk.mode").
			Doc("Says what the client is doing: listening, thinking, speaking or nothing."),
		rpc.New("talk.status", wire.ScopeRead, s.status).Doc("Lists the clients that talk, and what each is doing."),
		rpc.New("talk.catalog", wire.ScopeRead, s.catalog).Doc("Lists what there is to talk with: who speaks, and who transcribes."),
		rpc.New("talk.config", wire.ScopeRead, s.config).Doc("Tells a client that talks how it is to. Credentials are never among it."),
	}
	if s.d.Speech != nil {
		list = append(list, rpc.New("talk.speak", wire.ScopeWrite, s.speak).In4(wire.ScopeTalk).Fails(wire.ForeignErrors()...).
			Doc("Says a text aloud for a client that talks, and answers with the sound."))
	}
	return list
}

// joined ends a connection's mode with it.
func (s *Service) joined(_ context.Context, c *rpc.Caller) (left func()) {
	return func() {
		if mode, news, err := s.modes.set(c, false, ""); err == nil && news {
			s.publish(mode)
		}
	}
}

func (s *Service) publish(m Mode) {
	Changed.Publish(s.d.Bus, m)
	changedNodes.Publish(s.d.Bus, m)
}

// ModeParams are what a client is doing.
type ModeParams struct {
	Enabled bool `json:"enabled" rpc:"required"`
	// Phase is idle, listening, thinking or speaking; left out, it stays, and is idle at first.
	Phase string `json:"phase,omitempty" rpc:"max=64"`
}

func (s *Service) mode(ctx context.Context, p ModeParams) (Mode, error) {
	mode, news, err := s.modes.set(rpc.CallerOf(ctx), p.Enabled, Phase(p.Phase))
	if err == nil && news {
		s.publish(mode)
	}
	return mode, err
}

// StatusResult is who talks.
type StatusResult struct {
	Talking []Mode `json:"talking"`
}

func (s *Service) status(context.Context, rpc.None) (StatusResult, error) {
	return StatusResult{s.modes.all()}, nil
}
