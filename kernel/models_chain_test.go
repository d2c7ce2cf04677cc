package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/audit"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// guarded is a server whose keys may be refused, and that says which one it was asked with.
type guarded struct {
	mu      sync.Mutex
	refused map[string]bool
	asked   []string
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if _, err := io.ReadAll(r.Body); err != nil {
		return
	}
	g.asked = append(g.asked, key)
	if g.refused[key] {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "data: fine\n\ndata: [DONE]\n\n")
}

// who returns the keys that it was asked with since the last call.
func (g *guarded) who() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	asked := strings.Join(g.asked, " ")
	g.asked = nil
	return asked
}

func (g *guarded) refuse(key string, is bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused[key] = is
}

// TestVectorsByAnotherKey: a key that is refused rests, visibly, and the next one is asked, for the same model.
func TestVectorsByAnotherKey(t *testing.T) {
	t.Parallel()
	g := &guarded{refused: map[string]bool{"key-of-work": true}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	keyed := kerneltest.Streamer("keyed")
	keyed.Exports["provider_embeddings"] = kerneltest.Export(func(_ context.Context, q *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
		switch {
		case q.Response == nil:
			return &wit.EmbeddingAnswer{Request: &wit.HTTPRequest{Method: "POST", URL: server.URL, Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:key}}"}}}}, nil
		case q.Response.Status == http.StatusUnauthorized:
			return nil, wit.NewError(wit.CodeUnauthorized, "the key is not accepted")
		}
		return &wit.EmbeddingAnswer{Embeddings: []wit.Embedding{{Vector: make([]byte, 4)}}}, nil
	})
	k := kerneltest.Start(t, kerneltest.Plugin(keyed), kerneltest.Config(t, fmt.Sprintf(`{"plugins": {"keyed": {"config": {"url": %q}}}}`, server.URL)))
	l := k.Listen()
	for account, value := range map[string]string{"": "key-of-none", "work": "key-of-work"} {
		l.MustCall("credentials.set", system.SetCredential{ID: "keyed", Account: account, Name: "key", Value: value}, nil)
	}
	for _, want := range []string{"key-of-work key-of-none", "key-of-none"} {
		posted(t, k, 200, "/v1/embeddings", `{"model":"keyed/small","input":"a"}`)
		if asked := g.who(); asked != want {
			t.Errorf("asked by %s, want %s", asked, want)
		}
	}
	var status system.Status
	if l.MustCall("status", nil, &status); !strings.Contains(strings.Join(status.Notices, "\n"), "key work of keyed rests for 10m") {
		t.Errorf("%q", status.Notices)
	}
}

// TestKeysAndModels: a provider's keys are tried before the next model; what was refused rests through a kill, visibly, until
// there is another key; and each place has its own model.
func TestKeysAndModels(t *testing.T) {
	t.Parallel()
	g := &guarded{refused: map[string]bool{"key-of-none": true, "key-of-work": true}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	keyed := kerneltest.Streamer("keyed")
	keyed.Exports["provider_chunk"] = kerneltest.Export(func(ctx context.Context, c *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
		a := &wit.ProviderAnswer{}
		for _, e := range c.Events {
			switch {
			case e.Kind == wit.StreamEventKindHead && e.Status == http.StatusUnauthorized:
				a.Error = wit.NewError(wit.CodeUnauthorized, "the key is not accepted")
			case e.Kind == wit.StreamEventKindData && e.Data == "[DONE]":
				a.Stop = new(wit.StopReasonEnd)
			case e.Kind == wit.StreamEventKindData && a.Error == nil:
				a.Deltas = append(a.Deltas, wit.Delta{Kind: wit.DeltaKindText, Text: e.Data})
			}
		}
		return a, nil
	})
	platform := kerneltest.NewPlatform(t)
	start := func(dir string) *kerneltest.Kernel {
		return kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Config(t, fmt.Sprintf(`{
			"agents": {"defaults": {"model": {"primary": "keyed/model", "fallbacks": ["plan-b"]}, "models": {"echo/model": {"alias": "Plan-B"}}}},
			"plugins": {"keyed": {"config": {"url": %q}}},
			"channels": {"chat": {"model": "plan-b", "accounts": {"bot": {"dmPolicy": "open", "config": {"root": %q}}}}}}`, server.URL, platform.URL)),
			kerneltest.Plugin(keyed, kerneltest.Echo("echo"), kerneltest.Channel("chat")))
	}
	dir := t.TempDir()
	k := start(dir)
	l := k.Listen()
	set := func(account, value string) {
		l.MustCall("credentials.set", system.SetCredential{ID: "keyed", Account: account, Name: "key", Value: value}, nil)
	}
	set("", "key-of-none")
	set("work", "key-of-work")
	if got := l.Ask("r1", "hi"); got != "you said: hi" {
		t.Errorf("the fallback said %q", got)
	}
	if asked := g.who(); len(strings.Fields(asked)) != 2 || !strings.Contains(asked, "key-of-none") || !strings.Contains(asked, "key-of-work") {
		t.Errorf("asked by %q", asked)
	}
	resting := func(want int) {
		t.Helper()
		var status system.Status
		l.MustCall("status", nil, &status)
		var auth chat.AuthStatusResult
		l.MustCall("models.authStatus", nil, &auth)
		n := 0
		for _, p := range auth.Providers {
			for _, profile := range p.Profiles {
				if p.Provider == "keyed" && profile.Status == "missing" && profile.Until > 0 && profile.Reason == "the key is not accepted" {
					n++
				}
			}
		}
		lines := strings.Join(status.Notices, "\n")
		if n != want || strings.Count(lines, "of keyed rests for 10m after 1 failure: the key is not accepted") != want {
			t.Errorf("%d keys rest, want %d: %+v\n%s", n, want, auth, lines)
		}
		var models chat.ModelsListResult
		l.MustCall("models.list", nil, &models)
		for _, m := range models.Models {
			if m.Provider == "keyed" && (m.UnavailableReason == "auth-failed") != (want == 2) {
				t.Errorf("%+v", m)
			}
			if m.Provider == "echo" && m.Alias != "Plan-B" {
				t.Errorf("%+v", m)
			}
		}
	}
	resting(2)
	k.Stop()
	k = start(dir)
	l = k.Listen()
	resting(2)
	g.refuse("key-of-work", false)
	set("work", "key-of-work2")
	resting(1)
	if got := l.Ask("r2", "hi"); got != "fine" || g.who() != "key-of-work2" {
		t.Errorf("by another key: %q", got)
	}
	l.MustCall("credentials.set", system.SetCredential{ID: "chat", Account: "bot", Name: "token", Value: "a-token-of-a-bot"}, nil)
	platform.Say("ann", "on the channel")
	platform.Answered("you said: on the channel")
	l.MustCall("sessions.patch", json.RawMessage(`{"key":"main","model":"PLAN-B"}`), nil)
	if got := l.Ask("r3", "by an alias"); got != "you said: by an alias" {
		t.Errorf("%q", got)
	}
	var told audit.Result
	l.MustCall("audit.list", nil, &told)
	if i := slices.IndexFunc(told.Events, func(e audit.Event) bool {
		return e.RunID == "r1" && e.Model == "echo/model" && e.Replaced == "keyed/model"
	}); i < 0 {
		t.Errorf("nobody sees who was replaced: %+v", told.Events)
	}
	got := posted(t, k, 200, "/v1/chat/completions", `{"model":"Plan-B","messages":[{"role":"user","content":"over HTTP"}]}`)
	if text, _ := at(got, "choices", 0, "message", "content").(string); text != "you said: over HTTP" {
		t.Errorf("by an alias over HTTP: %+v", got)
	}
	var tested chat.ModelsTestResult
	l.MustCall("models.test", json.RawMessage(`{"model":"keyed/model"}`), &tested)
	if len(tested.Trials) != 2 || tested.OK || tested.Trials[0].KeyStatus != "refused" || !tested.Trials[1].Answers {
		t.Errorf("%+v", tested)
	}
}
