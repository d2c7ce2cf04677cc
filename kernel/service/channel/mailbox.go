package channel

import "slices"

// Bounds on what waits for one account. What arrives from requests and connections waits at the mailbox's
// door, with its slot or its connection held, and so slows its peer down; the others are refused.
const (
	maxArrived  = 256 // events of requests and connections
	maxWebhooks = 64
	maxOwner    = 64 // commands and replays
	maxRefusals = 64 // of requests
)

// mailbox is the events that wait for one account, in order. The loop owns it.
type mailbox struct {
	queue []*input
	count [origins]int
}

// put makes an input the last one.
func (m *mailbox) put(in *input) {
	m.queue = append(m.queue, in)
	m.count[in.origin]++
}

// first makes an input the next one: a start, or what was taken and could not be handled yet.
func (m *mailbox) first(in *input) {
	m.queue = slices.Insert(m.queue, 0, in)
	m.count[in.origin]++
}

// take removes and returns the next input; the mailbox is not empty.
func (m *mailbox) take() *input {
	in := m.queue[0]
	m.queue[0] = nil
	m.queue = m.queue[1:]
	m.count[in.origin]--
	if len(m.queue) == 0 {
		m.queue = nil // an idle account keeps nothing
	}
	return in
}

// remove takes out and returns the inputs that gone selects.
func (m *mailbox) remove(gone func(*input) bool) (out []*input) {
	kept := mailbox{}
	for _, in := range m.queue {
		if gone(in) {
			out = append(out, in)
		} else {
			kept.put(in)
		}
	}
	*m = kept
	return out
}

func (m *mailbox) empty() bool { return len(m.queue) == 0 }

// room reports whether an input of this origin may come in.
func (m *mailbox) room(o origin) bool {
	switch o {
	case fromRequest, fromConnection, fromOverflow:
		return m.count[fromRequest]+m.count[fromConnection]+m.count[fromOverflow] < maxArrived
	case fromWebhook:
		return m.count[o] < maxWebhooks
	case fromOwner:
		return m.count[o] < maxOwner
	case fromRefusal:
		return m.count[o] < maxRefusals
	}
	return true // start is one, timers are counted where they are set
}
