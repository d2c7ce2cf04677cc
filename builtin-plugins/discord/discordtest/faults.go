package discordtest

import (
	"net/http"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a call. Without Cut or CutAfter the answer is an error, with status 500 where none is
// named.
type Fault struct {
	// Route that it waits for, such as "POST /channels/{channel}/messages"; empty is any.
	Route string
	// Times is how many calls fail; 1 when 0, all when below 0.
	Times int
	// Status, Code and Message make the answer; Field is the one that a form is refused for. RetryAfter is in seconds.
	Status     int
	Code       int
	Message    string
	Field      string
	RetryAfter float64
	Global     bool
	// Cut closes the connection instead of handling the call; CutAfter handles it first, so that the bot cannot know that it
	// took effect.
	Cut, CutAfter bool
	// Delay goes before the answer.
	Delay time.Duration
}

// name is what a record of calls calls the fault.
func (f *Fault) name() string {
	switch {
	case f.CutAfter:
		return "cut after"
	case f.Cut:
		return "cut"
	}
	return "error"
}

// play answers a call with the fault.
func (f *Fault) play(w http.ResponseWriter, r *http.Request) {
	fault.Pause(r, f.Delay)
	if f.Cut || f.CutAfter {
		panic(http.ErrAbortHandler)
	}
	status := f.Status
	if status == 0 {
		status = 500
	}
	message := f.Message
	if message == "" {
		message = http.StatusText(status)
	}
	writeError(w, &apiError{Status: status, Code: f.Code, Message: message, Field: f.Field, RetryAfter: f.RetryAfter, Global: f.Global})
}

// Fail lets coming calls fail: faults wait in order, and each call takes the first that fits it.
func (s *Server) Fail(faults ...Fault) {
	for _, f := range faults {
		s.faults.Add(f, f.Times)
	}
}

// fault returns what goes wrong with a call that is about to be handled, nil for nothing.
func (s *Server) fault(route string) *Fault {
	if s.cfg.Chaos != nil {
		if f := s.cfg.Chaos(route); f != nil {
			return f
		}
	}
	return s.faults.Take(func(f *Fault) bool { return f.Route == "" || strings.EqualFold(f.Route, route) })
}
