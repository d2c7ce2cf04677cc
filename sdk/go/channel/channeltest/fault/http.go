package fault

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// HTTP is something that goes wrong with a call of a platform's API, whose errors have codes of the type C.
type HTTP[C comparable] struct {
	// Call that it waits for, by the name that the server has for it; "" is any. Where is a further fact of the call, or "".
	Call, Where string
	// Times is how many calls fail; 1 when 0, all when below 0.
	Times int
	// Status and Code make an error answer: HTTP's, 400 when 0, and the platform's. RetryAfter is in seconds.
	Status     int
	Code       C
	RetryAfter int
	// Body is sent as it is, with the status or 200.
	Body string
	// Cut closes the connection instead of handling the call; CutAfter handles it first, so that the program cannot know that it took
	// effect.
	Cut, CutAfter bool
	// Delay goes before the answer.
	Delay time.Duration
}

// Before does what goes wrong before a call is handled, and reports whether that was all. A fault that is only late is not, and nil is
// none. refuse answers as the platform does with the fault's status and code.
func (f *HTTP[C]) Before(w http.ResponseWriter, r *http.Request, refuse func(http.ResponseWriter, *HTTP[C])) (over bool) {
	if f == nil || f.CutAfter {
		return false
	}
	Pause(r, f.Delay)
	var none C
	switch {
	case f.Cut:
		panic(http.ErrAbortHandler)
	case f.Body != "":
		w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
		_, _ = w.Write([]byte(f.Body))
	case f.Status != 0 || f.Code != none:
		said := *f // others may have the fault too
		said.Status = cmp.Or(f.Status, http.StatusBadRequest)
		refuse(w, &said)
	default:
		return false
	}
	return true
}

// Wait names the time to wait in a header of the answer, if there is one.
func (f *HTTP[C]) Wait(w http.ResponseWriter, header string) {
	if f.RetryAfter > 0 {
		w.Header().Set(header, strconv.Itoa(f.RetryAfter))
	}
}

// After ends the connection in place of an answer, where the fault is to cut off a call that was handled.
func (f *HTTP[C]) After() {
	if f != nil && f.CutAfter {
		panic(http.ErrAbortHandler)
	}
}

// Pause waits for a while, or until a call has ended.
func Pause(r *http.Request, d time.Duration) {
	if d > 0 {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		}
	}
}

// Faults are what will go wrong with calls of an API. A server embeds it. The zero value has none.
type Faults[C comparable] struct {
	// Chaos may name a fault for a call that is about to be handled; nil is none. It may be called concurrently.
	Chaos func(call string) *HTTP[C]

	queue Queue[HTTP[C]]
}

// Fail lets coming calls fail: faults wait in order, and each call takes the first that fits it.
func (s *Faults[C]) Fail(faults ...HTTP[C]) {
	for _, f := range faults {
		s.queue.Add(f, f.Times)
	}
}

// Mend takes back what would go wrong.
func (s *Faults[C]) Mend() { s.queue.Clear() }

// Fault returns what goes wrong with a call of which these facts are true, nil for nothing.
func (s *Faults[C]) Fault(call string, facts ...string) *HTTP[C] {
	if s.Chaos != nil {
		if f := s.Chaos(call); f != nil {
			return f
		}
	}
	return s.queue.Take(func(f *HTTP[C]) bool {
		return (f.Call == "" || f.Call == call) && (f.Where == "" || slices.Contains(facts, f.Where))
	})
}
