// Package background runs the services of plugins: what works for as long as the gateway does.
//
// Each is run by a worker of its own, which holds the version that it started until it has stopped that. One call of a service
// runs at a time. When a version is replaced, the old one is stopped before the new one is started; a new one that cannot be
// started is rolled back. What is not well, or has lost its instance, is started anew, less and less often. At the end all are
// stopped at once, within a second. Everything is safe for concurrent use.
package background

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/wit"
)

// Plugins finds services.
type Plugins interface {
	// Services lists those that can be called, by id.
	Services() []Plugin
	// Rollback puts the version before back.
	Rollback(id, reason string) error
}

// Plugin is one that is a service.
type Plugin interface {
	ID() string
	// Enter holds the version that is current now.
	Enter(ctx context.Context) (Tenure, error)
	// Report says how the service is; the zero State is one that nobody runs.
	Report(State)
}

// Tenure is a version that is held until Leave.
type Tenure interface {
	Facts() wit.ServiceFacts
	// Build changes with the version's files.
	Build() string
	// Replaced is closed when the version is to end.
	Replaced() <-chan struct{}
	Start(ctx context.Context) error
	Health(ctx context.Context) (*wit.ServiceHealth, error)
	Tick(ctx context.Context) error
	Stop(ctx context.Context, cause wit.StopCause) error
	// Lost reports whether the instance that was started is no more, or has crashed.
	Lost() bool
	Leave()
}

// Phase is what a service does.
type Phase string

// The phases of a service.
const (
	Starting Phase = "starting"
	Running  Phase = "running"
	Waiting  Phase = "waiting" // to be started anew
)

// State is how a service is.
type State struct {
	Phase    Phase
	Since    time.Time
	Next     time.Time // when it is started anew
	Message  string    // what it says that it does
	Problem  string    // what is or was wrong with it
	Restarts int
}

// Deps is what the service stands on.
type Deps struct {
	Bus     *event.Bus
	Plugins Plugins
	// Redact takes secrets out of what services say.
	Redact func(string) string
	Log    hclog.Logger
}

// Times of the services.
const (
	grace   = time.Second     // at the end of the gateway, for all that they do
	settled = 5 * time.Minute // after which earlier failures count no more
)

// restart is how long to wait before a service is started anew.
var restart = retry.Backoff{Min: time.Second, Max: 5 * time.Minute, Jitter: true}

// Service runs the services of plugins.
type Service struct {
	Deps
	changed chan struct{}

	mu      sync.Mutex
	workers map[string]*worker
}

// New returns what does nothing until Run.
func New(d Deps) *Service {
	d.Log = d.Log.Named("background")
	return &Service{Deps: d, changed: make(chan struct{}, 1), workers: map[string]*worker{}}
}

// Service names what this is to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "background", Run: s.Run, Checks: []func(context.Context) service.Check{s.check}}
}

// Run runs a worker for each service until ctx ends and all are stopped. The error is nil.
func (s *Service) Run(ctx context.Context) error {
	cancel := s.Bus.Subscribe(func(e event.Event) {
		if e.Name == "plugins.changed" {
			s.look()
		}
	})
	defer cancel()
	var working sync.WaitGroup
	defer working.Wait()
	s.look()
	for {
		select {
		case <-s.changed:
		case <-ctx.Done():
			return nil
		}
		for _, p := range s.Plugins.Services() {
			if w := s.hire(p); w != nil {
				working.Go(func() {
					w.run(ctx)
					s.dismiss(w)
				})
			}
		}
	}
}

// look has Run look for services that nobody runs.
func (s *Service) look() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// hire returns a worker for a plugin, nil where it has one.
func (s *Service) hire(p Plugin) *worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers[p.ID()] != nil {
		return nil
	}
	w := &worker{plugin: p, rollback: s.Plugins.Rollback, redact: s.Redact, log: s.Log.ResetNamed("plugin." + p.ID())} // where its author looks
	s.workers[p.ID()] = w
	return w
}

// dismiss forgets a worker whose plugin cannot be called any more; it may be back already.
func (s *Service) dismiss(w *worker) {
	s.mu.Lock()
	delete(s.workers, w.plugin.ID())
	s.mu.Unlock()
	s.look()
}

// check is what the doctor says.
func (s *Service) check(context.Context) service.Check {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ill []string
	for id, w := range s.workers {
		if is := w.state.Load(); is != nil && is.Problem != "" {
			ill = append(ill, id+": "+is.Problem)
		}
	}
	if len(ill) > 0 {
		return service.Check{Name: "services", Message: strings.Join(sorted(ill), "; "), Hint: "`carapace plugins info PLUGIN` and `carapace logs` show more; a service that is not well is started anew by itself"}
	}
	return service.Check{Name: "services", OK: true, Message: service.Count(len(s.workers), "service") + " of plugins running"}
}
