package mqtt

import (
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// Quality of service 2 (4.3.3): a message is received (PUBREC), released (PUBREL) and complete (PUBCOMP), and until it is released its
// packet's id stands for it alone. So nothing is taken twice, either way, for as long as the server keeps the session.

// Bounds of what is remembered: ids of packets that the server has not released, and of those that it has received.
const (
	maxHeld  = 1000
	maxTaken = 300
)

// taken is a packet of a send's that the server has received.
type taken struct {
	packet uint16
	number int64 // by state.takes
	open   bool  // the server has not said yet that it is complete
}

// reply is a packet that has the id of another one alone.
func reply(kind byte, id uint16) []byte {
	if kind == typePubrel {
		return packet(typePubrel<<4|2, two(id))
	}
	return packet(kind<<4, two(id))
}

// receives reports whether a message of quality of service 2 has not come before, and says that it was received.
func (t *turn) receives(id uint16) bool {
	s := &t.State
	t.say(reply(typePubrec, id))
	if slices.Contains(s.held, id) {
		return false
	}
	s.held = append(slices.Clone(s.held[max(len(s.held)-maxHeld+1, 0):]), id)
	return true
}

// hearPubrel: the server knows that a message was received, and may use its packet's id for another one.
func hearPubrel(t *turn, _ byte, r *reader) {
	id := r.two()
	if r.bad {
		return
	}
	t.State.held = slices.DeleteFunc(slices.Clone(t.State.held), func(held uint16) bool { return held == id })
	t.say(reply(typePubcomp, id))
}

// hearPubrec: the server has taken what was published, or says why not (3.5.2.1). From then on it is the server's.
func hearPubrec(t *turn, _ byte, r *reader) {
	id, c := t.confirmed(r)
	switch {
	case c == nil:
		return
	case c.Error == nil:
		t.State.take(id)
		t.say(reply(typePubrel, id))
	}
	t.Out.Confirmed = append(t.Out.Confirmed, *c)
}

// take remembers a packet that the server has received.
func (s *state) take(id uint16) {
	s.takes++
	s.taken = slices.DeleteFunc(slices.Clone(s.taken), func(k taken) bool { return k.packet == id })
	s.taken = append(s.taken[max(len(s.taken)-maxTaken+1, 0):], taken{id, s.takes, true})
}

// hearPubcomp: the id of a packet is free again.
func hearPubcomp(t *turn, _ byte, r *reader) {
	id := r.two()
	if i := slices.IndexFunc(t.State.taken, func(k taken) bool { return k.packet == id }); i >= 0 && !r.bad {
		t.State.taken = slices.Clone(t.State.taken)
		t.State.taken[i].open = false
	}
}

// release goes on where an earlier connection of the session ended: with what the server has received (4.4).
func (t *turn) release() {
	for _, k := range t.State.taken {
		if k.open && len(t.Out.Frames) < wit.ChannelAnswerFramesMax-8 {
			t.say(reply(typePubrel, k.packet))
		}
	}
}

// received reports whether the server has received a packet since a number, and whether its id is not free yet.
func (s *state) received(id uint16, since int64) (received, open bool) {
	i := slices.IndexFunc(s.taken, func(k taken) bool { return k.packet == id })
	if i < 0 {
		return false, false
	}
	return s.taken[i].number > since, s.taken[i].open
}
