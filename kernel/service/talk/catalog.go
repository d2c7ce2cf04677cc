package talk

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// CatalogResult is what there is to talk with. Modes, transports and brains are those of conversations that the gateway itself
// would carry, of which it has none: a client listens, sends what it heard, and has the answer said.
type CatalogResult struct {
	Modes         []string `json:"modes"`
	Transports    []string `json:"transports"`
	Brains        []string `json:"brains"`
	Speech        Offer    `json:"speech"`
	Transcription Offer    `json:"transcription"`
	Realtime      Offer    `json:"realtime"`
}

// Offer is who can do one of them.
type Offer struct {
	Ready          bool       `json:"ready"`
	ActiveProvider string     `json:"activeProvider,omitempty"`
	Providers      []Provider `json:"providers"`
}

// Provider is a plugin.
type Provider struct {
	ID         string   `json:"id"`
	Label      string   `json:"label"`
	Configured bool     `json:"configured"`
	Voices     []string `json:"voices,omitempty"`
}

func (s *Service) catalog(context.Context, rpc.None) (CatalogResult, error) {
	return CatalogResult{
		Modes: []string{}, Transports: []string{}, Brains: []string{}, Realtime: Offer{Providers: []Provider{}}, Speech: s.speech(), Transcription: s.transcription(),
	}, nil
}

func (s *Service) speech() Offer {
	o := Offer{Providers: []Provider{}}
	if s.d.Speech == nil {
		return o
	}
	list := s.d.Speech.Providers()
	o.Ready, o.ActiveProvider = list.Active != "", list.Active
	for _, p := range list.Providers {
		o.Providers = append(o.Providers, Provider{p.ID, p.Name, p.Configured, p.Voices})
	}
	return o
}

func (s *Service) transcription() Offer {
	o := Offer{Providers: []Provider{}}
	for _, l := range s.d.Listeners() {
		if l.Configured && !o.Ready {
			o.Ready, o.ActiveProvider = true, l.ID
		}
		o.Providers = append(o.Providers, Provider{l.ID, l.Label, l.Configured, nil})
	}
	return o
}

// ConfigParams may ask for secrets, which are not told to anybody.
type ConfigParams struct {
	IncludeSecrets bool `json:"includeSecrets,omitempty"`
}

// ConfigResult is how a client is to talk.
type ConfigResult struct {
	Config struct {
		Talk    *Talk   `json:"talk,omitempty"`
		Session Session `json:"session"`
	} `json:"config"`
}

// Talk is who speaks. A client has texts said by talk.speak.
type Talk struct {
	Provider string   `json:"provider"`
	Resolved Resolved `json:"resolved"`
	// InterruptOnSpeech has a client fall silent when somebody speaks.
	InterruptOnSpeech bool `json:"interruptOnSpeech"`
}

// Resolved is the plugin that is asked. What it is set up with is its own affair.
type Resolved struct {
	Provider string         `json:"provider"`
	Config   map[string]any `json:"config"`
}

// Session is whom a client talks to.
type Session struct {
	MainKey string `json:"mainKey"`
}

func (s *Service) config(context.Context, ConfigParams) (r ConfigResult, _ error) {
	r.Config.Session.MainKey = s.d.MainKey()
	if by := s.speech().ActiveProvider; by != "" {
		r.Config.Talk = &Talk{Provider: by, Resolved: Resolved{by, map[string]any{}}, InterruptOnSpeech: true}
	}
	return r, nil
}
