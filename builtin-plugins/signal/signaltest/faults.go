package signaltest

import (
	"net/http"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a request.
type Fault struct {
	// Method that it waits for; "" is any. Times is how many fail; 1 when 0, all when below 0.
	Method string
	Times  int
	// Code and Message make an error. Type is why a message did not reach its recipient, such as IDENTITY_FAILURE, with the
	// token of a challenge and the seconds that it asks for.
	Code       int
	Message    string
	Type       string
	Token      string
	RetryAfter int
	// Status answers with it, and no JSON.
	Status int
	// Cut closes the connection instead of handling the request; CutAfter handles it first.
	Cut, CutAfter bool
	// Delay goes before the answer.
	Delay time.Duration
}

// Fail lets coming requests fail: faults wait in order, and each request takes the first that fits it.
func (s *Server) Fail(faults ...Fault) {
	for _, f := range faults {
		s.faults.Add(f, f.Times)
	}
}

// fault returns what goes wrong with a request that is about to be handled, nil for nothing.
func (s *Server) fault(method string) *Fault {
	if s.cfg.Chaos != nil {
		if f := s.cfg.Chaos(method); f != nil {
			return f
		}
	}
	return s.faults.Take(func(f *Fault) bool { return f.Method == "" || f.Method == method })
}

// play answers with the fault, and reports whether that was all; or it returns the error to answer with. A fault that is only late
// is neither.
func (f *Fault) play(w http.ResponseWriter, r *http.Request) (e *rpcError, over bool) {
	fault.Pause(r, f.Delay)
	switch {
	case f.Cut:
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		w.WriteHeader(f.Status)
		return nil, true
	case f.Type != "":
		one := result{Recipient: address{Number: "+15550199"}, Type: f.Type, Token: f.Token, RetryAfter: f.RetryAfter}
		return &rpcError{code: f.Code, message: f.Message, results: []result{one}}, false
	case f.Code != 0:
		return &rpcError{code: f.Code, message: f.Message}, false
	}
	return nil, false
}
