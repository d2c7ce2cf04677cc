package zuliptest

import (
	"net/http"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a call. At most one of Status, Body, Cut, CutAfter and Lost is set; without any of
// them the answer is an error with status 500.
type Fault struct {
	// Call that it waits for, by its name in routes.go, such as events or send; empty is any.
	Call string
	// Path is a part of the address that the call has to have.
	Path string
	// Times is how many calls fail; 1 when 0, all when below 0.
	Times int
	// Status, Code and Msg make an error answer, which may name a time to wait, in seconds.
	Status     int
	Code, Msg  string
	RetryAfter float64
	// Body is sent as it is, with the status, 200 when that is 0.
	Body string
	// Cut closes the connection instead of handling the call; CutAfter handles it first, so that the client cannot know that it
	// took effect.
	Cut, CutAfter bool
	// Lost throws the event queue of a poll away.
	Lost bool
	// Delay goes before the answer.
	Delay time.Duration
}

// plays reports whether the fault takes the place of the call's answer.
func (f *Fault) plays() bool { return f != nil && !f.CutAfter && !f.Lost }

// play answers a call with the fault.
func (f *Fault) play(w http.ResponseWriter, r *http.Request) {
	fault.Pause(r, f.Delay)
	status := f.Status
	switch {
	case f.Cut:
		panic(http.ErrAbortHandler)
	case f.Body != "":
		if status != 0 {
			w.WriteHeader(status)
		}
		_, _ = w.Write([]byte(f.Body))
		return
	case status == 0:
		status = 500
	}
	e := &apiError{status: status, code: f.Code, msg: f.Msg, retryAfter: f.RetryAfter}
	if e.code == "" {
		e.code = "BAD_REQUEST"
	}
	if e.msg == "" {
		e.msg = http.StatusText(status)
	}
	writeError(w, e)
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
func (s *Server) fault(call, path string) *Fault {
	if s.cfg.Chaos != nil {
		if f := s.cfg.Chaos(call); f != nil {
			return f
		}
	}
	return s.faults.Take(func(f *Fault) bool { return (f.Call == "" || f.Call == call) && strings.Contains(path, f.Path) })
}
