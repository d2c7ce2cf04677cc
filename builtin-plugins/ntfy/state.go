package ntfy

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxRecent bounds how many messages are remembered, by which a later one is known to change them.
const maxRecent = 50

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it.
type state struct {
	generation int64 // counts starts; the answer to what was asked in an earlier one is ignored
	failures   int64 // in a row
	begun      int64 // the server's time of the first connection, in seconds; 0 before it
	since      int64 // the same of the last message
	listening  bool  // the kernel keeps the connection
	open       bool  // it is open
	recent     []sequence
}

// sequence is a message and those that change it: the id that they have in common, and the first one's own.
type sequence struct{ id, first string }

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
		generation: v.Get("generation").Int(), failures: v.Get("failures").Int(), begun: v.Get("begun").Int(), since: v.Get("since").Int(),
		listening: v.Get("listening").Bool(), open: v.Get("open").Bool(),
	}
	for item := range v.Get("recent").Items() {
		id, first, other := strings.Cut(item.Text(), " ")
		if !other {
			first = id
		}
		s.recent = append(s.recent, sequence{id, first})
	}
	return s, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s *state) json() wit.JSON {
	o := json.Sparse{}
	o.AddInt("generation", s.generation)
	o.AddInt("failures", s.failures)
	o.AddInt("begun", s.begun)
	o.AddInt("since", s.since)
	o.AddTrue("listening", s.listening)
	o.AddTrue("open", s.open)
	if len(s.recent) > 0 {
		o.Object = o.Array("recent", func(list json.Array) json.Array {
			for _, r := range s.recent {
				text := r.id
				if r.first != r.id {
					text += " " + r.first
				}
				list = list.Add(json.Text(text))
			}
			return list
		})
	}
	return o.JSON()
}

// first is the message that a sequence began with, "" where it is not known.
func (s *state) first(id string) string {
	for _, r := range s.recent {
		if r.id == id {
			return r.first
		}
	}
	return ""
}

// noted remembers a message.
func (s *state) noted(id, first string) {
	s.recent = append(s.recent[max(0, len(s.recent)+1-maxRecent):len(s.recent):len(s.recent)], sequence{id, first})
}
