package catalog_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/registry/registrytest"
	"github.com/carapace-gateway/carapace/kernel/service/catalog"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// world is a catalog over a registry's folder that can be out of reach.
type world struct {
	*registrytest.Registry
	t *testing.T

	mu        sync.Mutex
	source    registry.Source
	off       bool
	asked     []time.Time // for the index
	installed []catalog.Installed
	barred    []string
	news      []catalog.Changed
}

func (w *world) set(change func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

// Fetch implements registry.Fetcher.
func (w *world) Fetch(_ context.Context, ask registry.Request) (*registry.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ask.File == registry.IndexFile {
		w.asked = append(w.asked, time.Now())
	}
	if w.off {
		return nil, wit.NewError(wit.CodeUnavailable, "it is out of reach")
	}
	data, err := os.ReadFile(filepath.Join(string(w.Folder), ask.File))
	return &registry.Response{Data: data}, err
}

func newWorld(t *testing.T) *world {
	r := registrytest.New(t)
	return &world{Registry: r, t: t, source: registry.Source{Name: "home", URL: "https://a.example", Key: registry.SignerOf(r.Key)}}
}

// publish puts a version into the registry, whose index lives for so long.
func (w *world) publish(version string, life time.Duration) {
	w.t.Helper()
	if _, err := w.Publish(w.t.Context(), w.By(time.Now(), life), registrytest.Archive(w.t, "weather", version, nil)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) open(db store.Store) *catalog.Service {
	w.t.Helper()
	ledger, err := catalog.OpenLedger(w.t.Context(), db)
	if err != nil {
		w.t.Fatal(err)
	}
	bus := new(event.Bus)
	catalog.ChangedKind.Subscribe(bus, func(c catalog.Changed) { w.set(func(w *world) { w.news = append(w.news, c) }) })
	return catalog.New(catalog.Deps{Store: db, Bus: bus, Log: hclog.NewNullLogger(), Ledger: ledger, Fetcher: w, Gateway: registry.Gateway{Version: "1.0.0", ABI: 1},
		Sources: func() []registry.Source {
			w.mu.Lock()
			defer w.mu.Unlock()
			return []registry.Source{w.source}
		},
		Installed: func() []catalog.Installed {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.installed
		},
		Barred: func(ids []string) { w.set(func(w *world) { w.barred = append(w.barred, ids...) }) },
	})
}

func (w *world) finds(s *catalog.Service, code wit.Code, says string) {
	w.t.Helper()
	_, err := s.Find(w.t.Context(), "weather")
	if wit.CodeOf(err) != code || err != nil && !strings.Contains(err.Error(), says) {
		w.t.Errorf("%v, want %s and %q", err, code, says)
	}
}

// TestSchedule: a registry is read at the start, then every six hours; one that is out of reach sooner, and less and less often;
// after a restart when it is due, and at once when it is configured otherwise.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, db := newWorld(t), store.OpenMemory()
		defer db.Close()
		w.publish("1.0.0", 1000*time.Hour)
		run := func(s *catalog.Service, d time.Duration) []time.Duration {
			t.Helper()
			w.set(func(w *world) { w.asked = nil })
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			if err := s.Run(ctx); err != nil {
				t.Fatal(err)
			}
			var at []time.Duration
			for _, a := range w.asked {
				at = append(at, a.Sub(start))
			}
			return at
		}
		if at := run(w.open(db), 13*time.Hour); len(at) != 3 || at[0] != 0 || at[1] != 6*time.Hour || at[2] != 12*time.Hour {
			t.Errorf("it was read after %v", at)
		}
		if at := run(w.open(db), 6*time.Hour); len(at) != 1 || at[0] != 5*time.Hour {
			t.Errorf("after a restart it was read after %v", at)
		}
		w.set(func(w *world) { w.off = true })
		s := w.open(db)
		at := run(s, 24*time.Hour)
		if len(at) < 7 || len(at) > 13 || at[1]-at[0] > 5*time.Minute {
			t.Errorf("out of reach it was asked after %v", at)
		}
		w.set(func(w *world) { w.source.URL += "/b" })
		s.Reconfigured()
		if at := run(s, time.Minute); len(at) != 1 || at[0] != 0 {
			t.Errorf("another address was read after %v", at)
		}
	})
}

// TestExpiry: what was read last is used without the registry, until it expires, and again once there is a new index.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, db := newWorld(t), store.OpenMemory()
		defer db.Close()
		w.publish("1.0.0", time.Hour)
		s := w.open(db)
		w.finds(s, "", "")
		w.set(func(w *world) { w.off = true })
		time.Sleep(59 * time.Minute)
		w.finds(s, "", "")
		w.finds(w.open(db), "", "")
		time.Sleep(2 * time.Minute)
		w.finds(s, wit.CodeUnavailable, "has expired")
		w.finds(w.open(db), wit.CodeUnavailable, "has expired")
		w.set(func(w *world) { w.off = false })
		time.Sleep(2 * time.Minute)
		w.finds(s, wit.CodeUnavailable, "has expired") // it is the same one
		w.publish("1.1.0", time.Hour)
		time.Sleep(2 * time.Minute)
		w.finds(s, "", "")
		if n := len(w.news); n < 3 || w.news[n-1].Problem != "" || w.news[n-1].Sequence != 2 || !strings.Contains(w.news[n-2].Problem, "has expired") {
			t.Errorf("%+v", w.news)
		}
	})
}

// TestAnotherKey: what the key that was configured before has signed is nothing for the next one, and for that one only.
func TestAnotherKey(t *testing.T) {
	w, db := newWorld(t), store.OpenMemory()
	defer db.Close()
	w.publish("1.0.0", time.Hour)
	s := w.open(db)
	w.finds(s, "", "")
	before := w.source.Key
	w.set(func(w *world) { w.source.Key = registry.SignerOf(registrytest.Key(t)) })
	w.finds(s, wit.CodeForbidden, "not signed by the key that is configured")
	w.finds(w.open(db), wit.CodeForbidden, "not signed by the key that is configured")
	w.set(func(w *world) { w.source.Key = before })
	w.finds(s, "", "")
}

// TestBarred: a registry has the say about what came from it, and nothing else, for as long as it says so.
func TestBarred(t *testing.T) {
	w, db := newWorld(t), store.OpenMemory()
	defer db.Close()
	w.publish("1.0.0", time.Hour)
	content := w.Index().Find("weather").Versions[0].Content
	w.Remove("weather", "1.0.0", "it leaks")
	ledger := func() *catalog.Ledger {
		l, err := catalog.OpenLedger(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, i := range []catalog.Installed{{ID: "weather", Version: "1.0.0"}, {ID: "weather", Version: "1.0.0", Digest: content}, {ID: "weather", Version: "1.0.0", Digest: content, Registry: "work"}} {
		w.set(func(w *world) { w.installed = []catalog.Installed{i} })
		if _, err := w.open(db).Find(t.Context(), "weather"); err == nil {
			t.Errorf("%+v: what was withdrawn is found", i)
		}
		if why := ledger().Barred("weather", content); why != "" || len(w.barred) != 0 {
			t.Errorf("%+v is barred: %s", i, why)
		}
	}
	w.finds(w.open(db), wit.CodeNotFound, "came from the registry work, which is not configured any more")
	w.set(func(w *world) { w.installed[0].Registry = "home" })
	w.finds(w.open(db), wit.CodeConflict, "was withdrawn: it leaks")
	if why := ledger().Barred("weather", content); why != "withdrawn by the registry home: it leaks" || len(w.barred) != 1 {
		t.Errorf("%q, %v", why, w.barred)
	}
	silent, err := registry.Encode(&registry.Index{Format: 1, Sequence: 3, Time: 1, Expires: time.Now().Add(time.Hour).UnixMilli()}, w.Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(string(w.Folder), registry.IndexFile), silent, 0o600); err != nil {
		t.Fatal(err)
	}
	w.finds(w.open(db), wit.CodeNotFound, "no registry has a package")
	if ledger().Barred("weather", content) == "" {
		t.Error("what the registry lists no more may run")
	}
	if why := ledger().Barred("weather", "sha256:other") + ledger().Barred("clock", content); why != "" {
		t.Error(why)
	}
}
