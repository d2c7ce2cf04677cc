package kerneltest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Upstream is a server that notices when a client goes before it has its whole answer. It is safe for concurrent use.
type Upstream struct {
	handler http.Handler
	left    chan string // paths
}

// NewUpstream returns a server that answers by handler.
func NewUpstream(handler http.Handler) *Upstream {
	return &Upstream{handler, make(chan string, 64)}
}

// ServeHTTP implements http.Handler. A request's context ends with its connection, and also when its handler has returned.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer context.AfterFunc(r.Context(), func() { u.left <- r.URL.Path })()
	u.handler.ServeHTTP(w, r)
}

// Left waits for a client that goes before its answer is whole, and returns what it had asked for. The test of l fails
// where none goes.
func (u *Upstream) Left(l *Listener) (path string) {
	l.t.Helper()
	select {
	case path = <-u.left:
	case <-time.After(l.Patience):
		l.t.Fatal("the connection to the server is still open")
	}
	return path
}

// StoppedInTheMiddle asks for an answer that the server does not end once it has said what is said, and stops the run: it ends as
// one that was stopped, and the server's client has gone.
func (u *Upstream) StoppedInTheMiddle(l *Listener, said string) {
	l.t.Helper()
	for len(u.left) > 0 {
		<-u.left
	}
	l.Send("long", "tell me more")
	l.Event("agent", func(payload json.RawMessage) bool {
		return strings.Contains(string(payload), said) && strings.Contains(string(payload), `"assistant"`)
	})
	if len(u.left) > 0 {
		l.t.Errorf("the connection for %s was closed before anybody stopped the run", <-u.left)
	}
	l.MustCall("chat.abort", map[string]any{"sessionKey": "main", "runId": "long"}, nil)
	if end := l.End("long"); end.State != "aborted" {
		l.t.Errorf("%s: %s", end.State, end.ErrorMessage)
	}
	u.Left(l)
}
