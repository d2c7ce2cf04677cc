package mqtt

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// The ids of packets that are not sends'.
const (
	subscribePacket = iota + 1
	unsubscribePacket
	presencePacket
	firstSendPacket = 16
)

// Options of a subscription (3.8.3.1), in version 5.
const (
	optionNoLocal    = 0x04 // what the client publishes itself does not come back
	optionNoRetained = 0x20 // what is kept on a topic does not come
)

// What presenceTopic says.
const (
	online  = "online"
	offline = "offline"
)

// present says on presenceTopic that the client is there. The server keeps it for who comes later, and says by itself that the
// client is gone when the connection ends.
func (t *turn) present() {
	if topic := t.Settings.presence; topic != "" {
		t.say(packet(typePublish<<4|flagQoS1|flagRetain, words(topic), two(presencePacket), t.only5([]byte{0}), []byte(online)))
	}
}

// subscribe asks for the topics of the settings that the session does not have, and no more for those that it need not have.
// Asked again, a server of version 3.1.1 would send anew what is kept on them.
func subscribe(t *turn) {
	s := &t.State
	s.refused = nil
	var wanted []string
	for _, pattern := range t.Settings.patterns {
		if f := filterOf(pattern); !slices.Contains(wanted, f) {
			wanted = append(wanted, f)
		}
	}
	var end []byte
	s.subscribed = slices.DeleteFunc(s.subscribed, func(f string) bool {
		old := !slices.Contains(wanted, f)
		if old {
			end = append(end, words(f)...)
		}
		return old
	})
	if end != nil {
		t.say(packet(typeUnsubscribe<<4|2, two(unsubscribePacket), t.only5([]byte{0}), end))
	}
	options := byte(1)
	if s.twice {
		options = 2
	}
	if s.readsTwice != s.twice { // a subscription of the session has another quality of service
		s.readsTwice, s.subscribed = s.twice, nil
	}
	if !s.old {
		options |= optionNoLocal
		if !t.Settings.readRetained {
			options |= optionNoRetained
		}
	}
	var begin []byte
	s.asked = nil
	for _, f := range wanted {
		if !slices.Contains(s.subscribed, f) {
			begin = append(append(begin, words(f)...), options)
			s.asked = append(s.asked, f)
		}
	}
	if begin != nil {
		t.say(packet(typeSubscribe<<4|2, two(subscribePacket), t.only5([]byte{0}), begin))
	}
}

// hearSuback: which topics the server lets the client read, in the order of the question.
func hearSuback(t *turn, _ byte, r *reader) {
	s := &t.State
	if r.two() != subscribePacket {
		return
	}
	if !s.old {
		r.properties()
	}
	for _, f := range s.asked {
		switch code := r.one(); {
		case r.bad || code >= 0x80:
			s.refused = append(s.refused, f+"\n"+refusedFilter(code))
		default:
			s.subscribed = append(s.subscribed, f)
			if code == 0 {
				s.refused = append(s.refused, f+"\nthe server gives it without acknowledgements (quality of service 0): what comes while the gateway is off is lost")
			}
		}
	}
	if s.asked = nil; len(s.refused) > 0 {
		t.Timer(subscribeTimer, account.RefusedRetry)
	}
	t.showPlace()
}

// refusedFilter says why a topic cannot be read (3.9.3).
func refusedFilter(code byte) string {
	switch code {
	case 0x87:
		return "the user may not read it: have the server allow it"
	case 0x8f, 0xa2:
		return "the server does not take such a pattern: write it without + and #"
	case 0x97:
		return "the server's quota is used up"
	}
	return "the server does not let the client read it: have the server allow it"
}

// showPlace tells the owner that the client is on the server, and which topics it lacks.
func (t *turn) showPlace() {
	if t.State.phase != phaseIn {
		return
	}
	var lacks []string
	for _, r := range t.State.refused {
		f, why, _ := strings.Cut(r, "\n")
		if len(lacks) < 5 {
			lacks = append(lacks, f+": "+why)
		}
	}
	state := wit.ConnectionStateConnected
	if len(lacks) > 0 && len(t.State.subscribed) == 0 {
		state = wit.ConnectionStateFailed
	}
	t.status(state, strings.Join(lacks, "; "))
}
