package irc

import "github.com/carapace-gateway/carapace/wit"

// The timers.
const (
	aliveTimer   = "alive"   // looks whether the server is
	connectTimer = "connect" // connects again after a refusal
	roomsTimer   = "rooms"   // joins what could not be joined
	nickTimer    = "nick"    // asks for the wanted nick
)

// Times in milliseconds. A server is asked after a silence of a minute, and given up after another one without an answer.
const (
	alivePause = 60_000
	quietTime  = alivePause - heardEvery
	deadTime   = 2 * alivePause
)

func wake(t *turn, timer string) {
	switch timer {
	case connectTimer:
		connect(t)
	case roomsTimer:
		rejoin(t)
	case nickTimer:
		askNick(t)
	case aliveTimer:
		lookAlive(t)
	}
}

// lookAlive asks a silent server whether it is there, and opens the connection anew when it does not answer.
func lookAlive(t *turn) {
	s := &t.State
	if s.phase == phaseOff {
		return // opening it sets the timer again
	}
	t.stopCatching() // a history that has not come by now does not come
	silence := t.Now - s.heard
	if silence >= deadTime || s.phase == phaseRegistering && silence >= alivePause {
		t.Out.Close = append(t.Out.Close, connection)
		connect(t)
		t.status(wit.ConnectionStateDisconnected, "the server does not answer: connecting again")
		return
	}
	if s.phase == phaseIn && silence >= quietTime {
		s.asked = true
		t.say("PING :" + alivePrefix + number(uint64(t.Now)))
	}
	t.Timer(aliveTimer, alivePause)
}
