package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
)

// cacher is a provider, as its servers keep what they have read: from which tokens on, and in steps of how many.
type cacher struct {
	// name is what the table calls it, and plugin and config how the gateway asks it.
	name, plugin, config string
	// said is the field of a request that has what was said, and least and step are in tokens.
	said        string
	least, step int
	// answer is the body of an answer, of which so many tokens of what was read were in the cache. It asks for a tool, or not.
	answer func(w io.Writer, tool bool, read, cached int)
}

// cachers has a line for each provider whose servers say what they had in their cache.
func cachers() []cacher {
	return []cacher{
		// Prompts of 1,024 tokens and more are kept, in steps of 128: OpenAI's guide "Prompt caching".
		{"OpenAI", "openai", `{"baseUrl":"%s/v1","model":"bench"}`, "messages", 1024, 128, answerCompletions},
		// From 1,024 tokens on with most models, and exactly what is marked: Anthropic's "Prompt caching".
		{"Anthropic", "anthropic", `{"baseUrl":"%s","model":"claude-sonnet-5-5"}`, "messages", 1024, 1, answerMessages},
	}
}

// answerCompletions streams a chat completion.
func answerCompletions(w io.Writer, tool bool, read, cached int) {
	delta := `{"content":"The result is there."},"finish_reason":"stop"`
	if tool {
		delta = `{"tool_calls":[{"index":0,"id":"c1","function":{"name":"calc","arguments":"{\"expression\":\"6*7\"}"}}]},"finish_reason":"tool_calls"`
	}
	fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":%s}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":10,\"prompt_tokens_details\":{\"cached_tokens\":%d}}}\n\ndata: [DONE]\n\n", delta, read, cached)
}

// answerMessages streams a message of the Messages API. What was not in the cache is put there.
func answerMessages(w io.Writer, tool bool, read, cached int) {
	block, delta, stop := `{"type":"text","text":""}`, `{"type":"text_delta","text":"The result is there."}`, "end_turn"
	if tool {
		block, delta, stop = `{"type":"tool_use","id":"toolu_1","name":"calc","input":{}}`, `{"type":"input_json_delta","partial_json":"{\"expression\":\"6*7\"}"}`, "tool_use"
	}
	for _, e := range [][2]string{
		{"message_start", fmt.Sprintf(`"message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"bench","usage":{"input_tokens":0,"cache_read_input_tokens":%d,"cache_creation_input_tokens":%d,"output_tokens":1}}`, cached, read-cached)},
		{"content_block_start", `"index":0,"content_block":` + block},
		{"content_block_delta", `"index":0,"delta":` + delta},
		{"content_block_stop", `"index":0`},
		{"message_delta", fmt.Sprintf(`"delta":{"stop_reason":%q},"usage":{"output_tokens":10}`, stop)},
		{"message_stop", `"index":0`},
	} {
		fmt.Fprintf(w, "event: %s\ndata: {\"type\":%q,%s}\n\n", e[0], e[0], e[1])
	}
}

// cacheServer counts how much of each request it has read before, as a provider's does. Safe for concurrent use.
type cacheServer struct {
	cacher
	URL    string
	server http.Server

	mu     sync.Mutex
	before [][]byte // the requests so far, up to where what was said ends
}

func (c cacher) serve() (*cacheServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &cacheServer{cacher: c, URL: "http://" + l.Addr().String()}
	s.server.Handler = s
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

// ServeHTTP asks for a tool with each first answer to a question.
func (s *cacheServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if r.Method == http.MethodGet || err != nil {
		fmt.Fprint(w, `{"data":[{"id":"bench"}]}`)
		return
	}
	prompt, err := promptOf(cacheMark.ReplaceAll(body, nil), s.said)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	same := 0
	for _, old := range s.before {
		same = max(same, alike(old, prompt))
	}
	s.before = append(s.before, prompt)
	cached := same / bytesPerToken / s.step * s.step
	if cached < s.least {
		cached = 0
	}
	w.Header().Set("Content-Type", "text/event-stream")
	s.answer(w, len(s.before)%2 == 1, len(prompt)/bytesPerToken, cached)
}

const bytesPerToken = 4

// cacheMark says where what is kept ends, and is no part of it.
var cacheMark = regexp.MustCompile(`,"cache_control":\{[^}]*\}`)

// promptOf is what a server reads of a request, in the order in which it does: the tools, and what was said.
func promptOf(body []byte, said string) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{fields["tools"], fields["system"], bytes.TrimSuffix(fields[said], []byte("]"))}, nil), nil
}

// alike is how many bytes two texts have in common at their beginning.
func alike(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

const cacheTurns = 10

// caches measures how much of what the providers read they have read before, over a conversation with tools, by what their usage
// fields say.
func caches(ctx context.Context, gateway string) ([]table, error) {
	t := table{
		Title: "What providers read from their caches",
		Note: fmt.Sprintf("One conversation of %d questions of 2 KB, each with a call of a tool, by a server that keeps what it has read as the provider documents it; "+
			"figures of the gateway's `usage.cost`.", cacheTurns),
		Head: []string{"Provider", "Requests", "Tokens read", "Of these from the cache", "Hit rate"},
	}
	for _, c := range cachers() {
		row, err := c.measure(ctx, gateway)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		t.Rows = append(t.Rows, row)
	}
	return []table{t}, nil
}

func (c cacher) measure(ctx context.Context, gateway string) ([]string, error) {
	s, err := c.serve()
	if err != nil {
		return nil, err
	}
	defer s.server.Close()
	dir, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	settings := fmt.Sprintf(`{"plugins":{%q:{"config":%s}}}`, c.plugin, fmt.Sprintf(c.config, s.URL))
	if err := os.WriteFile(filepath.Join(dir, "carapace.json"), []byte(settings), 0o600); err != nil {
		return nil, err
	}
	p, err := process.Launch(ctx, process.Config{Gateway: gateway, StateDir: dir})
	if err != nil {
		return nil, err
	}
	defer p.Kill()
	conn, err := p.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.Call(ctx, "plugins.configure", map[string]any{"id": c.plugin, "secrets": map[string]string{"api_key": "sk-bench"}}, nil); err != nil {
		return nil, err
	}
	if err := s.converse(ctx, conn); err != nil {
		return nil, err
	}
	var used struct {
		Totals struct{ Input, CacheRead, CacheWrite uint64 }
	}
	if err := conn.Call(ctx, "usage.cost", map[string]any{"days": 2}, &used); err != nil {
		return nil, err
	}
	read := used.Totals.Input + used.Totals.CacheRead + used.Totals.CacheWrite
	if read == 0 {
		return nil, fmt.Errorf("no usage was counted")
	}
	return []string{c.name, strconv.Itoa(len(s.before)), strconv.FormatUint(read, 10), strconv.FormatUint(used.Totals.CacheRead, 10),
		fmt.Sprintf("%.0f %%", 100*float64(used.Totals.CacheRead)/float64(read))}, nil
}

// converse asks the questions, one after the other.
func (s *cacheServer) converse(ctx context.Context, c *client.Client) error {
	for n := range cacheTurns {
		if _, err := process.Ask(ctx, c, "cache", "question "+strconv.Itoa(n)+": "+strings.Repeat("what is it? ", 170)); err != nil {
			return err
		}
	}
	return nil
}
