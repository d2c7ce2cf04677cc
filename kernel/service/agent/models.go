package agent

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/agent/cooldown"
	"github.com/carapace-gateway/carapace/wit"
)

// How long a provider's list of models, or its failure to give one, is believed.
const (
	keepModels   = 10 * time.Minute
	keepFailure  = 30 * time.Second
	listTimeout  = 15 * time.Second
	maxModels    = 2000
	maxModelName = 200
)

// Models knows the providers, what models they have, and which one answers where nobody has chosen.
type Models struct {
	providers  Providers
	settings   func() Settings
	rests      *cooldown.Book
	meter      Meter
	log        hclog.Logger
	background background

	mu sync.Mutex
	by map[string]*listing // by provider
}

// NewModels returns the models of these providers. What has failed rests as the book says, and the meter counts what they are asked
// for; nil counts nothing.
func NewModels(p Providers, settings func() Settings, rests *cooldown.Book, meter Meter, log hclog.Logger) *Models {
	if meter == nil {
		meter = unmetered{}
	}
	return &Models{providers: p, settings: settings, rests: rests, meter: meter, log: log.Named("models"), by: map[string]*listing{}}
}

// Providers lists the providers in the order of preference: those with a network first, the offline ones last.
func (m *Models) Providers() []ProviderInfo {
	list := slices.Collect(m.providers.Providers())
	slices.SortStableFunc(list, func(a, b ProviderInfo) int {
		switch {
		case a.Facts.Offline == b.Facts.Offline:
			return 0
		case a.Facts.Offline:
			return 1
		}
		return -1
	})
	return list
}

// Configured lists those of them that can be expected to answer.
func (m *Models) Configured() []ProviderInfo {
	return slices.DeleteFunc(m.Providers(), func(p ProviderInfo) bool { return !p.configured() })
}

// firstConfigured is the first of Configured. What answers by default is asked for all the time.
func (m *Models) firstConfigured() (first ProviderInfo, ok bool) {
	for p := range m.providers.Providers() {
		switch {
		case !p.configured():
		case !p.Facts.Offline:
			return p, true
		case !ok:
			first, ok = p, true
		}
	}
	return first, ok
}

// listing is one provider's models. Who asks for them holds asking, so that they are asked for once; who waits
// for it waits no longer than its context.
// mu is held only to read and write the fields, so known never waits for a provider.
type listing struct {
	asking chan struct{} // holds one while a provider is asked

	mu     sync.Mutex
	models []wit.Model
	before []wit.Model // what was known when it was forgotten, which still says how much a model of the same name reads
	err    error
	until  time.Time
	blind  map[refusal]bool
	read   wit.JSON // the provider's settings as they were read last
	model  string   // the one that they name
}

// own returns the model that a provider's settings name, "" for none. They are read when they are others, since what
// answers by default is asked for all the time.
func (l *listing) own(settings wit.JSON) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !bytes.Equal(l.read, settings) {
		var s struct{ Model string }
		_ = json.Unmarshal(settings, &s) // settings that do not fit name no model
		l.read, l.model = settings, s.Model
	}
	return l.model
}

// listing returns what is remembered of a provider, empty at first.
func (m *Models) listing(provider string) *listing {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.by[provider]
	if l == nil {
		l = newListing(nil)
		m.by[provider] = l
	}
	return l
}

func newListing(before []wit.Model) *listing {
	return &listing{asking: make(chan struct{}, 1), before: before}
}

// Forget drops what is known of a provider's models: its settings, credentials or code are others now. It
// returns at once.
// A list that is being asked for goes to those who wait for it and is forgotten.
func (m *Models) Forget(provider string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.by[provider]
	if old == nil {
		return
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	m.by[provider] = newListing(old.latest())
}

// latest is what was known last, also where it was forgotten since. The caller holds mu.
func (l *listing) latest() []wit.Model {
	if l.models != nil {
		return l.models
	}
	return l.before
}

// known returns what was listed last; fresh says whether that is still to be believed.
func (l *listing) known() (models []wit.Model, err error, fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.models, l.err, time.Now().Before(l.until)
}

// List returns a provider's models, from memory if they are fresh and refresh is false; and beside an error
// what was known before. Errors: the provider's, CodeUnavailable if it cannot be called.
// A failure is remembered for a short time too, or each client that looks would ask a broken provider again.
func (m *Models) List(ctx context.Context, provider string, refresh bool) ([]wit.Model, error) {
	l := m.listing(provider)
	if models, err, fresh := l.known(); fresh && !refresh {
		return models, err
	}
	select {
	case l.asking <- struct{}{}:
		defer func() { <-l.asking }()
	case <-ctx.Done():
		return nil, wit.Errorf(wit.CodeTimeout, "the models of %s were not listed in time: %w", provider, context.Cause(ctx))
	}
	if models, err, fresh := l.known(); fresh && !refresh {
		return models, err
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	models, err := m.askKeys(ctx, provider)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.err, l.until = err, time.Now().Add(keepFailure)
		return l.models, err
	}
	l.models, l.err, l.until = models, nil, time.Now().Add(keepModels)
	return models, nil
}

// askKeys asks a provider for its list by each key until one is let in. A key that may not list models may still ask them, so none
// rests because of that.
func (m *Models) askKeys(ctx context.Context, provider string) (models []wit.Model, err error) {
	for _, s := range m.queue([]choice{{provider, ""}}, "") {
		models, err = m.ask(ctx, provider, s.key)
		switch wit.CodeOf(err) {
		case wit.CodeUnauthorized, wit.CodeForbidden, wit.CodeRateLimited:
			continue
		}
		break
	}
	return models, err
}

// ListWith asks a provider for its models by one of several keys. Errors are those of List.
func (m *Models) ListWith(ctx context.Context, provider, key string) ([]wit.Model, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return m.ask(ctx, provider, key)
}

// maxModelRequests is how many requests a provider may make to list its models.
const maxModelRequests = 64

// ask makes the provider list its models.
// It is asked again with each response, for the models and for a further request: lists come in pages. What it lists is
// bounded, since it goes to clients as it is.
func (m *Models) ask(ctx context.Context, provider, key string) ([]wit.Model, error) {
	p, err := m.code(provider, key)
	if err != nil {
		return nil, err
	}
	a, err := p.Models(ctx, &wit.ModelsQuery{})
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil, nil // it has no list: its default model is all that is known
	}
	var models []wit.Model
	for requests := 0; err == nil; requests++ {
		if a == nil || a.Request != nil && requests == maxModelRequests {
			return nil, wit.Errorf(wit.CodeInternal, "the provider %s lists no models: report it to its author", provider)
		}
		for _, x := range a.Models {
			if x.ID != "" && len(x.ID) <= maxModelName && len(models) < maxModels {
				models = append(models, x)
			}
		}
		if a.Request == nil {
			return models, nil
		}
		var res *wit.HTTPResponse
		if res, err = p.Do(ctx, a.Request); err == nil {
			a, err = p.Models(ctx, &wit.ModelsQuery{Response: res, State: a.State})
		}
	}
	return nil, err
}

// contextOf returns how many tokens a model reads. What is not known yet is found out in the background
// and assumed until then.
// It never waits, because a run does not begin later for the sake of a better estimate.
func (m *Models) contextOf(provider, model string) uint32 {
	if n := m.facts(choice{provider, model}).Context; n > 0 {
		return n
	}
	l := m.listing(provider)
	_, _, fresh := l.known()
	if !fresh {
		m.background.start(func(ctx context.Context) {
			if _, err := m.List(ctx, provider, false); err != nil && ctx.Err() == nil {
				m.log.Debug("models of a provider not listed", "provider", provider, "error", err)
			}
		})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.latest() {
		if x.ID == model && x.ContextWindow > 0 {
			return x.ContextWindow
		}
	}
	return cmp.Or(m.settings().ContextTokens, defaultContext)
}
