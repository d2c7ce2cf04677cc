package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// letter is what the app is to be told, until it has acknowledged it.
type letter struct {
	number   int // the place in the order
	kind     string
	payload  answer
	attempt  int    // how often it was sent before
	envelope string // of the last time that it was sent
	on       *socket
	reason   string // of the next attempt

	at, taken time.Time // when it was told first, and acknowledged
}

// office keeps what the app is to be told. Server has the lock.
type office struct {
	next     int
	waiting  []*letter // in order
	past     []*letter // the last ones that were acknowledged
	sockets  []*socket // open, the newest last
	tickets  map[string]bool
	callback string // where events are posted; "" for nowhere
	calling  bool   // somebody posts them
	opened   int
	repeated int
	acked    int
	late     []time.Duration // by how much the next ones are
	all      []*letter
}

// keptPast is how many acknowledged letters can be sent once more.
const keptPast = 100

// put queues something for the app.
func (o *office) put(s *Server, kind string, payload answer) {
	o.next++
	l := &letter{number: o.next, kind: kind, payload: payload}
	o.all = append(o.all, l)
	if len(o.late) == 0 || s.Life.Err() != nil {
		o.add(s, l)
		return
	}
	by := o.late[0]
	o.late = o.late[1:]
	s.Go(func() {
		s.Pause(by)
		s.mu.Lock()
		defer s.mu.Unlock()
		o.add(s, l)
	})
}

// add puts a letter behind those that wait.
func (o *office) add(s *Server, l *letter) {
	o.waiting = append(o.waiting, l)
	o.deliver(s)
	s.Raise()
}

// Delay has the next thing that the app is to be told be late: it comes behind what happens after it, as where Slack goes on while an
// attempt that failed waits to be made again.
func (s *Server) Delay(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.post.late = append(s.post.late, by)
}

// Told is part of channeltest.Teller.
func (s *Server) Told() (told []channeltest.Told) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.post.all {
		text, _ := json.Marshal(l.payload) // maps, texts and numbers
		told = append(told, channeltest.Told{Text: string(text), At: l.at, Taken: l.taken})
	}
	return told
}

// tells notes that a letter is told, once more or for the first time.
func (l *letter) tells() {
	if l.at.IsZero() {
		l.at = time.Now()
	}
}

// deliver sends what waits and is nowhere, in order, on the newest connection.
func (o *office) deliver(s *Server) {
	if len(o.sockets) == 0 {
		return
	}
	to := o.sockets[len(o.sockets)-1]
	for _, l := range o.waiting {
		if l.on == nil {
			o.send(s, to, l)
		}
	}
}

// send writes an envelope ("Socket Mode implementation", Events). It comes again when it is not acknowledged in time.
func (o *office) send(s *Server, to *socket, l *letter) {
	l.on, l.envelope = to, fmt.Sprintf("env-%d-%d", l.number, l.attempt)
	envelope := answer{"envelope_id": l.envelope, "type": l.kind, "payload": l.payload, "accepts_response_payload": l.kind != "events_api"}
	if l.kind == "events_api" {
		envelope["retry_attempt"], envelope["retry_reason"] = l.attempt, l.reason
	}
	if l.attempt > 0 {
		o.repeated++
	}
	b, _ := json.Marshal(envelope)
	l.tells()
	to.put(b)
	attempt := l.attempt
	time.AfterFunc(s.cfg.AckTimeout, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.Life.Err() == nil && l.on == to && l.attempt == attempt && slices.Contains(s.post.waiting, l) {
			l.again("timeout")
			s.post.deliver(s)
		}
	})
}

// again has a letter sent once more.
func (l *letter) again(reason string) { l.on, l.attempt, l.reason = nil, l.attempt+1, reason }

// acknowledge takes an envelope from what waits. One that was sent anew meanwhile counts too.
func (o *office) acknowledge(envelope string) {
	var number int
	if _, err := fmt.Sscanf(envelope, "env-%d-", &number); err != nil {
		return
	}
	i := slices.IndexFunc(o.waiting, func(l *letter) bool { return l.number == number })
	if i < 0 {
		return
	}
	o.done(i)
}

// done moves a letter to what is past.
func (o *office) done(i int) {
	o.acked++
	o.waiting[i].taken = time.Now()
	o.past = append(o.past, o.waiting[i])
	o.past = o.past[max(0, len(o.past)-keptPast):]
	o.waiting = slices.Delete(o.waiting, i, i+1)
}

// Waiting is how much the app was told, or is to be told, and has not acknowledged.
func (s *Server) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.post.waiting)
}

// Acknowledged is how much the app has acknowledged, Repeated how often something came again.
func (s *Server) Acknowledged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.post.acked
}

// Repeated is how often something came again that the app was told before.
func (s *Server) Repeated() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.post.repeated
}

// Redeliver tells the app the last n things that it has acknowledged once more.
func (s *Server) Redeliver(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.post.past[max(0, len(s.post.past)-n):] {
		s.post.next++
		copied := *l
		copied.number = s.post.next
		copied.again("timeout")
		s.post.waiting = append(s.post.waiting, &copied)
	}
	s.post.deliver(s)
	s.Raise()
}
