package xmpp

import "github.com/carapace-gateway/carapace/wit"

// The timers.
const (
	aliveTimer   = "alive"   // looks whether the server is
	connectTimer = "connect" // connects again after a refusal
	roomsTimer   = "rooms"   // joins what could not be joined
)

// Times in milliseconds. A server is asked after a silence of a minute, and given up after another one without an answer.
const (
	alivePause = 60_000
	heardEvery = 15_000 // how exactly it is remembered when the server was heard
	quietTime  = alivePause - heardEvery
	deadTime   = 2 * alivePause
)

func wake(t *turn, timer string) {
	switch timer {
	case connectTimer:
		connect(t)
	case roomsTimer:
		rejoin(t)
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
	silence := t.Now - s.heard
	if silence >= deadTime || s.phase != phaseIn && silence >= alivePause {
		t.Out.Close = append(t.Out.Close, connection)
		connect(t)
		t.status(wit.ConnectionStateDisconnected, "the server does not answer: connecting again")
		return
	}
	if s.phase == phaseIn {
		lookIn(t)
	}
	if s.phase == phaseIn && silence >= quietTime {
		s.asked = true
		t.ask("get", domain(s.jid), aliveID, ping())
	}
	t.Timer(aliveTimer, alivePause)
}
