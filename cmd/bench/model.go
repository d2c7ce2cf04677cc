package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// How the model of the bench answers.
const (
	modelTokens = 50
	modelPace   = 2 * time.Millisecond // between two tokens
)

// model is a server of chat completions that answers each request with the same tokens. Safe for concurrent use.
type model struct {
	URL    string
	server http.Server

	mu   sync.Mutex
	took map[string]time.Duration // from a request to its first token, by what was asked
}

// serveModel starts one on a free port of this machine.
func serveModel() (*model, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &model{URL: "http://" + l.Addr().String() + "/v1", took: map[string]time.Duration{}}
	m.server.Handler = m
	go func() { _ = m.server.Serve(l) }()
	return m, nil
}

// configure writes the settings of a new state directory, which name it as the model.
func (m *model) configure(dir string) error {
	settings := fmt.Sprintf(`{"plugins":{"openai":{"config":{"baseUrl":%q,"model":"bench"}}}}`, m.URL)
	return os.WriteFile(filepath.Join(dir, "carapace.json"), []byte(settings), 0o600)
}

// Close ends it.
func (m *model) Close() { _ = m.server.Close() }

// ServeHTTP streams the tokens, and lists the one model.
func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	if r.Method == http.MethodGet {
		fmt.Fprint(w, `{"data":[{"id":"bench"}]}`)
		return
	}
	var body struct {
		Messages []struct{ Content json.RawMessage }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Messages) == 0 {
		http.Error(w, "no messages", http.StatusBadRequest)
		return
	}
	asked := string(body.Messages[len(body.Messages)-1].Content)
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	for n := range modelTokens {
		if n > 0 {
			time.Sleep(modelPace)
		}
		fmt.Fprintf(w, `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,"delta":{"content":"token%d "},"finish_reason":null}]}`+"\n\n", n)
		if flush.Flush() != nil {
			return // the gateway has gone
		}
		if n == 0 {
			m.note(asked, time.Since(begin))
		}
	}
	_, _ = io.WriteString(w, `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":50,"total_tokens":70}}`+"\n\ndata: [DONE]\n\n")
}

func (m *model) note(asked string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took[asked] = took
}

// Took is what passed in the model between the request that ends with a text and the first token.
func (m *model) Took(text string) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	for asked, took := range m.took {
		if strings.Contains(asked, text) {
			delete(m.took, asked)
			return took
		}
	}
	return 0
}
