package botapi

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is something that goes wrong with a call. Exactly one of Code, Body, Cut, CutAfter and
// Redeliver is usually set; Delay goes with any of them, or alone.
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
	// bot cannot know that it took effect.
	Cut      bool `json:"cut,omitempty"`
	CutAfter bool `json:"cutAfter,omitempty"`
	// Delay goes before the rest.
	Delay time.Duration `json:"delay,omitempty"`
}

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
	case f.Cut:
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
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		f.Method = strings.ToLower(f.Method)
		f.Times = max(f.Times, 1)
		s.faults = append(s.faults, f)
	}
}

func (s *Server) nextFault(method string) *Fault {
	if s.cfg.Chaos != nil {
		if f := s.cfg.Chaos(method); f != nil {
			return f
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults {
		if s.faults[i].Method != "" && s.faults[i].Method != method {
			continue
		}
		f := s.faults[i]
		if s.faults[i].Times--; s.faults[i].Times == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return &f
	}
	return nil
}

// limiter refuses messages that come too fast.
type limiter struct {
	last   map[int64]time.Time
	recent []time.Time
}

// take counts a message to chat, or says how many seconds to wait.
func (l *limiter) take(cfg Config, chat int64, now time.Time) *apiError {
	if wait := l.last[chat].Add(cfg.ChatInterval).Sub(now); cfg.ChatInterval > 0 && wait > 0 {
		return tooMany(wait)
	}
	if cfg.GlobalRate > 0 {
		l.recent = slices.DeleteFunc(l.recent, func(t time.Time) bool { return now.Sub(t) >= time.Second })
		if len(l.recent) >= cfg.GlobalRate {
			return tooMany(l.recent[0].Add(time.Second).Sub(now))
		}
		l.recent = append(l.recent, now)
	}
	l.last[chat] = now
	return nil
}

func tooMany(wait time.Duration) *apiError {
	seconds := max(1, int((wait+time.Second-1)/time.Second))
	return &apiError{Code: 429, Description: "Too Many Requests: retry after " + itoa(int64(seconds)), RetryAfter: seconds}
}
