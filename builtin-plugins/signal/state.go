package signal

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxHidden bounds how many of those who hide their number are remembered: those who have written last.
const maxHidden = 300

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it.
type state struct {
	generation int64    // counts starts; the answer to what was asked in an earlier one is ignored
	failures   int64    // in a row
	links      int64    // how often an address was shown by which the account can be linked
	me         string   // the account's own id (ACI), once it is known
	listening  bool     // the kernel keeps the stream of events
	open       bool     // it is open
	hidden     []string // ids of people who are known by these, since their number is not
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
	s := state{generation: v.Get("generation").Int(), failures: v.Get("failures").Int(), links: v.Get("links").Int(), me: v.Get("me").Text(), listening: v.Get("listening").Bool(), open: v.Get("open").Bool()}
	s.hidden = v.Get("hidden").Texts()
	return s, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s state) json() wit.JSON {
	o := json.Sparse{Object: json.Object{}.Int("generation", s.generation)}
	o.AddInt("failures", s.failures)
	o.AddInt("links", s.links)
	o.AddText("me", s.me)
	o.AddTrue("listening", s.listening)
	o.AddTrue("open", s.open)
	o.AddTexts("hidden", s.hidden)
	return o.JSON()
}

// named returns what somebody is known by: the number, or the id without one. moved is the id when that was so until now.
func (s *state) named(number, id string) (name, moved string) {
	at := slices.Index(s.hidden, id)
	switch {
	case number != "" && at >= 0:
		s.hidden = slices.Delete(slices.Clone(s.hidden), at, at+1)
		return number, id
	case number != "":
		return number, ""
	case id != "" && at < 0 && len(id) <= 64:
		s.hidden = append(slices.Clone(s.hidden), id)
		s.hidden = s.hidden[max(0, len(s.hidden)-maxHidden):]
	}
	return id, ""
}
