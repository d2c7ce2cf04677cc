package catalog_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
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

// several are registries by name, some of which do not answer.
type several struct {
	t      *testing.T
	all    map[string]*registrytest.Registry
	silent map[string]bool
}

// Fetch implements registry.Fetcher.
func (s *several) Fetch(ctx context.Context, ask registry.Request) (*registry.Response, error) {
	if s.silent[ask.Source.Name] {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	data, err := os.ReadFile(filepath.Join(string(s.all[ask.Source.Name].Folder), ask.File))
	return &registry.Response{Data: data}, err
}

// open makes registries that each have the packages that are named, and a catalog over them.
func (s *several) open(db store.Store, packages map[string]string) *catalog.Service {
	s.t.Helper()
	var sources []registry.Source
	for _, name := range []string{"a", "b", "c"} {
		id, configured := packages[name]
		if !configured {
			continue
		}
		if s.all[name] == nil {
			s.all[name] = registrytest.New(s.t)
			s.all[name].Add(id, "1.0.0", nil)
		}
		sources = append(sources, registry.Source{Name: name, URL: "https://" + name + ".example", Key: registry.SignerOf(s.all[name].Key)})
	}
	ledger, err := catalog.OpenLedger(s.t.Context(), db)
	if err != nil {
		s.t.Fatal(err)
	}
	return catalog.New(catalog.Deps{Store: db, Bus: new(event.Bus), Log: hclog.NewNullLogger(), Ledger: ledger, Fetcher: s, Gateway: registry.Gateway{Version: "1.0.0", ABI: 1},
		Sources: func() []registry.Source { return append([]registry.Source{}, sources...) }, Installed: func() []catalog.Installed { return nil }, Barred: func([]string) {}})
}

// TestSilentRegistry: one that does not answer holds up for a moment who finds elsewhere what is wanted, and for no longer than
// said who does not; it is named, and not asked again at once. What was known of it is used.
func TestSilentRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, db := &several{t, map[string]*registrytest.Registry{}, map[string]bool{"a": true, "c": true}}, store.OpenMemory()
		defer db.Close()
		service := s.open(db, map[string]string{"a": "clock", "b": "weather", "c": "weather"})
		took := func(id string) (*catalog.Found, time.Duration, error) {
			start := time.Now()
			f, err := service.Find(t.Context(), id)
			return f, time.Since(start), err
		}
		f, d, err := took("weather")
		if err != nil || f.Registry != "b" || d != 2*time.Second || len(f.Unread) != 2 || !strings.Contains(f.Unread["a"], "did not answer") {
			t.Errorf("%+v, %v after %s", f, err, d)
		}
		if _, d, err := took("weather"); err != nil || d != 0 {
			t.Errorf("a second time: %v after %s", err, d)
		}
		time.Sleep(2 * time.Minute)
		if _, d, err = took("clock"); wit.CodeOf(err) != wit.CodeTimeout || d != 10*time.Second || !strings.Contains(err.Error(), "registry a: it did not answer in time") {
			t.Errorf("what nobody is known to have: %v after %s", err, d)
		}
		s.silent = nil
		time.Sleep(2 * time.Minute)
		if f, d, err := took("clock"); err != nil || f.Registry != "a" || d != 0 || len(f.Unread) != 0 {
			t.Errorf("once it answers: %+v, %v after %s", f, err, d)
		}
		s.silent = map[string]bool{"a": true}
		if f, d, err := took("clock"); err != nil || f.Registry != "a" || d > 10*time.Second || len(f.Unread) != 0 {
			t.Errorf("what was known of it: %+v, %v after %s", f, err, d)
		}
		if _, _, err := took("weather"); wit.CodeOf(err) != wit.CodeConflict {
			t.Errorf("what two have: %v", err)
		}
	})
}

// TestSearchNamesWhoIsSilent: registries that were just added are read for a search, which shows what those have that answer and
// names the others.
func TestSearchNamesWhoIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, db := &several{t, map[string]*registrytest.Registry{}, map[string]bool{"a": true}}, store.OpenMemory()
		defer db.Close()
		service := s.open(db, map[string]string{"a": "clock", "b": "weather"})
		for again := range 2 {
			start := time.Now()
			got, err := service.Search(t.Context(), catalog.SearchParams{})
			if err != nil || len(got.Packages) != 1 || got.Packages[0].ID != "weather" || len(got.Incomplete) != 1 || got.Incomplete[0] != "a: it did not answer in time" {
				t.Errorf("%+v, %v", got, err)
			}
			if d := time.Since(start); d > 10*time.Second || again > 0 && d != 0 {
				t.Errorf("it took %s", d)
			}
		}
	})
}
