// Package catalog knows what the configured registries have: it reads their indexes on a schedule, finds packages in them by
// name, and stops what they have withdrawn.
//
// Of each registry the last good index is kept in the store, and is used where the registry cannot be reached until it
// expires. What a registry shows instead of the next one (an older one, one that has expired, one that another key has signed)
// is refused, and said so. A plugin belongs to the registry that it came from: no other one replaces or stops it. What is fetched is checked
// against the signed index before anything reads it. Registries are asked all at once, so one that does not answer holds up nobody
// for long who finds elsewhere what is wanted. Everything is safe for concurrent use.
package catalog

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/turns"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service stands on.
type Deps struct {
	Store   store.Store
	Bus     *event.Bus
	Log     hclog.Logger
	Ledger  *Ledger
	Fetcher registry.Fetcher
	// Sources are the configured registries, by name.
	Sources func() []registry.Source
	Gateway registry.Gateway
	Logins  Logins
	// Installed lists the plugins that the owner has put here, by id.
	Installed func() []Installed
	// Barred is told which plugins may be barred or not barred any more, and returns when that is in force.
	Barred func(ids []string)
}

// Installed is a plugin that the owner has put here.
type Installed struct {
	ID, Version string
	// Runs is the version that runs now, which is another one where this one does not; "" for none.
	Runs string
	// Digest is that of the content, and Registry where it came from; both are empty for what was not installed from an archive or
	// not from a registry.
	Digest, Registry string
}

// Changed says that a registry was read, or could not be.
type Changed struct {
	Name     string `json:"name"`
	Sequence int64  `json:"sequence,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

// ChangedKind is published when the index of a registry, or what is wrong with it, is another one than before.
var ChangedKind = event.Kind[Changed]{Name: "registries.changed", Scope: wire.ScopeRead}

// Times of the service.
const (
	every        = 6 * time.Hour // between two looks at a registry
	patience     = time.Minute   // after which who installs has a registry asked again that could not be read
	indexTimeout = 30 * time.Second
	fetchTimeout = 5 * time.Minute // of an archive

	// While somebody waits: for the answers of all registries, and for those of the others once one has what is wanted.
	answerTimeout = 10 * time.Second
	grace         = 2 * time.Second
)

// atOnce is how many registries are read at the same time, each of them once.
const atOnce = 16

// again is how long to wait after a registry could not be read.
var again = retry.Backoff{Min: 5 * time.Minute, Max: every, Jitter: true}

// Service is the catalog.
type Service struct {
	Deps
	wake chan struct{}

	reading *turns.Turns // each registry once at a time
	mu      sync.Mutex
	shelves map[string]*shelf
}

// New returns the service with the indexes that are kept.
func New(d Deps) *Service {
	d.Log = d.Log.Named("catalog")
	s := &Service{Deps: d, wake: make(chan struct{}, 1), reading: turns.New(atOnce, 1), shelves: map[string]*shelf{}}
	for name, k := range d.Ledger.indexes {
		s.shelves[name] = &shelf{kept: k, due: time.UnixMilli(k.Fetched).Add(every)}
	}
	return s
}

// Service names what the catalog is to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{
		Name: "catalog", Methods: s.methods(), Events: []event.Row{ChangedKind.Row()}, Run: s.Run,
		Checks: []func(context.Context) service.Check{s.check}, Notices: s.notices,
	}
}

// Reconfigured says that the registries may be others now. It returns at once.
func (s *Service) Reconfigured() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run reads the registries when they are due, until ctx ends. The error is nil.
func (s *Service) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-s.wake:
		}
		s.refreshAll(ctx, slices.DeleteFunc(s.Sources(), func(src registry.Source) bool { return time.Now().Before(s.shelf(src).due) }))
		next := every
		for _, src := range s.Sources() {
			next = min(next, max(time.Until(s.shelf(src).due), time.Second))
		}
		timer.Reset(next)
	}
}

// find returns the configured registries, or the one that is named. Errors: CodeNotFound.
func (s *Service) find(name string) ([]registry.Source, error) {
	list := s.Sources()
	if name == "" {
		return list, nil
	}
	i := slices.IndexFunc(list, func(src registry.Source) bool { return src.Name == name })
	if i < 0 {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no registry %.64q: `carapace registries list` shows which there are", name)
	}
	return list[i : i+1], nil
}

// installed returns a plugin that the owner has put here; the zero value where there is none.
func (s *Service) installed(id string) Installed {
	for _, i := range s.Installed() {
		if i.ID == id {
			return i
		}
	}
	return Installed{}
}

// check says what is wrong with the registries, and which withdrawn plugins run all the same.
func (s *Service) check(context.Context) service.Check {
	c := service.Check{Name: "registries", OK: true, Message: "none is configured"}
	var names, bad []string
	for _, src := range s.Sources() {
		names = append(names, src.Name)
		if problem := s.shelf(src).trouble(); problem != nil {
			bad = append(bad, src.Name+": "+problem.Error())
			c.Hint = "`carapace registries refresh` reads it again; what is installed runs on"
		}
	}
	for _, line := range s.insisted() {
		bad = append(bad, line)
		c.Hint = "`carapace plugins update` looks for versions that were not withdrawn"
	}
	switch {
	case len(bad) > 0:
		c.Warning, c.Message = true, strings.Join(bad, "; ")
	case len(names) > 0:
		c.Message = strings.Join(names, ", ") + " can be used"
	}
	return c
}
