package botapitest

import (
	"net/http"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a call. At most one of Code, Body, Cut and CutAfter is set; without
// any of them the answer is an error with code 500.
type Fault struct {
	// Method that it waits for, in any case; empty is any method.
	Method string `json:"method,omitempty"`
	// Where are parameters that the call has to have; "*" is any value.
	Where map[string]string `json:"where,omitempty"`
	// Times is how many calls fail; 1 when 0, all when below 0.
	Times int `json:"times,omitempty"`
	// Code and Description make an error answer. RetryAfter is in seconds.
	Code        int    `json:"code,omitempty"`
	Description string `json:"description,omitempty"`
	RetryAfter  int    `json:"retryAfter,omitempty"`
	// Body is sent as it is, with status 200.
	Body string `json:"body,omitempty"`
	// Cut closes the connection instead of handling the call; CutAfter handles it first, so that the
	// bot cannot know that it took effect. To fetch a file has no effect: there they are the same.
	Cut      bool `json:"cut,omitempty"`
	CutAfter bool `json:"cutAfter,omitempty"`
	// Delay goes before the answer, or the end of the connection, of any fault but CutAfter.
	Delay time.Duration `json:"delay,omitempty"`
}

// name is what a record of calls calls the fault.
func (f *Fault) name() string {
	switch {
	case f.CutAfter:
		return "cut after"
	case f.Cut:
		return "cut"
	case f.Body != "":
		return "garbage"
	}
	return "error"
}

// fits reports whether a call is one that the fault waits for.
func (f *Fault) fits(method string, p params) bool {
	if f.Method != "" && f.Method != method {
		return false
	}
	for name, want := range f.Where {
		if !p.has(name) || want != "*" && p.text(name) != want {
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
	default:
		code := f.Code
		if code == 0 {
			code = 500
		}
		description := f.Description
		if description == "" {
			description = http.StatusText(code)
		}
		writeError(w, &apiError{Code: code, Description: description, RetryAfter: f.RetryAfter})
	}
}

// Fail lets coming calls fail: faults wait in order, and each call takes the first that fits it.
func (s *Server) Fail(faults ...Fault) {
	for _, f := range faults {
		f.Method = strings.ToLower(f.Method)
		s.faults.Add(f, f.Times)
	}
}

// fault returns what goes wrong with a call that is about to be handled, nil for nothing.
func (s *Server) fault(method string, p params) *Fault {
	if s.cfg.Chaos != nil {
		if f := s.cfg.Chaos(method); f != nil {
			return f
		}
	}
	return s.faults.Take(func(f *Fault) bool { return f.fits(method, p) })
}
