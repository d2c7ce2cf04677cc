package mqtttest

import (
	"slices"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// faults are what is to go wrong.
type faults struct {
	before, after int // messages of clients whose connection ends before they are taken, or behind
	unheard       int // acknowledgements of clients that are lost with the connection
	repeats       int
	hold          bool
	held          []held
	late          time.Duration
	silent        bool
}

// held is an answer that is kept back.
type held struct {
	to     *client
	answer packets.Packet
}

// Publish publishes a text as somebody else would.
func (s *Server) Publish(topic, payload string) {
	s.Tell(Message{Topic: topic, Payload: []byte(payload)})
}

// Tell is Publish for any message, such as one that is kept.
func (s *Server) Tell(m Message) {
	s.update(func() {
		s.published = append(s.published, m)
		s.deliver(m)
	})
}

// Published lists what clients have published on a topic, or on those of a filter.
func (s *Server) Published(filter string) (list []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.published {
		if m.From != "" && Matches(filter, m.Topic) {
			list = append(list, m)
		}
	}
	return list
}

// Kept is what the server keeps on a topic.
func (s *Server) Kept(topic string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.retained[topic].Payload)
}

// Here reports whether a client is connected.
func (s *Server) Here(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id] != nil && s.sessions[id].client != nil
}

// Reads reports whether a connected client has asked for a filter.
func (s *Server) Reads(id, filter string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.sessions[id]
	if to == nil || to.client == nil {
		return false
	}
	_, reads := to.filters[filter]
	return reads
}

// Waiting is how many messages a client has not acknowledged.
func (s *Server) Waiting(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to := s.sessions[id]; to != nil {
		return len(to.queue)
	}
	return 0
}

// Version is what a connected client speaks: 4 for 3.1.1, or 5.
func (s *Server) Version(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to := s.sessions[id]; to != nil && to.client != nil {
		return int(to.client.version)
	}
	return 0
}

// Break ends all connections, behind what was said on them.
func (s *Server) Break() {
	s.update(func() {
		for c := range s.clients {
			s.end(c, true)
		}
	})
}

// Forget ends all connections and sessions, as a server does that has kept nothing.
func (s *Server) Forget() {
	s.Break()
	s.update(func() { clear(s.sessions) })
}

// CutBefore ends the connection at each of the next n messages of clients, which are not taken; CutAfter takes them first,
// and does not say so.
func (s *Server) CutBefore(n int) { s.update(func() { s.faults.before = n }) }

// CutAfter is said at CutBefore.
func (s *Server) CutAfter(n int) { s.update(func() { s.faults.after = n }) }

// Unheard ends the connection at each of the next n acknowledgements of clients, which are lost.
func (s *Server) Unheard(n int) { s.update(func() { s.faults.unheard = n }) }

// Hold keeps back the acknowledgements of what clients publish, until it is called with false.
func (s *Server) Hold(hold bool) {
	s.update(func() {
		s.faults.hold = hold
		if !hold {
			for _, h := range s.faults.held {
				h.to.write(&h.answer, 0)
			}
			s.faults.held = nil
		}
	})
}

// Late has what is sent come so much later.
func (s *Server) Late(by time.Duration) { s.update(func() { s.faults.late = by }) }

// Repeat has what comes to clients come so many times more, marked as a repetition.
func (s *Server) Repeat(times int) { s.update(func() { s.faults.repeats = times }) }

// Silence has the server not answer pings.
func (s *Server) Silence(silent bool) { s.update(func() { s.faults.silent = silent }) }

// Connections is how many there were.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Logins is how many clients have said a right password.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Texts are the payloads that clients have published on topics of a filter.
func (s *Server) Texts(filter string) (list []string) {
	for _, m := range s.Published(filter) {
		list = append(list, string(m.Payload))
	}
	return slices.Clip(list)
}
