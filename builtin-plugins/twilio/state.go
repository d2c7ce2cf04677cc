package twilio

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of the state.
const (
	maxRecent  = 60
	maxPending = 10
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it.
type state struct {
	generation int64 // counts starts; the answer to what was asked in an earlier one is ignored
	failures   int64 // in a row
	begun      int64 // what was sent before is not of the account's time, in milliseconds
	since      int64 // what was sent before was there when the list was read last, in milliseconds
	next       int64 // the same when the reading that goes on has ended
	behind     bool  // the list was not read to its end since the start
	again      bool  // something has come meanwhile
	statuses   bool  // what becomes of messages is told
	recent     []string
	pending    []pending
}

// pending is a message of the list whose files are asked for.
type pending struct {
	id, from, text string
	time           int64
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
		generation: v.Get("generation").Int(), failures: v.Get("failures").Int(), begun: v.Get("begun").Int(), since: v.Get("since").Int(), next: v.Get("next").Int(),
		behind: v.Get("behind").Bool(), again: v.Get("again").Bool(), statuses: v.Get("statuses").Bool(),
	}
	s.recent = v.Get("recent").Texts()
	for p := range v.Get("pending").Items() {
		s.pending = append(s.pending, pending{p.Get("id").Text(), p.Get("from").Text(), p.Get("text").Text(), p.Get("time").Int()})
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
	o.AddInt("next", s.next)
	o.AddTrue("behind", s.behind)
	o.AddTrue("again", s.again)
	o.AddTrue("statuses", s.statuses)
	o.AddTexts("recent", s.recent)
	json.AddList(&o, "pending", s.pending, func(p pending) wit.JSON {
		return json.Object{}.Text("id", p.id).Text("from", p.from).Text("text", p.text).Int("time", p.time).JSON()
	})
	return o.JSON()
}

// noted remembers a message, and reports whether it is new.
func (s *state) noted(id string) bool {
	if slices.Contains(s.recent, id) {
		return false
	}
	s.recent = append(slices.Clone(s.recent[max(0, len(s.recent)+1-maxRecent):]), id)
	return true
}
