package slacktest

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a call. At most one of Status, Error, Body, Cut and CutAfter is set; without any
// of them the answer has the status 500.
type Fault struct {
	// Method that it waits for; empty is any. "upload" and "file" are what is not a method.
	Method string
	// Where are parameters that the call has to have.
	Where map[string]string
	// Times is how many calls fail; 1 when 0, all when below 0.
	Times int
	// Status makes an answer with it; RetryAfter, in seconds, goes with 429.
	Status, RetryAfter int
	// Error is Slack's word for what is wrong, and Needed the scope with missing_scope.
	Error, Needed string
	// Body is sent as it is, with status 200.
	Body string
	// Cut closes the connection instead of handling the call; CutAfter handles it first, so that the app cannot know that it
	// took effect.
	Cut, CutAfter bool
	// Delay goes before the answer, or the end of the connection.
	Delay time.Duration
}

// fits reports whether a call is one that the fault waits for.
func (f *Fault) fits(method string, form url.Values) bool {
	if f.Method != "" && f.Method != method {
		return false
	}
	for name, want := range f.Where {
		if form.Get(name) != want {
			return false
		}
	}
	return true
}

// play answers a call with the fault.
func (f *Fault) play(w http.ResponseWriter, r *http.Request) {
	fault.Pause(r, f.Delay)
	switch {
	case f.Cut, f.CutAfter:
		panic(http.ErrAbortHandler)
	case f.Body != "":
		_, _ = w.Write([]byte(f.Body))
	case f.Error != "":
		out := answer{"ok": false, "error": f.Error}
		if f.Needed != "" {
			out["needed"], out["provided"] = f.Needed, "chat:write"
		}
		writeJSON(w, 200, out)
	default:
		status := f.Status
		if status == 0 {
			status = 500
		}
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		http.Error(w, http.StatusText(status), status)
	}
}

// Fail lets coming calls fail: faults wait in order, and each call takes the first that fits it.
func (s *Server) Fail(faults ...Fault) {
	for _, f := range faults {
		s.faults.Add(f, f.Times)
	}
}

// Mend takes back what would go wrong.
func (s *Server) Mend() { s.faults.Clear() }

// fault returns what goes wrong with a call that is about to be handled, nil for nothing.
func (s *Server) fault(method string, form url.Values) *Fault {
	if s.cfg.Chaos != nil {
		if f := s.cfg.Chaos(method); f != nil {
			return f
		}
	}
	return s.faults.Take(func(f *Fault) bool { return f.fits(method, form) })
}

// Call is one that the app has made.
type Call struct {
	Method string
	Form   url.Values
	// Error is Slack's word for why it was refused, "" where it was not.
	Error string
	// Failed is set where a fault took its place, or its answer's.
	Failed bool
}

type journal struct {
	mu    sync.Mutex
	calls []Call
}

// Calls returns what the app has called so far, of one method, or of all when that is empty.
func (s *Server) Calls(method string) (out []Call) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	for _, c := range s.journal.calls {
		if method == "" || c.Method == method {
			out = append(out, c)
		}
	}
	return out
}

func (s *Server) note(c Call) {
	s.journal.mu.Lock()
	s.journal.calls = append(s.journal.calls, c)
	s.journal.mu.Unlock()
	s.Raise()
}
