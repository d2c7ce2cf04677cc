package kernel_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// severalManifest is the manifest of a plugin that is all that its code can be.
func severalManifest(version string) wit.Manifest {
	return wit.Manifest{ID: "several", Name: "Several", Version: version, Description: "is several kinds", ABI: 1, Entry: "plugin.wasm",
		Provides: wit.Provides{
			Tools:    []wit.ToolDefinition{{Name: "several", Description: "says what was kept", Parameters: wit.JSON(`{"type":"object"}`), Effects: []wit.Effect{wit.EffectReads}}},
			Hooks:    []wit.HookFacts{{Name: wit.HookNameBeforeAgentStart}},
			Webhooks: []wit.WebhookRoute{{Path: "in", Accepts: wit.WebhookFacts{Auth: wit.WebhookAuthNone}}},
			Service:  &wit.ServiceFacts{Label: "Counter", HealthEvery: 1000, TickEvery: new(int64(100))},
		},
		Permissions: wit.Permissions{KV: &wit.Permission{Reason: "to keep what happened"}, Emit: &wit.Permission{Reason: "to tell"}}}
}

// answer is what a caller of a webhook got.
type answer struct {
	status int
	body   string
	header http.Header
}

// ring calls a webhook over HTTP.
func ring(t *testing.T, k *kerneltest.Kernel, method, path string, body io.Reader, headers ...string) answer {
	t.Helper()
	res, text := k.Exchange(method, "/plugins/"+path, body, append(noToken, headers...)...)
	return answer{res.StatusCode, strings.TrimSpace(text), res.Header}
}

// webhookPlugin is a plugin of Go functions whose routes are these.
func webhookPlugin(id string, handle func(context.Context, *wit.WebhookCall) (*wit.WebhookReply, error), routes ...wit.WebhookRoute) plugintest.Fake {
	return plugintest.Fake{
		Manifest: wit.Manifest{ID: id, Name: id, Version: "1.0.0", Description: "a fake of a test", ABI: 1, Entry: "plugin.wasm", Provides: wit.Provides{Webhooks: routes}},
		Exports:  kerneltest.Exports{"webhook_handle": kerneltest.Export(handle)},
	}
}

func anybody(path string, methods ...string) wit.WebhookRoute {
	return wit.WebhookRoute{Path: path, Accepts: wit.WebhookFacts{Auth: wit.WebhookAuthNone, Methods: methods}}
}

// TestWebhookRoutes: a call reaches the route that says most about its path, by the methods of that one.
func TestWebhookRoutes(t *testing.T) {
	t.Parallel()
	tell := func(_ context.Context, c *wit.WebhookCall) (*wit.WebhookReply, error) {
		return &wit.WebhookReply{Text: new(c.Route + " " + c.Request.Method + " " + c.Request.Path + " " + c.Request.Query)}, nil
	}
	k := kerneltest.Start(t, kerneltest.Plugin(webhookPlugin("hooks", tell,
		anybody("push"), anybody("files/*", "GET", "PUT"), anybody("files/special"), anybody("files/deep/*", "GET"), anybody("files", "GET"))))
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"POST", "hooks/push", 200, "push POST /"},
		{"POST", "hooks/push?a=b&c", 200, "push POST / a=b&c"},
		{"POST", "hooks/pu%73h", 200, "push POST /"},
		{"GET", "hooks/files", 200, "files GET /"},
		{"GET", "hooks/files/a/b", 200, "files/* GET /a/b"},
		{"PUT", "hooks/files/", 200, "files/* PUT /"},
		{"POST", "hooks/files/special", 200, "files/special POST /"},
		{"GET", "hooks/files/deep/er", 200, "files/deep/* GET /er"},
		{"HEAD", "hooks/files/x", 200, ""},
		{"OPTIONS", "hooks/files/x", 204, ""},
		{"GET", "hooks/push", 405, "Method Not Allowed"},
		{"DELETE", "hooks/files/x", 405, "Method Not Allowed"},
		{"POST", "hooks/push/", 404, "404 page not found"},
		{"POST", "hooks/push/more", 404, "404 page not found"},
		{"POST", "hooks/pushy", 404, "404 page not found"},
		{"POST", "hooks/", 404, "404 page not found"},
		{"POST", "hooks/filesystem", 404, "404 page not found"},
		{"POST", "none/push", 404, "404 page not found"},
		{"POST", "hooks%2Fpush", 404, ""},
	} {
		got := ring(t, k, c.method, c.path, nil)
		if got.status != c.status || c.body != "" && got.body != c.body {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, got.status, got.body, c.status, c.body)
		}
	}
	for path, want := range map[string]string{"hooks/push": "POST, OPTIONS", "hooks/files/x": "GET, PUT, HEAD, OPTIONS"} {
		if got := ring(t, k, "PATCH", path, nil); got.header.Get("Allow") != want {
			t.Errorf("%s allows %q, want %q", path, got.header.Get("Allow"), want)
		}
	}
	head := ring(t, k, "HEAD", "hooks/files/x", nil)
	if head.body != "" || head.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("HEAD: %+v", head)
	}
}

// endless is a body that must not be read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 8<<20 {
		return 0, errors.New("it was read on and on")
	}
	return len(p), nil
}

// TestAStrangerDoesNotReachAWebhook: who cannot prove itself, or brings too much, is refused before the plugin is asked, and
// the plugin sees no credential.
func TestAStrangerDoesNotReachAWebhook(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var calls []wit.WebhookCall
	accepts := wit.WebhookFacts{Auth: wit.WebhookAuthHMACSHA256, Header: new("X-Signature"), Credential: new("secret"), MaxBody: 100}
	fake := webhookPlugin("hooks", func(_ context.Context, c *wit.WebhookCall) (*wit.WebhookReply, error) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, *c)
		return &wit.WebhookReply{}, nil
	}, wit.WebhookRoute{Path: "signed", Accepts: accepts}, wit.WebhookRoute{Path: "token", Accepts: wit.WebhookFacts{Auth: wit.WebhookAuthBearer, Credential: new("secret")}})
	fake.Manifest.Config = wit.JSON(`{"type":"object","properties":{"secret":{"type":"string","x-secret":true},"room":{"type":"string"}}}`)
	k := kerneltest.Start(t, kerneltest.Plugin(fake), kerneltest.Config(t, `{"plugins":{"hooks":{"config":{"room":"blue"}}}}`))
	sign := func(body string) string {
		mac := hmac.New(sha256.New, []byte("a long secret"))
		mac.Write([]byte(body))
		return "sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	if got := ring(t, k, "POST", "hooks/signed", strings.NewReader("x"), "X-Signature", sign("x")); got.status != 403 {
		t.Errorf("without a credential to check with: %+v", got)
	}
	k.Listen().MustCall("plugins.configure", map[string]any{"id": "hooks", "secrets": map[string]string{"secret": "a long secret"}}, nil)
	long := strings.Repeat("x", 101)
	for name, c := range map[string]struct {
		path    string
		body    io.Reader
		headers []string
		want    int
	}{
		"unsigned":              {"hooks/signed", strings.NewReader("x"), nil, 401},
		"signed for another":    {"hooks/signed", strings.NewReader("x"), []string{"X-Signature", sign("y")}, 401},
		"an empty signature":    {"hooks/signed", strings.NewReader("x"), []string{"X-Signature", ""}, 401},
		"too much":              {"hooks/signed", strings.NewReader(long), []string{"X-Signature", sign(long)}, 413},
		"too much, unannounced": {"hooks/signed", io.MultiReader(strings.NewReader(long)), []string{"X-Signature", sign(long)}, 413},
		"far too much":          {"hooks/signed", new(endless), []string{"X-Signature", sign("")}, 413},
		"no token":              {"hooks/token", nil, nil, 401},
		"a wrong token":         {"hooks/token", nil, []string{"Authorization", "Bearer a long secre"}, 401},
	} {
		if got := ring(t, k, "POST", c.path, c.body, c.headers...); got.status != c.want {
			t.Errorf("%s: %d, want %d", name, got.status, c.want)
		}
	}
	if len(calls) != 0 {
		t.Fatalf("the plugin was asked: %+v", calls)
	}
	if got := ring(t, k, "POST", "hooks/signed", strings.NewReader("x"), "X-Signature", sign("x"), "X-Kind", "push"); got.status != 200 {
		t.Errorf("signed: %+v", got)
	}
	if got := ring(t, k, "POST", "hooks/token", strings.NewReader("\xff\x00"), "Authorization", "Bearer a long secret", "Cookie", "session=1"); got.status != 200 {
		t.Errorf("with the token: %+v", got)
	}
	if len(calls) != 2 || string(calls[0].Config) != `{"room":"blue"}` || *calls[0].Request.Text != "x" || string(calls[1].Request.Bytes) != "\xff\x00" {
		t.Fatalf("%+v", calls)
	}
	for _, c := range calls {
		for _, h := range c.Request.Headers {
			if strings.Contains(h.Value, "secret") || h.Name == "Cookie" {
				t.Errorf("the plugin was shown %s: %s", h.Name, h.Value)
			}
		}
	}
	if !slices.Contains(calls[0].Request.Headers, wit.Header{Name: "X-Kind", Value: "push"}) {
		t.Errorf("headers %v", calls[0].Request.Headers)
	}
}

// TestAWebhooksReply speaks for itself and not for the gateway; what fails tells who calls when to come again, and not why.
func TestAWebhooksReply(t *testing.T) {
	t.Parallel()
	forbidden := []string{"Set-Cookie", "Connection", "Transfer-Encoding", "Content-Length", "Upgrade", "Access-Control-Allow-Origin",
		"Content-Security-Policy-Report-Only", "X-Accel-Redirect", "X-Sendfile", "WWW-Authenticate", "Clear-Site-Data", "strict-transport-security",
		"Proxy-Authenticate", "Bad Name", "X-Split\r\nSet-Cookie"}
	fake := webhookPlugin("hooks", func(_ context.Context, c *wit.WebhookCall) (*wit.WebhookReply, error) {
		switch c.Route {
		case "bytes":
			return &wit.WebhookReply{Status: 201, Bytes: []byte("\x00\xff")}, nil
		case "nothing":
			return &wit.WebhookReply{Status: 204, Text: new("there is no body")}, nil
		case "slower":
			return nil, &wit.Error{Code: wit.CodeRateLimited, Message: "the owner's secret", RetryAfter: new(int64(90_500))}
		case "down":
			return nil, wit.NewError(wit.CodeUnavailable, "the owner's secret")
		case "wrong":
			return nil, wit.NewError(wit.CodeInvalid, "the owner's secret")
		case "absurd":
			return &wit.WebhookReply{Status: 99}, nil
		}
		reply := &wit.WebhookReply{Text: new("<script>"), Headers: []wit.Header{{Name: "content-type", Value: "text/html"}, {Name: "Location", Value: "/x\r\nSet-Cookie: a=b"}}}
		for _, name := range forbidden {
			reply.Headers = append(reply.Headers, wit.Header{Name: name, Value: "evil"})
		}
		return reply, nil
	}, anybody("page"), anybody("bytes"), anybody("nothing"), anybody("slower"), anybody("down"), anybody("wrong"), anybody("absurd"))
	k := kerneltest.Start(t, kerneltest.Plugin(fake))
	page := ring(t, k, "POST", "hooks/page", nil)
	for name, values := range page.header {
		if strings.Contains(strings.Join(values, ""), "evil") || name == "Set-Cookie" {
			t.Errorf("%s: %q", name, values)
		}
	}
	h := page.header
	if page.body != "<script>" || h.Get("Content-Type") != "text/html" || h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" ||
		h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%+v", page)
	}
	for path, want := range map[string]answer{
		"bytes":   {201, "\x00\xff", http.Header{"Content-Type": {"application/octet-stream"}}},
		"nothing": {204, "", nil},
		"slower":  {429, "Too Many Requests", http.Header{"Retry-After": {"91"}}},
		"down":    {503, "Service Unavailable", http.Header{"Retry-After": {"5"}}},
		"wrong":   {500, "Internal Server Error", nil},
		"absurd":  {503, "Service Unavailable", http.Header{"Retry-After": {"5"}}},
	} {
		got := ring(t, k, "POST", "hooks/"+path, nil)
		if got.status != want.status || got.body != want.body {
			t.Errorf("%s: %+v", path, got)
		}
		for name := range want.header {
			if got.header.Get(name) != want.header.Get(name) {
				t.Errorf("%s: %s is %q", path, name, got.header.Get(name))
			}
		}
	}
	if !slices.ContainsFunc(k.Logged(), func(line string) bool { return strings.Contains(line, "the owner's secret") }) {
		t.Error("the owner is not told why it fails")
	}
}

// TestAChannelsAccountIsNoWebhook: a channel with a webhook may have routes too, and no address is both.
func TestAChannelsAccountIsNoWebhook(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	fake := kerneltest.Channel("chat")
	fake.Manifest.Provides.Channel.Webhook = &wit.WebhookFacts{Auth: wit.WebhookAuthBearer, Credential: new("token")}
	fake.Manifest.Provides.Webhooks = []wit.WebhookRoute{anybody("-/home")}
	fake.Exports["webhook_handle"] = kerneltest.Export(func(context.Context, *wit.WebhookCall) (*wit.WebhookReply, error) {
		return &wit.WebhookReply{Text: new("a route")}, nil
	})
	k := kerneltest.Start(t, kerneltest.Plugin(fake), kerneltest.Config(t,
		`{"channels":{"chat":{"accounts":{"home":{"config":{"root":"`+p.URL+`"}}}}}}`))
	if got := ring(t, k, "POST", "chat/-/home", nil); got.status != 200 || got.body != "a route" {
		t.Errorf("the route: %+v", got)
	}
	for _, path := range []string{"chat/home", "chat/home/in"} {
		if got := ring(t, k, "POST", path, nil); got.status != 403 {
			t.Errorf("%s of the account: %+v", path, got)
		}
	}
	for _, path := range []string{"chat/-/other", "chat/other", "chat/-", "chat/-home"} {
		if got := ring(t, k, "POST", path, nil); got.status != 404 {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// TestAWebhookWhosePluginIsNotThere: who calls is asked to come again while the plugin is off or broken, and told that there is
// nothing once it is gone.
func TestAWebhookWhosePluginIsNotThere(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	dir := filepath.Join(state, "plugins", "several")
	good := map[string][]byte{"plugin.wasm": several(t, "v1"),
		"plugin.json": marshal(severalManifest("1.0.0"))}
	put(t, dir, map[string][]byte{"plugin.json": good["plugin.json"], "plugin.wasm": []byte("no code")})
	put(t, filepath.Join(state, "plugins", "unreadable"), map[string][]byte{"plugin.json": []byte("{")})
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t))
	l := &teller{Listener: k.Listen()}
	seen := 0
	again := func(what, path string) {
		t.Helper()
		if got := ring(t, k, "POST", path, nil); got.status != 503 || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %+v", what, got)
		}
	}
	again("broken code", "several/in")
	again("a broken manifest", "unreadable/in")
	if got := ring(t, k, "POST", "several/out", nil); got.status != 404 {
		t.Errorf("no route of broken code: %+v", got)
	}
	put(t, dir, good)
	l.changed(&seen, plugin.Changed{ID: "several", State: plugin.StateReady})
	if got := ring(t, k, "POST", "several/in", strings.NewReader("hello")); got.status != 200 || got.body != "v1 hello" {
		t.Errorf("%+v", got)
	}
	if got := ring(t, k, "POST", "several/in", strings.NewReader("trap")); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("a trap: %+v", got)
	}
	l.MustCall("plugins.configure", map[string]any{"id": "several", "enabled": false}, nil)
	again("off", "several/in")
}

// TestAnUpgradeUnderLoadLosesNoCall: each call is answered by the old version or by the new one.
func TestAnUpgradeUnderLoadLosesNoCall(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	dir := filepath.Join(state, "plugins", "several")
	versions := [][]byte{several(t, "v1"), several(t, "v2")}
	put(t, dir, map[string][]byte{"plugin.wasm": versions[0], "plugin.json": marshal(severalManifest("1.0.0"))})
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t))
	l := &teller{Listener: k.Listen()}
	if got := ring(t, k, "POST", "several/in", strings.NewReader("first")); got.body != "v1 first" {
		t.Fatalf("%+v", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				text := strconv.Itoa(caller) + "." + strconv.Itoa(n)
				got := ring(t, k, "POST", "several/in", strings.NewReader(text))
				if got.status != 200 || got.body != "v1 "+text && got.body != "v2 "+text {
					t.Errorf("call %s: %+v", text, got)
				}
			}
		})
	}
	seen := 0
	for n := 2; n < 7; n++ {
		version := strconv.Itoa(n) + ".0.0"
		put(t, dir, map[string][]byte{"plugin.wasm": versions[(n+1)%2], "plugin.json": marshal(severalManifest(version))})
		l.changed(&seen, plugin.Changed{ID: "several", State: plugin.StateReady, Version: version})
	}
	stop()
	callers.Wait()
}
