package kernel_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/wit"
)

// web is a tool that uses what scripts find beside their language.
var web = map[string]string{
	"plugin.json": `{"id":"web","name":"Web","version":"1.0.0","description":"Uses all.","abi":1,"entry":"plugin.ts",
		"provides":{"tools":[{"name":"use","description":"Uses all.","parameters":{"type":"object"}}]},
		"permissions":{"http":{"reason":"to ask","hosts":["config:url"]}},"limits":{"instances":"warm","maxInstances":1},
		"config":{"type":"object","properties":{"url":{"type":"string"}}}}`,
	"plugin.ts": `import { PluginError, text, type ToolInvocation } from "carapace";

const encode = (text: string) => new TextEncoder().encode(text);
const hex = (bytes: ArrayBuffer) => new Uint8Array(bytes).toHex();
let left = 0;

async function failure(url: string, after = 5000) {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(after) })).status;
  } catch (error) {
    return error instanceof PluginError ? error.code : (error as Error).name;
  }
}

export async function toolInvoke(call: ToolInvocation) {
  const url: string = call.config.url;
  const key = await crypto.subtle.importKey("raw", encode("Jefe"), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const began = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 30));
  const waited = Date.now() - began;
  const response = await fetch(new URL("/echo?a=b", url), { method: "POST", headers: { "X-Name": "v" }, body: JSON.stringify({ text: "é🙂" }) });
  const file = await fetch(url + "/bytes");
  setTimeout(() => { left++; }, 1);
  Promise.resolve().then(() => Promise.resolve()).then(() => { left += 10; });
  console.warn("%s of %d: %j", "web", 1, { left });
  return text(JSON.stringify({
    digest: hex(await crypto.subtle.digest("SHA-1", encode("abc"))),
    hmac: hex(await crypto.subtle.sign("HMAC", key, encode("what do ya want for nothing?"))),
    uuid: crypto.randomUUID(),
    random: Math.random(),
    waited: waited >= 30,
    echo: await response.json(),
    type: response.headers.get("content-type"),
    bytes: hex(await file.arrayBuffer()),
    failures: [await failure("https://elsewhere.example/"), await failure(url + "/missing"), await failure(url + "/slow", 50)],
    left,
  }));
}
`,
}

// TestWhatAScriptHas: timers wait, requests are made, digests are right, nothing random comes twice, and what a call leaves
// is no business of the next.
func TestWhatAScriptHas(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/echo":
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"was":%q,"body":%s}`, r.Method+" "+r.URL.RawQuery+" "+r.Header.Get("X-Name"), body)
		case "/bytes":
			_, _ = w.Write([]byte{0, 0xff, 0x41})
		case "/slow":
			<-r.Context().Done()
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	state := t.TempDir()
	write(t, filepath.Join(state, "plugins", "web"), web)
	config := kerneltest.Config(t, fmt.Sprintf(`{"plugins":{"web":{"config":{"url":%q}}}}`, server.URL))
	l := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.JavaScript(), config, kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
	seen := map[string]bool{}
	for n := range 3 {
		var out wit.ToolOutput
		l.MustCall("plugins.call", plugin.CallParams{ID: "web", Tool: "use", Args: []byte(`{}`)}, &out)
		var got struct {
			Digest, HMAC, UUID, Type, Bytes string
			Random                          float64
			Waited                          bool
			Echo                            struct {
				Was  string
				Body struct{ Text string }
			}
			Failures []any
			Left     int
		}
		if err := json.Unmarshal([]byte(*out.Content[0].Text), &got); err != nil {
			t.Fatal(err)
		}
		if got.Digest != "a9993e364706816aba3e25717850c26c9cd0d89d" || got.HMAC != "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" {
			t.Errorf("digests: %+v", got)
		}
		if got.Echo.Was != "POST a=b v" || got.Echo.Body.Text != "é🙂" || got.Type != "application/json" || got.Bytes != "00ff41" {
			t.Errorf("requests: %+v", got)
		}
		if want := "[forbidden 404 TimeoutError]"; fmt.Sprint(got.Failures) != want {
			t.Errorf("failures %v, want %s", got.Failures, want)
		}
		if !got.Waited || got.Left != 10*(n+1) || seen[got.UUID] || seen[fmt.Sprint(got.Random)] {
			t.Errorf("call %d: %+v", n, got)
		}
		seen[got.UUID], seen[fmt.Sprint(got.Random)] = true, true
	}
}
