package mqtt

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// phase is how far the connection is.
type phase int64

const (
	phaseOff        phase = iota // there is none, or nothing was said on it
	phaseConnecting              // CONNECT was sent
	phaseIn                      // the server has let the client in
)

// maxUnacked bounds the acknowledgements that the server may not have taken. In version 5 the server sends no more messages than
// receiveMaximum without one.
const maxUnacked = 500

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it.
type state struct {
	phase     phase
	old       bool  // the server knows only version 3.1.1
	silent    int64 // connections in a row that ended without an answer to CONNECT
	epoch     int64 // when the first event came: with a state that is new, numbers are too
	count     int64 // messages that got an id by being counted
	pinged    int64 // when the ping was sent that the server has not answered, in milliseconds since 1970; 0 for none
	acks      int64 // messages that were acknowledged and are remembered, ever
	behind    int64 // the last of them before the ping
	before    int64 // the last of them before this connection; 0 once that does not matter any more
	keepAlive int64 // seconds, as the server wants them; 0 for the setting's
	maxPacket int64 // bytes that the server takes; 0 where it does not say
	atOnce    int64 // messages that the server takes ahead of their acknowledgement; 0 where it does not say

	twice      bool  // messages are published with quality of service 2
	readsTwice bool  // topics are read with it
	takes      int64 // packets of sends that the server has received, ever
	held       []uint16
	taken      []taken
	unacked    []unacked
	subscribed []string // filters that the server has taken
	asked      []string // filters that were asked for, in the order of the SUBSCRIBE
	refused    []string // filters that the server did not take, each with the reason behind a line break
}

// unacked is a message that was acknowledged, and may come again until the server has taken that.
type unacked struct {
	packet uint16
	digest uint64 // of topic and payload
	number int64  // by state.acks
}

// knows reports whether a repetition is of a message that was told.
func (s *state) knows(packet uint16, digest uint64) bool {
	return slices.ContainsFunc(s.unacked, func(u unacked) bool { return u.packet == packet && u.digest == digest })
}

// remember notes a message that is acknowledged. A packet's id is another message's now.
func (s *state) remember(packet uint16, digest uint64) {
	s.acks++
	s.unacked = slices.DeleteFunc(s.unacked, func(u unacked) bool { return u.packet == packet })
	s.unacked = append(s.unacked, unacked{packet, digest, s.acks})
	s.unacked = s.unacked[max(len(s.unacked)-maxUnacked, 0):]
}

// readState reads what an earlier answer left, or nothing at an account's first start.
func readState(data wit.JSON) (state, error) {
	if len(data) == 0 {
		return state{}, nil
	}
	v, err := json.Parse(data)
	if err != nil {
		return state{}, err
	}
	s := state{
		phase: phase(v.Get("phase").Int()), old: v.Get("old").Bool(), silent: v.Get("silent").Int(), epoch: v.Get("epoch").Int(),
		count: v.Get("count").Int(), pinged: v.Get("pinged").Int(), acks: v.Get("acks").Int(), behind: v.Get("behind").Int(),
		before: v.Get("before").Int(), keepAlive: v.Get("keepAlive").Int(),
		maxPacket: v.Get("maxPacket").Int(), atOnce: v.Get("atOnce").Int(),
		subscribed: v.Get("subscribed").Texts(), asked: v.Get("asked").Texts(), refused: v.Get("refused").Texts(),
	}
	s.twice, s.readsTwice, s.takes = v.Get("twice").Bool(), v.Get("readsTwice").Bool(), v.Get("takes").Int()
	for id := range v.Get("held").Items() {
		s.held = append(s.held, uint16(id.Int()))
	}
	for k := range v.Get("taken").Items() {
		s.taken = append(s.taken, taken{uint16(k.Get("id").Int()), k.Get("n").Int(), k.Get("open").Bool()})
	}
	for u := range v.Get("unacked").Items() {
		parts := strings.Split(u.Text(), " ")
		if len(parts) == 3 {
			packet, _ := strconv.ParseUint(parts[0], 36, 16)
			digest, _ := strconv.ParseUint(parts[1], 36, 64)
			ack, _ := strconv.ParseInt(parts[2], 36, 64)
			s.unacked = append(s.unacked, unacked{uint16(packet), digest, ack})
		}
	}
	return s, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s *state) json() wit.JSON {
	var o json.Sparse
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"phase", int64(s.phase)}, {"silent", s.silent}, {"epoch", s.epoch}, {"count", s.count}, {"pinged", s.pinged}, {"acks", s.acks},
		{"behind", s.behind}, {"before", s.before},
		{"keepAlive", s.keepAlive}, {"maxPacket", s.maxPacket}, {"atOnce", s.atOnce},
	} {
		o.AddInt(f.name, f.value)
	}
	o.AddTrue("old", s.old)
	var acks []string
	for _, u := range s.unacked {
		acks = append(acks, number(uint64(u.packet))+" "+number(u.digest)+" "+number(uint64(u.number)))
	}
	o.AddTrue("twice", s.twice)
	o.AddTrue("readsTwice", s.readsTwice)
	o.AddInt("takes", s.takes)
	json.AddList(&o, "held", s.held, func(id uint16) wit.JSON { return wit.JSON(number10(int(id))) })
	json.AddList(&o, "taken", s.taken, func(k taken) wit.JSON {
		one := json.Sparse{Object: json.Object{}.Int("id", int64(k.packet)).Int("n", k.number)}
		one.AddTrue("open", k.open)
		return one.JSON()
	})
	o.AddTexts("unacked", acks)
	o.AddTexts("subscribed", s.subscribed)
	o.AddTexts("asked", s.asked)
	o.AddTexts("refused", s.refused)
	return o.JSON()
}

func number10(n int) string { return strconv.Itoa(n) }

// number writes a number in few characters.
func number(n uint64) string { return strconv.FormatUint(n, 36) }
