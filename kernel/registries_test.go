package kernel_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/registry/registrytest"
	"github.com/carapace-gateway/carapace/kernel/service/catalog"
)

// site serves a registry's folder, or what a test has it say instead.
type site struct {
	*registrytest.Registry
	t      testing.TB
	server *httptest.Server

	mu      sync.Mutex
	instead map[string]http.HandlerFunc // by file
	asked   []string                    // status and file
}

func newSite(t testing.TB) *site {
	s := &site{Registry: registrytest.New(t), t: t, instead: map[string]http.HandlerFunc{}}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file := strings.TrimPrefix(r.URL.Path, "/plugins/")
	s.mu.Lock()
	instead := s.instead[file]
	s.mu.Unlock()
	seen := &status{ResponseWriter: w, code: http.StatusOK}
	if instead != nil {
		instead(seen, r)
	} else {
		if data, err := os.ReadFile(filepath.Join(string(s.Folder), registry.IndexFile)); err == nil && file == registry.IndexFile {
			w.Header().Set("Etag", `"`+registry.Digest(data)+`"`)
		}
		http.StripPrefix("/plugins/", http.FileServer(http.Dir(string(s.Folder)))).ServeHTTP(seen, r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, fmt.Sprint(seen.code, " ", file))
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) { s.code = code; s.ResponseWriter.WriteHeader(code) }

// says has the site answer otherwise for a file; nil is the folder's file again.
func (s *site) says(file string, answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instead[file] = answer
}

// sends is an answer of these bytes.
func sends(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }
}

// requests returns what was asked for since the last time.
func (s *site) requests() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := strings.Join(s.asked, ", ")
	s.asked = nil
	return list
}

func (s *site) index() []byte {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(string(s.Folder), registry.IndexFile))
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

// registries are the settings of these sites, each under its name.
func registries(sites map[string]*site) string {
	all := map[string]map[string]string{}
	for name, s := range sites {
		all[name] = map[string]string{"url": s.server.URL + "/plugins/", "key": string(registry.SignerOf(s.Key))}
	}
	text, err := json.Marshal(map[string]any{"registries": all})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// reads has the registries read, and returns what is wrong with the only one.
func reads(l *kerneltest.Listener) catalog.RegistryRow {
	var list catalog.RegistriesResult
	l.MustCall("registries.refresh", nil, &list)
	return list.Registries[0]
}

// lists is what a search finds: registry/id and versions, with what is said of them.
func lists(l *kerneltest.Listener, query string) string {
	var found catalog.SearchResult
	l.MustCall("plugins.search", catalog.SearchParams{Query: query}, &found)
	var lines []string
	for _, p := range found.Packages {
		line := p.Registry + "/" + p.ID
		for _, v := range p.Versions {
			line += " " + v.Version
			if v.Withdrawn != "" {
				line += " (withdrawn: " + v.Withdrawn + ")"
			}
			if v.Unfit != "" {
				line += " (unfit)"
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

// TestRegistry: what a registry has is found by words, also where the index is unchanged, and its news are there once it is read
// again.
func TestRegistry(t *testing.T) {
	t.Parallel()
	home := newSite(t)
	home.Add("weather", "1.0.0", nil)
	home.Add("weather", "2.0.0", func(m map[string]any) { m["host"] = ">=9" })
	home.Add("clock", "1.0.0", func(m map[string]any) { m["description"] = "What time it is." })
	l := kerneltest.Start(t, kerneltest.Config(t, registries(map[string]*site{"home": home}))).Listen()
	if row := reads(l); row.Problem != "" || row.Sequence != 3 || row.Packages != 2 || row.FetchedAt == 0 {
		t.Fatalf("%+v", row)
	}
	for query, want := range map[string]string{
		"": "home/clock 1.0.0; home/weather 2.0.0 (unfit) 1.0.0", "TIME tool": "home/clock 1.0.0", "weather time": "",
	} {
		if got := lists(l, query); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	home.requests()
	reads(l)
	if got := home.requests(); got != "304 index.json" {
		t.Errorf("what is unchanged was fetched: %s", got)
	}
	home.Remove("weather", "1.0.0", "it leaks")
	if row := reads(l); row.Sequence != 4 || lists(l, "weather") != "home/weather 2.0.0 (unfit) 1.0.0 (withdrawn: it leaks)" {
		t.Errorf("%+v, %s", row, lists(l, "weather"))
	}
}

// TestWhatIsShownInsteadOfAnIndex: none of it is believed, each is told apart, and what was known before is known on.
func TestWhatIsShownInsteadOfAnIndex(t *testing.T) {
	t.Parallel()
	home, other := newSite(t), newSite(t)
	other.Add("weather", "6.6.6", nil)
	home.Add("weather", "1.0.0", nil)
	old := home.index()
	home.Add("weather", "1.1.0", nil)
	good := home.index()
	l := kerneltest.Start(t, kerneltest.Config(t, registries(map[string]*site{"home": home}))).Listen()
	if row := reads(l); row.Sequence != 2 {
		t.Fatalf("%+v", row)
	}
	expired, err := registry.Encode(&registry.Index{Format: 1, Sequence: 3, Time: 1, Expires: time.Now().UnixMilli()}, home.Key)
	if err != nil {
		t.Fatal(err)
	}
	fork, err := registry.Encode(&registry.Index{Format: 1, Sequence: 2, Time: 1, Expires: time.Now().Add(time.Hour).UnixMilli()}, home.Key)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"tampered":    {sends(bytes.Replace(good, []byte("weather"), []byte("Weather"), 1)), "not signed by the key"},
		"another's":   {sends(other.index()), "not signed by the key"},
		"older":       {sends(old), "is older than the one that was read before"},
		"expired":     {sends(expired), "has expired"},
		"another one": {sends(fork), "has signed two"},
		"half":        {sends(good[:len(good)/2]), "is no index"},
		"endless":     {sends(make([]byte, registry.MaxIndex+1)), "more than"},
		"none":        {http.NotFound, "has no index.json"},
		"broken":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "answers 500"},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9999")
			_, _ = w.Write(good[:99])
		}, "broke off"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.server.URL+"/plugins/index.json", http.StatusFound)
		}, "not permitted"},
	} {
		home.says(registry.IndexFile, c.answer)
		if row := reads(l); !strings.Contains(row.Problem, c.says) || row.Sequence != 2 {
			t.Errorf("%s: %+v, want %q", name, row, c.says)
		}
		if got := lists(l, ""); got != "home/weather 1.1.0 1.0.0" {
			t.Errorf("%s: %s is there", name, got)
		}
	}
	home.says(registry.IndexFile, nil)
	if row := reads(l); row.Problem != "" {
		t.Errorf("%+v", row)
	}
}

// TestRegistryIsRemembered: after a restart, without the registry, what was known is there, and an older index is refused.
func TestRegistryIsRemembered(t *testing.T) {
	t.Parallel()
	home, state := newSite(t), t.TempDir()
	home.Add("weather", "1.0.0", nil)
	old := home.index()
	home.Add("weather", "1.1.0", nil)
	settings := kerneltest.Config(t, registries(map[string]*site{"home": home}))
	k := kerneltest.Start(t, kerneltest.StateDir(state), settings)
	reads(k.Listen())
	k.Stop()
	home.says(registry.IndexFile, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	l := kerneltest.Start(t, kerneltest.StateDir(state), settings).Listen()
	if row := reads(l); row.Sequence != 2 || !strings.Contains(row.Problem, "answers 503") || lists(l, "") != "home/weather 1.1.0 1.0.0" {
		t.Errorf("%+v, %s", row, lists(l, ""))
	}
	home.says(registry.IndexFile, sends(old))
	if row := reads(l); row.Sequence != 2 || !strings.Contains(row.Problem, "is older") {
		t.Errorf("%+v", row)
	}
}
