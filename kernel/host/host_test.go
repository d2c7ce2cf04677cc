package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// world is a Host on fakes.
type world struct {
	host   *host.Host
	bus    *event.Bus
	vault  vault
	jobs   jobs
	log    bytes.Buffer
	config map[string]string // by account
}

type vault map[string]string

func (v vault) Get(_ context.Context, owner, account, name string) (string, error) {
	if s, ok := v[owner+"/"+account+"/"+name]; ok {
		return s, nil
	}
	return "", wit.NewError(wit.CodeNotFound, "no such credential")
}

func (v vault) Has(owner, account, name string) bool {
	_, ok := v[owner+"/"+account+"/"+name]
	return ok
}

type jobs map[string]*wit.ScheduledJob

func (j jobs) Set(_ context.Context, plugin string, job *wit.ScheduledJob) (int64, error) {
	j[plugin+"/"+job.ID] = job
	return 42, nil
}

func (j jobs) Cancel(_ context.Context, plugin, id string) error {
	delete(j, plugin+"/"+id)
	return nil
}

func (j jobs) Jobs(_ context.Context, plugin string) ([]string, error) {
	var ids []string
	for key := range j {
		if id, ours := strings.CutPrefix(key, plugin+"/"); ours {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

type media struct{}

func (media) Stat(_ context.Context, id string) (wit.MediaInfo, error) {
	if id != "m1" {
		return wit.MediaInfo{}, wit.Errorf(wit.CodeNotFound, "no file %s", id)
	}
	return wit.MediaInfo{Mime: "image/png", Size: 4}, nil
}

func newWorld() *world {
	w := &world{bus: new(event.Bus), vault: vault{}, jobs: jobs{}, config: map[string]string{}}
	w.host = host.New(host.Deps{Store: store.OpenMemory(), Egress: egress.New(egress.Config{}), Vault: w.vault, Schedule: w.jobs, Media: media{},
		Bus: w.bus, Logger: hclog.New(&hclog.LoggerOptions{Output: &w.log, Level: hclog.Debug}),
		Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "[redacted]") }})
	return w
}

func everything() wit.Permissions {
	p := &wit.Permission{Reason: "r"}
	return wit.Permissions{KV: p, Schedule: p, Emit: p, Media: p, HTTP: &wit.HTTPPermission{Reason: "r", Hosts: []string{"config:url"}},
		Credential: &wit.CredentialPermission{Reason: "r", Names: []string{"tok"}}}
}

func (w *world) guest(id string, p wit.Permissions) *host.Guest {
	return w.host.Guest(host.Plugin{ID: id, Permissions: p, Config: func(account string) (wit.JSON, error) {
		text, ok := w.config[account]
		if !ok && account != "" {
			return nil, wit.Errorf(wit.CodeNotFound, "no account %s", account)
		}
		return wit.JSON(text), nil
	}})
}

// ask calls a function as a guest would.
func ask(g *host.Guest, call host.Call, name, in string) (string, error) {
	out, err := g.Functions()[name](host.WithCall(context.Background(), call), []byte(in))
	return string(out), err
}

func TestEveryImportIsThere(t *testing.T) {
	functions := newWorld().guest("p", wit.Permissions{}).Functions()
	for _, f := range wit.Imports() {
		if functions[f.Name] == nil {
			t.Errorf("%s is missing", f.Name)
		}
	}
	if len(functions) != len(wit.Imports()) {
		t.Errorf("%d functions, %d imports in the contract", len(functions), len(wit.Imports()))
	}
}

func TestPermissions(t *testing.T) {
	g := newWorld().guest("p", wit.Permissions{})
	for _, f := range wit.Imports() {
		permission, _ := wit.PermissionOf(f.Name)
		_, err := ask(g, host.Call{}, f.Name, "{}")
		if want := permission != ""; (wit.CodeOf(err) == wit.CodeForbidden) != want || want && !strings.Contains(err.Error(), permission) {
			t.Errorf("%s without permissions: %v", f.Name, err)
		}
	}
}

func TestFunctions(t *testing.T) {
	w := newWorld()
	w.config[""], w.config["acc"] = `{"a":1}`, `{"a":2}`
	w.vault["p/acc/tok"] = "x"
	g := w.guest("p", everything())
	big := strings.Repeat("x", 64<<10+1)
	tests := []struct {
		name, in, out string
		want          wit.Code
	}{
		{"log_write", `{"level":"warn","message":"hm"}`, "", ""},
		{"config_get", `{}`, `{"value":{"a":1}}`, ""},
		{"config_get", `{"account":"acc"}`, `{"value":{"a":2}}`, ""},
		{"config_get", `{"account":"other"}`, "", wit.CodeNotFound},
		{"config_get", `nonsense`, "", wit.CodeInvalid},
		{"kv_get", `{"key":"a"}`, `{}`, ""},
		{"kv_put", `{"key":"a","value":"1"}`, `{"ok":true}`, ""},
		{"kv_put", `{"key":"b","value":""}`, `{"ok":true}`, ""},
		{"kv_get", `{"key":"a"}`, `{"value":"1"}`, ""},
		{"kv_keys", `{"prefix":""}`, `{"keys":["a","b"]}`, ""},
		{"kv_keys", `{"prefix":"","limit":1}`, `{"keys":["a"]}`, ""},
		{"kv_delete", `{"key":"a"}`, `{"ok":true}`, ""},
		{"kv_delete", `{"key":"a"}`, `{"ok":true}`, ""},
		{"kv_keys", `{"prefix":"a"}`, `{}`, ""},
		{"kv_put", `{"key":"","value":"1"}`, "", wit.CodeInvalid},
		{"kv_put", `{"key":"` + big[:257] + `","value":"1"}`, "", wit.CodeInvalid},
		{"kv_put", `{"key":"c","value":"` + big + `"}`, "", wit.CodeTooLarge},
		{"kv_put", `{"key":"c","value":"1","ttl":-1}`, "", wit.CodeInvalid},
		{"credential_has", `{"name":"tok"}`, `{}`, ""},
		{"credential_has", `{"name":"tok","account":"acc"}`, `{"present":true}`, ""},
		{"credential_has", `{"name":"other"}`, "", wit.CodeForbidden},
		{"schedule_set", `{"id":"j","every":1000}`, `{"next":42}`, ""},
		{"schedule_set", `{"id":"j","every":1000,"cron":"* * * * *"}`, "", wit.CodeInvalid},
		{"schedule_set", `{"id":"j"}`, "", wit.CodeInvalid},
		{"schedule_set", `{"every":1000}`, "", wit.CodeInvalid},
		{"schedule_set", `{"id":"j","every":999}`, "", wit.CodeInvalid},
		{"schedule_set", `{"id":"j","at":1,"payload":"` + big + `"}`, "", wit.CodeTooLarge},
		{"schedule_cancel", `{"id":"j"}`, `{}`, ""},
		{"emit_publish", `{"name":"thing.happened","payload":{"a":1}}`, `{"ok":true}`, ""},
		{"emit_publish", `{"name":"Bad Name"}`, "", wit.CodeInvalid},
		{"emit_publish", `{"name":"a","payload":"` + big + `"}`, "", wit.CodeTooLarge},
		{"media_stat", `{"media":"m1"}`, `{"media":"m1","mime":"image/png","size":4}`, ""},
		{"media_stat", `{"media":"m2"}`, "", wit.CodeNotFound},
		{"http_request", `{"url":"https://elsewhere.example/"}`, "", wit.CodeForbidden},
	}
	for _, tt := range tests {
		out, err := ask(g, host.Call{}, tt.name, tt.in)
		if got := wit.CodeOf(err); got != tt.want || out != tt.out {
			t.Errorf("%s %.80s: %s %q (%v), want %s %q", tt.name, tt.in, out, got, err, tt.out, tt.want)
		}
	}
	if !strings.Contains(w.log.String(), "[WARN]  plugin.p: hm") {
		t.Errorf("log: %s", w.log.String())
	}
}

func TestKVIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		g := w.guest("p", everything())
		for i := range 1000 {
			ttl := 0
			if i == 0 {
				ttl = 1000
			}
			if _, err := ask(g, host.Call{}, "kv_put", fmt.Sprintf(`{"key":"k%d","value":"v","ttl":%d}`, i, ttl)); err != nil {
				t.Fatal(err)
			}
		}
		full := func(g *host.Guest, key string) wit.Code {
			_, err := ask(g, host.Call{}, "kv_put", `{"key":"`+key+`","value":"v"}`)
			return wit.CodeOf(err)
		}
		if c := full(g, "one-more"); c != wit.CodeTooLarge {
			t.Errorf("the 1001st key: %q", c)
		}
		if c := full(g, "k5"); c != "" {
			t.Errorf("replacing: %q", c)
		}
		if c := full(w.guest("q", everything()), "one-more"); c != "" {
			t.Errorf("another plugin: %q", c)
		}
		time.Sleep(time.Second)
		if out, err := ask(g, host.Call{}, "kv_get", `{"key":"k0"}`); out != "{}" || err != nil {
			t.Errorf("expired: %s %v", out, err)
		}
		if c := full(g, "one-more"); c != "" {
			t.Errorf("after one expired: %q", c)
		}
	})
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		g := w.guest("p", everything())
		emit := func() error { _, err := ask(g, host.Call{}, "emit_publish", `{"name":"a"}`); return err }
		seen := 0
		cancel := host.EmittedKind.Subscribe(w.bus, func(host.Emitted) { seen++ })
		defer cancel()
		for range 100 {
			if err := emit(); err != nil {
				t.Fatal(err)
			}
		}
		err := emit()
		if e := wit.AsError(err); e.Code != wit.CodeRateLimited || !e.Retryable || *e.RetryAfter != 50 {
			t.Errorf("over the rate: %+v", e)
		}
		time.Sleep(50 * time.Millisecond)
		if err := w.guestAgain(g); err != nil || seen != 101 {
			t.Errorf("after a wait, by the next version: %v, %d events", err, seen)
		}
		for range 700 {
			_, _ = ask(g, host.Call{}, "log_write", `{"message":"x"}`)
		}
		time.Sleep(time.Second)
		_, _ = ask(g, host.Call{}, "log_write", `{"message":"`+strings.Repeat("y", 5000)+`"}`)
		text := w.log.String()
		if n := strings.Count(text, ": x\n"); n != 500 || !strings.Contains(text, "lines=200") {
			t.Errorf("%d lines kept", n)
		}
		if strings.Contains(text, strings.Repeat("y", 4097)) {
			t.Error("a line was not cut")
		}
	})
}

// TestASecretAtTheCutIsNotLoggedInPart: what is left of a secret that was cut is not recognized any more.
func TestASecretAtTheCutIsNotLoggedInPart(t *testing.T) {
	w := newWorld()
	w.guest("p", everything()).Log(hclog.Info, strings.Repeat("x", wit.LogLineMessageCut-5)+"hunter2 and more")
	if text := w.log.String(); !strings.Contains(text, "xxx[reda…") || strings.Contains(text, "hunt") {
		t.Errorf("%s", text)
	}
}

func (w *world) guestAgain(g *host.Guest) error {
	_, err := ask(w.guest(g.ID, g.Permissions), host.Call{}, "emit_publish", `{"name":"a"}`)
	return err
}

func TestJobsAreBounded(t *testing.T) {
	w := newWorld()
	g := w.guest("p", everything())
	for i := range 101 {
		_, err := ask(g, host.Call{}, "schedule_set", fmt.Sprintf(`{"id":"j%d","every":1000}`, i))
		if (wit.CodeOf(err) == wit.CodeTooLarge) != (i == 100) {
			t.Fatalf("job %d: %v", i, err)
		}
	}
	if _, err := ask(g, host.Call{}, "schedule_set", `{"id":"j5","every":2000}`); err != nil {
		t.Errorf("replacing: %v", err)
	}
}

// TestHTTP goes to a server that the owner configured, which only that permits.
func TestHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, r.URL.Path+" "+r.Header.Get("Authorization"))
	}))
	defer server.Close()
	w := newWorld()
	w.config["acc"] = `{"url":"` + server.URL + `/api"}`
	w.config["bare"] = `{}`
	w.config[""] = `{}`
	w.vault["p/acc/tok"], w.vault["p//tok"], w.vault["q//tok"] = "of-account", "of-plugin", "of-other"
	g := w.guest("p", everything())
	request := func(path string) string {
		b, _ := json.Marshal(map[string]any{"url": server.URL + path, "headers": []any{map[string]string{"name": "Authorization", "value": "{{credential:tok}}"}}})
		return string(b)
	}
	tests := []struct {
		name string
		call host.Call
		path string
		out  string
		want wit.Code
	}{
		{"account", host.Call{Export: "channel_send", Account: "acc"}, "/api/x", "/api/x of-account", ""},
		{"outside the url", host.Call{Export: "channel_send", Account: "acc"}, "/x", "", wit.CodeForbidden},
		{"not configured", host.Call{Export: "channel_send", Account: "bare"}, "/api/x", "", wit.CodeForbidden},
		{"plugin", host.Call{Export: "tool_invoke"}, "/api/x", "", wit.CodeForbidden},
		{"pure event", host.Call{Export: "channel_event", Account: "acc"}, "/api/x", "", wit.CodeForbidden},
		{"pure skip", host.Call{Export: "channel_skip", Account: "acc"}, "/api/x", "", wit.CodeForbidden},
		{"pure chunk", host.Call{Export: "provider_chunk", Account: "acc"}, "/api/x", "", wit.CodeForbidden},
	}
	for _, tt := range tests {
		out, err := ask(g, tt.call, "http_request", request(tt.path))
		if got := wit.CodeOf(err); got != tt.want {
			t.Errorf("%s: %q (%v), want %q", tt.name, got, err, tt.want)
		}
		var res wit.HTTPResponse
		if err == nil && (wit.Unmarshal([]byte(out), &res) != nil || *res.Text != tt.out) {
			t.Errorf("%s: %s", tt.name, out)
		}
	}
	w.config[""] = `{"url":"` + strings.TrimPrefix(server.URL, "http://") + `"}`
	if _, err := ask(g, host.Call{Export: "tool_invoke"}, "http_request", request("/api/x")); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("a bare host means https: %v", err)
	}
	delete(w.vault, "p/acc/tok")
	if out, err := ask(g, tests[0].call, "http_request", request("/api/x")); err != nil || !strings.Contains(out, "of-plugin") {
		t.Errorf("falls back to the plugin's own: %s %v", out, err)
	}
	delete(w.vault, "p//tok")
	if _, err := ask(g, tests[0].call, "http_request", request("/api/x")); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("no credential: %v", err)
	}
	withMedia := everything()
	withMedia.Media = nil
	if _, err := ask(w.guest("p", withMedia), tests[0].call, "http_request", `{"url":"`+server.URL+`/api/x","method":"POST","parts":[{"media":"m1"}]}`); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("media without the permission: %v", err)
	}
	if _, err := ask(w.guest("p", withMedia), tests[0].call, "http_request", `{"url":"`+server.URL+`/api/x","method":"POST","text":"{{media:m1}}","embed":["m1"]}`); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("a file embedded without the permission: %v", err)
	}
}
