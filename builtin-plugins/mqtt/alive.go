package mqtt

import "github.com/carapace-gateway/carapace/wit"

// The timers.
const (
	aliveTimer     = "alive"     // looks whether the server is
	connectTimer   = "connect"   // connects again after a refusal
	subscribeTimer = "subscribe" // asks again for what was refused
)

func wake(t *turn, timer string) {
	switch timer {
	case connectTimer:
		connect(t)
	case subscribeTimer:
		if t.State.phase == phaseIn {
			subscribe(t)
		}
	case aliveTimer:
		lookAlive(t)
	}
}

// half is half the time within which the server wants to hear something, in milliseconds.
func (t *turn) half() int64 {
	seconds := t.Settings.keepAlive
	if s := t.State.keepAlive; s > 0 {
		seconds = s
	}
	return seconds * 500
}

// lookAlive asks whether the server is there, and opens the connection anew when it has not answered.
func lookAlive(t *turn) {
	s := &t.State
	if s.phase == phaseOff {
		return // opening it sets the timer again
	}
	if s.phase == phaseConnecting || s.pinged > 0 && t.Now-s.pinged >= t.half() {
		t.Out.Close = append(t.Out.Close, connection)
		lost(t)
		connect(t)
		t.status(wit.ConnectionStateDisconnected, "the server does not answer: connecting again")
		return
	}
	s.before = 0 // what the server had to say again at the beginning of the connection it has said by now (4.4)
	ping(t)
	t.Timer(aliveTimer, t.half())
}

// ping asks, where no answer is outstanding.
func ping(t *turn) {
	s := &t.State
	if s.pinged > 0 {
		return
	}
	s.pinged, s.behind = t.Now, s.acks
	t.say(packet(typePingreq << 4))
}

// hearPong: the server has taken what was sent before the ping, the acknowledgements among it. Those that went over an earlier
// connection it may have lost.
func hearPong(t *turn, _ byte, _ *reader) {
	s := &t.State
	s.pinged = 0
	var left []unacked
	waits := false
	for _, u := range s.unacked {
		if u.number > s.before && u.number <= s.behind {
			continue
		}
		left = append(left, u)
		waits = waits || u.number > s.behind
	}
	if s.unacked = left; waits {
		ping(t)
	}
}
