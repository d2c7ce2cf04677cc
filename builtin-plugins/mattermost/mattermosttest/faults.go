package mattermosttest

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Fault is something that goes wrong with a request. At most one of Status, ID, Body, Cut and CutAfter is set; without any of them the
// answer has the status 500.
type Fault struct {
	// Method and Path are of the request that it waits for; empty is any. The path is what follows /api/v4, or its beginning.
	Method, Path string
	// Times is how many requests fail; 1 when 0, all when below 0.
	Times int
	// Status makes an answer with it; Reset, in seconds, goes with 429. With ID it is the error of that name.
	Status, Reset int
	ID            string
	// Body is sent as it is, with status 200.
	Body string
	// Cut closes the connection instead of handling the request; CutAfter handles it first, so that the bot cannot know that it
	// took effect.
	Cut, CutAfter bool
	// Delay goes before the answer, or the end of the connection.
	Delay time.Duration
}

// play answers a request with the fault.
func (f *Fault) play(w http.ResponseWriter, r *http.Request) {
	fault.Pause(r, f.Delay)
	status := f.Status
	if status == 0 {
		status = 500
	}
	switch {
	case f.Cut, f.CutAfter:
		panic(http.ErrAbortHandler)
	case f.Body != "":
		_, _ = w.Write([]byte(f.Body))
	case f.ID != "":
		writeJSON(w, status, apiError{ID: f.ID, Message: "A fault of " + f.ID + ".", StatusCode: status})
	default:
		if status == 429 { // "Rate limiting"
			w.Header().Set("X-Ratelimit-Limit", "10")
			w.Header().Set("X-Ratelimit-Remaining", "0")
			w.Header().Set("X-Ratelimit-Reset", strconv.Itoa(f.Reset))
			http.Error(w, "limit exceeded", status)
			return
		}
		http.Error(w, http.StatusText(status), status)
	}
}

// Fail lets coming requests fail: faults wait in order, and each request takes the first that fits it.
func (s *Server) Fail(faults ...Fault) {
	for _, f := range faults {
		s.faults.Add(f, f.Times)
	}
}

// fault returns what goes wrong with a request that is about to be handled, nil for nothing.
func (s *Server) fault(method, path, body string) *Fault {
	if s.cfg.Chaos != nil {
		if f := s.cfg.Chaos(method, path, body); f != nil {
			return f
		}
	}
	return s.faults.Take(func(f *Fault) bool { return (f.Method == "" || f.Method == method) && strings.HasPrefix(path, f.Path) })
}

// ServeHTTP handles a request, unless a fault takes its place.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 256<<20)
	path := strings.TrimPrefix(r.URL.Path, "/api/v4")
	body := ""
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		b := web.Body(r.Body)
		body, r.Body = string(b), io.NopCloser(bytes.NewReader(b))
	}
	fault := s.fault(r.Method, path, body)
	s.journal.note(Call{Method: r.Method, Path: path, Query: r.URL.RawQuery, Failed: fault != nil})
	if fault != nil && fault.CutAfter {
		w = &discard{head: http.Header{}}
	}
	if fault == nil || fault.CutAfter {
		s.mux.ServeHTTP(w, r)
	}
	s.Raise()
	if fault != nil {
		fault.play(w, r)
	}
}

// discard is an answer that nobody gets.
type discard struct{ head http.Header }

func (d *discard) Header() http.Header         { return d.head }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// Call is a request that was made.
type Call struct {
	Method, Path, Query string
	// Failed is set where a fault took its place, or its answer's.
	Failed bool
}

type journal struct {
	mu    sync.Mutex
	calls []Call
}

func (j *journal) note(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls = append(j.calls, c)
}

// Calls returns the requests of a method whose path begins so.
func (s *Server) Calls(method, path string) (list []Call) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	for _, c := range s.journal.calls {
		if c.Method == method && strings.HasPrefix(c.Path, path) {
			list = append(list, c)
		}
	}
	return list
}
