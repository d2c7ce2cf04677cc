package mcp

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of sessions: how many there are, and how long one stays that nobody uses.
const (
	maxSessions = 256
	sessionIdle = 24 * time.Hour
)

// visit is a session of the protocol: a program that has introduced itself. It ends with its context, and with it all that is
// under way.
type visit struct {
	id     string
	caller *rpc.Caller
	key    session.Key // whose calls are made
	ctx    context.Context
	end    context.CancelFunc

	// Guarded by sessions. calls are the requests under way that have an id, by its JSON.
	running int
	used    time.Time
	calls   map[string]context.CancelFunc
	stream  context.CancelFunc // ends the stream that it has
	listed  uint64             // what the tools were of which it knows, 0 when it has asked for none
}

// idle reports whether nobody has used it for too long.
func (v *visit) idle(now time.Time) bool { return v.running == 0 && now.Sub(v.used) >= sessionIdle }

// sessions are those that there are, in memory: a program whose session is gone begins another one. It is safe for
// concurrent use.
type sessions struct {
	mu   sync.Mutex
	list map[string]*visit
	ids  func() string
}

func newSessions() *sessions { return &sessions{list: map[string]*visit{}, ids: rand.Text} }

// open begins a session in which one request is running. Where there are too many, the one makes room that was not used for
// the longest time. Errors: CodeUnavailable when all are at work.
func (s *sessions) open(caller *rpc.Caller, key session.Key) (*visit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var last *visit
	for _, v := range s.list {
		switch {
		case v.idle(now):
			s.drop(v)
		case v.running == 0 && (last == nil || v.used.Before(last.used)):
			last = v
		}
	}
	if len(s.list) >= maxSessions {
		if last == nil {
			return nil, wit.ErrorAfter(wit.CodeUnavailable, time.Minute, "there are too many sessions at work: end some, or come back later")
		}
		s.drop(last)
	}
	v := &visit{id: s.ids(), caller: caller, key: key, running: 1, used: now, calls: map[string]context.CancelFunc{}}
	caller.ConnID = "mcp:" + v.id[:8]
	v.ctx, v.end = context.WithCancel(context.Background())
	s.list[v.id] = v
	return v, nil
}

// enter begins a request in a session. Errors: CodeNotFound for one that never was, that has ended or was idle for too long.
func (s *sessions) enter(id string) (*visit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.list[id]
	if v != nil && v.idle(time.Now()) {
		s.drop(v)
		v = nil
	}
	if v == nil {
		return nil, errGone()
	}
	v.running++
	return v, nil
}

func errGone() error {
	return wit.NewError(wit.CodeNotFound, "there is no such session: it has ended, or the gateway was started again: begin one by initialize")
}

// call notes how a request is given up. What has no id cannot be.
func (s *sessions) call(v *visit, id string, cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != "" {
		v.calls[id] = cancel
	}
}

// listen notes how the session's stream is ended, and ends the one before.
func (s *sessions) listen(v *visit, cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.stream != nil {
		v.stream()
	}
	v.stream = cancel
}

// told notes that the session is told what the tools are now, and reports whether it knew. Unless it asks, that is only for one that
// has asked before.
func (s *sessions) told(v *visit, now uint64, asked bool) (knew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	knew = v.listed == now || v.listed == 0
	if asked || v.listed != 0 {
		v.listed = now
	}
	return knew
}

// cancel gives a request up that is under way in the session.
func (s *sessions) cancel(v *visit, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := v.calls[id]; cancel != nil {
		cancel()
	}
}

// leave ends a request.
func (s *sessions) leave(v *visit, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.running--
	v.used = time.Now()
	delete(v.calls, id)
}

// close ends a session. Errors: as enter's.
func (s *sessions) close(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.list[id]
	if v == nil {
		return errGone()
	}
	s.drop(v)
	return nil
}

// end ends all sessions.
func (s *sessions) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.list {
		s.drop(v)
	}
}

// drop forgets a session. The caller has the lock.
func (s *sessions) drop(v *visit) {
	v.end()
	delete(s.list, v.id)
}
