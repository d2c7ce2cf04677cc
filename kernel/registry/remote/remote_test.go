package remote_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/registry/remote"
	"github.com/carapace-gateway/carapace/wit"
)

// TestConditions: an answer's tag and time are known the next time, but not a time that another answer of the same second may
// have.
func TestConditions(t *testing.T) {
	now := time.Now().UTC()
	for name, c := range map[string]struct {
		headers map[string]string
		want    string
	}{
		"none":        {nil, " "},
		"a tag":       {map[string]string{"Etag": `"1"`}, `"1" `},
		"a time":      {map[string]string{"Last-Modified": now.Add(-time.Hour).Format(http.TimeFormat)}, " " + now.Add(-time.Hour).Format(http.TimeFormat)},
		"this second": {map[string]string{"Etag": `"1"`, "Last-Modified": now.Format(http.TimeFormat)}, `"1" `},
		"no time":     {map[string]string{"Last-Modified": "yesterday"}, " "},
	} {
		var asked string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Header.Get("If-None-Match") + " " + r.Header.Get("If-Modified-Since")
			for name, value := range c.headers {
				w.Header().Set(name, value)
			}
			if asked != " " {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			fmt.Fprint(w, r.URL.Path)
		}))
		network := egress.New(egress.Config{})
		ask := registry.Request{Source: registry.Source{Name: "home", URL: server.URL + "/a"}, File: "b/c.carapace", Limit: 100}
		first, err := remote.New(network).Fetch(t.Context(), ask)
		if err != nil || string(first.Data) != "/a/b/c.carapace" || first.Tag+" "+first.Modified != c.want {
			t.Fatalf("%s: %+v, %v", name, first, err)
		}
		ask.Tag, ask.Modified = first.Tag, first.Modified
		second, err := remote.New(network).Fetch(t.Context(), ask)
		if err != nil || asked != c.want || second.Unchanged != (c.want != " ") {
			t.Errorf("%s: %q, %+v, %v", name, asked, second, err)
		}
		network.Close()
		server.Close()
	}
}

// TestPrivate: the owner's own address is reached, and nothing that it leads to.
func TestPrivate(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret") }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }))
	defer server.Close()
	network := egress.New(egress.Config{})
	defer network.Close()
	_, err := remote.New(network).Fetch(t.Context(), registry.Request{Source: registry.Source{Name: "home", URL: server.URL}, File: "index.json", Limit: 100})
	if wit.CodeOf(err) != wit.CodeForbidden || !strings.HasSuffix(err.Error(), " is not permitted to registry home") {
		t.Error(err)
	}
}

func TestFolder(t *testing.T) {
	network := egress.New(egress.Config{})
	defer network.Close()
	dir := t.TempDir()
	ask := registry.Request{Source: registry.Source{Name: "home", URL: dir}, File: "index.json", Limit: 3}
	if _, err := remote.New(network).Fetch(t.Context(), ask); wit.CodeOf(err) != wit.CodeNotFound {
		t.Error(err)
	}
	for text, code := range map[string]wit.Code{"abc": "", "abcd": wit.CodeTooLarge} {
		write(t, dir, text)
		if got, err := remote.New(network).Fetch(t.Context(), ask); wit.CodeOf(err) != code || err == nil && string(got.Data) != text {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func write(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "index.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
