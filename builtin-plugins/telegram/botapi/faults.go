package botapi

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is something that goes wrong with a call. At most one of Code, Body, Cut and CutAfter is set; without
// any of them the answer is an error with code 500.
type Fault struct {
	// Method that it waits for, in any case; empty is any method.
	Method string `json:"method,omitempty"`
	// Times is how many calls fail; 1 when 0.
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

// play answers a call with the fault.
func (f *Fault) play(w http.ResponseWriter, r *http.Request) {
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
		}
	}
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

// Faults are what will go wrong.
type Faults struct {
	chaos func(method string) *Fault // Config.Chaos

	mu      sync.Mutex
	waiting []Fault
}

// Fail lets coming calls fail: faults wait in order, and each call takes the first that fits it.
func (l *Faults) Fail(faults ...Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range faults {
		f.Method = strings.ToLower(f.Method)
		f.Times = max(f.Times, 1)
		l.waiting = append(l.waiting, f)
	}
}

// next returns what goes wrong with a call that is about to be handled, nil for nothing.
func (l *Faults) next(method string) *Fault {
	if l.chaos != nil {
		if f := l.chaos(method); f != nil {
			return f
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.waiting {
		if l.waiting[i].Method != "" && l.waiting[i].Method != method {
			continue
		}
		f := l.waiting[i]
		if l.waiting[i].Times--; l.waiting[i].Times == 0 {
			l.waiting = slices.Delete(l.waiting, i, i+1)
		}
		return &f
	}
	return nil
}
