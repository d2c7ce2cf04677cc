package channel

import (
	"fmt"
	"testing"
)

// from makes an input of an origin and a start, whose timer's name tells it from others.
func from(o origin, gen uint64, name string) *input {
	in := &input{origin: o, gen: gen}
	in.event.Timer = &name
	return in
}

func names(list []*input) (s string) {
	for _, in := range list {
		s += *in.event.Timer
	}
	return s
}

func TestMailboxKeepsOrderAndLetsAStartGoFirst(t *testing.T) {
	var m mailbox
	m.put(from(fromTimer, 1, "a"))
	m.put(from(fromWebhook, 0, "b"))
	m.put(from(fromRequest, 1, "c"))
	m.put(from(fromWebhook, 0, "d"))
	m.first(from(fromLoop, 2, "s"))
	gone := m.remove(func(in *input) bool { return in.gen == 1 })
	if got := names(gone) + " " + names(m.queue); got != "ac sbd" {
		t.Errorf("removed and kept: %s", got)
	}
	if m.count[fromTimer]+m.count[fromRequest] != 0 || m.count[fromWebhook] != 2 {
		t.Errorf("counts %v", m.count)
	}
	got := ""
	for !m.empty() {
		got += *m.take().event.Timer
	}
	if got != "sbd" || m.queue != nil || m.count != [origins]int{} {
		t.Errorf("took %s, left %v %v", got, m.queue, m.count)
	}
}

func TestMailboxIsBounded(t *testing.T) {
	for o, most := range map[origin]int{
		fromRequest: maxArrived, fromConnection: maxArrived, fromOverflow: maxArrived,
		fromWebhook: maxWebhooks, fromOwner: maxOwner, fromRefusal: maxRefusals,
	} {
		t.Run(fmt.Sprint(o), func(t *testing.T) {
			var m mailbox
			n := 0
			for ; n < 10_000 && m.room(o); n++ {
				m.put(from(o, 1, "x"))
			}
			if n != most {
				t.Errorf("%d came in, want %d", n, most)
			}
			m.take()
			if !m.room(o) || !m.room(fromLoop) {
				t.Error("there is no room after one was taken")
			}
		})
	}
	var m mailbox
	for range maxArrived {
		m.put(from(fromConnection, 1, "x"))
	}
	if m.room(fromRequest) || !m.room(fromWebhook) || !m.room(fromOwner) {
		t.Error("what arrives shares a bound, and holds up nobody else")
	}
}
