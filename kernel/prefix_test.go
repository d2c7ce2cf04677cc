package kernel_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/anthropictest"
	"github.com/carapace-gateway/carapace/builtin-plugins/bedrock/bedrocktest"
	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
	"github.com/carapace-gateway/carapace/builtin-plugins/ollama/ollamatest"
	"github.com/carapace-gateway/carapace/builtin-plugins/openai/openaitest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// conversant is a provider whose requests are to begin with the bytes of those before them, so that its caches are of use. Its
// server asks for tools with each first answer to a question.
type conversant struct {
	name, id string
	secrets  string
	// config is the plugin's, for a server at a URL.
	config string
	// said is the field of a request that has what was said. Its end is the cut: what follows it in the next request is new.
	said string
	// stand starts the server.
	stand func() played
	// mark is what of a request is no part of what is compared; nil where there is none.
	mark *regexp.Regexp
}

// played is a server for a test.
type played struct {
	http.Handler
	// play adds the two answers to a question; the first one thinks, and calls two tools with ids that the number makes others.
	play func(n int)
	// asked are the requests so far that were answered, and refused why others were not.
	asked   func() [][]byte
	refused func() string
}

const product = `{"expression": "6*7"}`

// conversants has a line for each built-in provider, and each of its APIs.
func conversants() []conversant {
	const key = `{"api_key":"sk-0123456789abcdef"}`
	return []conversant{
		{"completions", "openai", key, `{"baseUrl":"%s/v1","model":"m"}`, "messages", completionsServer, nil},
		{"responses", "openai", `{"api_key":"` + openaitest.Key + `"}`, `{"baseUrl":"%s/v1","model":"gpt-5","api":"responses"}`, "input", responses, nil},
		{"anthropic", "anthropic", key, `{"baseUrl":"%s","model":"claude-opus-5-5"}`, "messages", messagesAPI, regexp.MustCompile(`,"cache_control":\{[^}]*\}`)},
		{"gemini", "gemini", `{"api_key":"` + geminitest.Key + `"}`, `{"baseUrl":"%s/v1beta","model":"gemini-3-pro-preview"}`, "contents", generations, nil},
		{"ollama", "ollama", `{}`, `{"baseUrl":"%s","model":"llava:latest"}`, "messages", chats, nil},
		{"bedrock", "bedrock", `{"api_key":"` + bedrocktest.APIKey + `"}`, `{"baseUrl":"%s","model":"us.amazon.nova-pro-v1:0"}`, "messages", converses, cachePoints},
		{"bedrock, thinking", "bedrock", `{"api_key":"` + bedrocktest.APIKey + `"}`, `{"baseUrl":"%s","model":"us.anthropic.claude-sonnet-5"}`, "messages", thinks, cachePoints},
	}
}

// cachePoints end the beginnings of requests that are to be kept.
var cachePoints = regexp.MustCompile(`,\{"cachePoint":\{[^}]*\}\}`)

func completionsServer() played {
	var mu sync.Mutex
	var asked [][]byte
	serve := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"data":[]}`)
			return
		}
		asked = append(asked, body)
		w.Header().Set("Content-Type", "text/event-stream")
		if len(asked)%2 == 1 {
			_, _ = io.WriteString(w, completionsCall)
		} else {
			_, _ = io.WriteString(w, completionsWords)
		}
	}
	return played{http.HandlerFunc(serve), func(int) {}, func() [][]byte {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(asked)
	}, func() string { return "" }}
}

func responses() played {
	s := openaitest.New()
	return played{s, func(n int) {
		s.Script(openaitest.Reply{Output: []openaitest.Output{
			{Summary: []string{"I had better compute that."}, Encrypted: fmt.Sprint("sealed", n)}, {Text: []string{"A moment."}},
			{CallID: fmt.Sprint("a", n), Name: "calc", Arguments: []string{product}}, {CallID: fmt.Sprint("b", n), Name: "time", Arguments: []string{"{}"}},
		}}, openaitest.Says("It is **42**", ", \u00fcbrigens."))
	}, func() [][]byte { return bodies(s.Requests(), func(r openaitest.Request) []byte { return r.Body }) }, func() string { return "" }}
}

func messagesAPI() played {
	s := anthropictest.New("sk-0123456789abcdef")
	return played{s, func(n int) {
		s.Play(anthropictest.Answer{Blocks: []anthropictest.Block{
			anthropictest.Thinking("I had better compute that."), anthropictest.Text("A moment."),
			anthropictest.Call(fmt.Sprint("toolu_a", n), "calc", product), anthropictest.Call(fmt.Sprint("toolu_b", n), "time", "{}"),
		}}, anthropictest.Answer{Blocks: []anthropictest.Block{anthropictest.Thinking("Now I know."), anthropictest.Text("It is **42**, \u00fcbrigens.")}})
	}, func() (list [][]byte) {
		for _, r := range s.Requests() {
			if r.Path == "/v1/messages" && r.Refused == "" {
				list = append(list, r.Body)
			}
		}
		return list
	}, func() (why string) {
		for _, r := range s.Requests() {
			why += r.Refused
		}
		return why
	}}
}

func generations() played {
	s := geminitest.New()
	return played{s, func(n int) {
		call := geminitest.Signed(geminitest.Call(fmt.Sprint("a", n), "calc", product), base64.StdEncoding.EncodeToString([]byte(fmt.Sprint("signed", n))))
		s.Script(geminitest.Streams("STOP", []geminitest.Part{geminitest.Thought("I had better compute that.")}, []geminitest.Part{geminitest.Text("A moment.")},
			[]geminitest.Part{call, geminitest.Call(fmt.Sprint("b", n), "time", "{}")}), geminitest.Says("It is **42**", ", \u00fcbrigens."))
	}, func() [][]byte { return bodies(s.Requests(), func(r geminitest.Request) []byte { return r.Body }) }, func() string { return "" }}
}

func chats() played {
	s := ollamatest.New()
	return played{s, func(int) {
		s.Play(ollamatest.Answer{Text: "A moment.", Calls: []ollamatest.Call{{Name: "calc", Args: product}, {Name: "time", Args: "{}"}}},
			ollamatest.Answer{Text: "It is **42**, \u00fcbrigens."})
	}, func() (list [][]byte) {
		for _, r := range s.Requests() {
			if r.Path == "/api/chat" && r.Refused == "" {
				list = append(list, r.Body)
			}
		}
		return list
	}, func() string { return "" }}
}

func converses() played { return bedrockServer(func(int) []bedrocktest.Output { return nil }) }

func thinks() played {
	return bedrockServer(func(n int) []bedrocktest.Output {
		return []bedrocktest.Output{{Thinking: []string{"I had better ", "compute that."}, Signature: fmt.Sprint("signed", n)}}
	})
}

// bedrockServer is one whose answers begin with some blocks.
func bedrockServer(first func(n int) []bedrocktest.Output) played {
	s := bedrocktest.New()
	return played{s, func(n int) {
		s.Script(bedrocktest.Reply{Blocks: append(first(n),
			bedrocktest.Output{Text: []string{"A moment."}}, bedrocktest.Output{ID: fmt.Sprint("a", n), Name: "calc", Input: []string{product}},
			bedrocktest.Output{ID: fmt.Sprint("b", n), Name: "time", Input: []string{"{}"}},
		)}, bedrocktest.Says("It is **42**", ", \u00fcbrigens."))
	}, func() [][]byte { return bodies(s.Requests(), func(r bedrocktest.Request) []byte { return r.Body }) }, func() string { return "" }}
}

// bodies are those of requests.
func bodies[T any](list []T, body func(T) []byte) (out [][]byte) {
	for _, r := range list {
		out = append(out, body(r))
	}
	return out
}

const (
	completionsCall = `data: {"choices":[{"delta":{"reasoning_content":"I had better compute that."}}]}

data: {"choices":[{"delta":{"content":"A moment.","tool_calls":[{"index":0,"id":"call-a","function":{"name":"calc","arguments":"{\"expression\": \"6*7\"}"}},{"index":1,"id":"call-b","function":{"name":"time","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}

data: [DONE]

`
	completionsWords = `data: {"choices":[{"delta":{"reasoning_content":"Now I know."}}]}

data: {"choices":[{"delta":{"content":"It is **42**, \u00fcbrigens."},"finish_reason":"stop"}]}

data: [DONE]

`
)

// TestRequestsBeginAsThoseBefore: over ten turns with tools, one with a picture, one after a restart and one after the plugin was
// off, each request begins with all of what the one before had said, byte by byte, and what stands around that is the same.
// With other tools, what was said is.
func TestRequestsBeginAsThoseBefore(t *testing.T) {
	t.Parallel()
	for _, c := range conversants() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			api := c.stand()
			server := httptest.NewServer(api)
			t.Cleanup(server.Close)
			state := kerneltest.StateDir(t.TempDir())
			k := stock(t, state)
			l := k.Listen()
			l.MustCall("plugins.configure", json.RawMessage(fmt.Sprintf(`{"id":%q,"config":%s,"secrets":%s}`, c.id, fmt.Sprintf(c.config, server.URL), c.secrets)), nil)
			const turns = 10
			for n := range turns {
				send := map[string]any{"sessionKey": "main", "message": fmt.Sprint("question ", n), "idempotencyKey": fmt.Sprint("r", n)}
				switch n {
				case 3:
					send["attachments"] = []any{map[string]any{"type": "image", "mimeType": "image/png", "fileName": "dot.png", "content": dot}}
				case 5:
					k.Stop()
					k = stock(t, state)
					l = k.Listen()
				case 7:
					enable(l, c.id, false)
					enable(l, c.id, true)
				case turns - 1:
					enable(l, "time", false)
				}
				api.play(n)
				l.MustCall("chat.send", send, nil)
				if end := l.End(fmt.Sprint("r", n)); !strings.Contains(kerneltest.Text(end.Message), "42") {
					t.Fatalf("answer %d: %+v; refused: %s", n, end, api.refused())
				}
			}
			asked := api.asked()
			if len(asked) != 2*turns {
				t.Fatalf("%d requests", len(asked))
			}
			for n := range asked {
				if c.mark != nil {
					asked[n] = c.mark.ReplaceAll(asked[n], nil)
				}
			}
			for n := 1; n < len(asked); n++ {
				continues(t, n, c.said, asked[n-1], asked[n], n != 2*turns-2)
			}
		})
	}
}

// enable turns a plugin on or off.
func enable(l *kerneltest.Listener, id string, on bool) {
	l.MustCall("config.patch", map[string]any{"raw": fmt.Sprintf(`{"plugins":{%q:{"enabled":%t}}}`, id, on)}, nil)
}

// dot is a picture.
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// continues checks that a request begins as the one before it, or where other tools came between them, that what was said does.
func continues(t *testing.T, n int, said string, old, now []byte, all bool) {
	t.Helper()
	before, around := cut(t, old, said)
	after, rest := cut(t, now, said)
	if !all {
		_, before, _ = bytes.Cut(before, []byte(`"`+said+`":`))
		_, after, _ = bytes.Cut(after, []byte(`"`+said+`":`))
		rest = around
	}
	if !bytes.HasPrefix(after, before) {
		t.Fatalf("request %d begins otherwise than the one before:\n%s\n%s", n, differs(before, after), before)
	}
	if rest != around {
		t.Fatalf("request %d has around what was said\n%s\nand had\n%s", n, rest, around)
	}
}

// cut returns a request up to where what was said ends, and what stands around it.
func cut(t *testing.T, body []byte, said string) (before []byte, around string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	_, _ = d.Token() // {
	var start, end int64
	for d.More() {
		name, _ := d.Token()
		at := d.InputOffset()
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		if name == said {
			start, end = at, d.InputOffset()-1 // before the bracket
		}
	}
	if end == 0 {
		t.Fatalf("there is no %s in %s", said, body)
	}
	return body[:end], string(body[:start]) + "…" + string(body[end:])
}

// differs is where two texts part.
func differs(a, b []byte) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return fmt.Sprintf("from byte %d: %.200q and %.200q", n, a[n:], b[n:])
}
