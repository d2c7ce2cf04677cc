package plugin

import (
	"context"
	"errors"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// Service is a plugin's handle as what works in the background. Errors are as for Channel.
type Service struct{ handle }

// ServiceState is how the service of a plugin is, as whoever runs it says.
type ServiceState struct {
	// State is starting, running, or waiting: to be started anew.
	State string `json:"state"`
	// Since is when it became that, and Next when it is started anew, in milliseconds.
	Since int64 `json:"since"`
	Next  int64 `json:"next,omitempty"`
	// Message is what it says that it does, Problem what is or was wrong with it.
	Message string `json:"message,omitempty"`
	Problem string `json:"problem,omitempty"`
	// Restarts are how often it was started anew since it last was well for long.
	Restarts int `json:"restarts,omitempty"`
}

// Services lists those that can be called, by id.
func (r *Registry) Services() []*Service {
	ids := r.table.offers.Load().plugins["service"]
	list := make([]*Service, len(ids))
	for i, id := range ids {
		list[i] = &Service{handle{r.versions, id}}
	}
	return list
}

// Report says how the service is, to whoever asks for the plugin; nil while nobody runs it. What it points to is not changed.
func (s *Service) Report(is *ServiceState) {
	if r := (*s.versions.table.rows.Load())[s.id]; r != nil {
		r.service.Store(is)
	}
}

// Tenure is a version of a service that somebody runs, from before its start until after its stop. One goroutine uses it.
type Tenure struct {
	versions *finder
	v        *version
	caller   engine.Caller
	made     int64 // instances, with the one that was started
	broken   bool  // a call has crashed, whether or not the instance has outlived that
}

// Enter holds the current version, which stays until Leave, if it is to be replaced also for as long as versions drain. The
// caller runs one tenure of a plugin at a time. CodeNotFound, too, where the version is no service.
func (s *Service) Enter(ctx context.Context) (*Tenure, error) {
	v, err := s.versions.enter(ctx, s.id)
	if err != nil {
		return nil, err
	}
	if v.manifest.Provides.Service == nil {
		v.calls.leave()
		return nil, wit.Errorf(wit.CodeNotFound, "plugin %s is no service", s.id)
	}
	return &Tenure{versions: s.versions, v: v}, nil
}

// Facts are what the version's manifest says of its service.
func (t *Tenure) Facts() wit.ServiceFacts { return *t.v.manifest.Provides.Service }

// Version is the version's number, and Build what changes with its files.
func (t *Tenure) Version() string { return t.v.manifest.Version }

// Build changes whenever the code or the manifest does.
func (t *Tenure) Build() string { return t.v.fingerprint }

// Replaced is closed when the version is to end.
func (t *Tenure) Replaced() <-chan struct{} { return t.v.calls.shut }

// Start starts the service in an instance of its own.
func (t *Tenure) Start(ctx context.Context) error {
	config, err := t.v.config.section("")
	if err != nil {
		return err
	}
	if t.caller, err = t.v.caller(wit.ClassService, ""); err != nil {
		return err
	}
	_, err = tenured[wit.Done](ctx, t, "service_start", &wit.ServiceStart{Config: config})
	t.made = t.caller.Stats().Made
	return err
}

// Lost reports whether the instance that was started is no more, or cannot be relied on since a call of it has crashed.
func (t *Tenure) Lost() bool {
	s := t.caller.Stats()
	return t.broken || s.Made != t.made || s.Instances == 0
}

// Health asks the service how it is.
func (t *Tenure) Health(ctx context.Context) (*wit.ServiceHealth, error) {
	return tenured[wit.ServiceHealth](ctx, t, "service_health", &wit.ServiceMoment{Now: time.Now().UnixMilli()})
}

// Tick has the service do what is due.
func (t *Tenure) Tick(ctx context.Context) error {
	_, err := tenured[wit.Done](ctx, t, "service_tick", &wit.ServiceMoment{Now: time.Now().UnixMilli()})
	return err
}

// Stop tells the service that it ends.
func (t *Tenure) Stop(ctx context.Context, cause wit.StopCause) error {
	_, err := tenured[wit.Done](ctx, t, "service_stop", &wit.ServiceStop{Cause: cause})
	return err
}

// Leave ends the instance and lets the version go.
func (t *Tenure) Leave() {
	t.v.callers.drop(context.Background(), string(wit.ClassService)) // no call runs, so it waits for nothing
	t.v.calls.leave()
}

func tenured[O any, PO receiver[O]](ctx context.Context, t *Tenure, export string, in codec.Appender) (*O, error) {
	out, err := callVersion[O, PO](ctx, t.versions, t.v, request{export: export}, in)
	t.broken = t.broken || errors.As(err, new(*engine.Crash))
	return out, err
}
