package whatsapp

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it, and
// hands it to sends.
type state struct {
	generation int64  // counts starts; the answer to what was asked in an earlier one is ignored
	failures   int64  // that Meta's answers were in a row
	statuses   bool   // what becomes of messages is told
	offered    int64  // the start after which the menu of commands was last compared with what is listed
	menu       string // what is listed, as menuPrint has it
	me         me
	people     people
}

// me is the account's own number.
type me struct{ number, name string }

// readState reads what an earlier answer left, or nothing at an account's first start. Fields that another version knows
// are passed over, and those that it did not know are zero.
func readState(data wit.JSON) (state, error) {
	if len(data) == 0 {
		return state{}, nil
	}
	v, err := json.Parse(data)
	if err != nil {
		return state{}, err
	}
	return state{
		generation: v.Get("generation").Int(),
		failures:   v.Get("failures").Int(),
		statuses:   v.Get("statuses").Bool(),
		offered:    v.Get("offered").Int(),
		menu:       v.Get("menu").Text(),
		me:         me{number: v.Get("me", "number").Text(), name: v.Get("me", "name").Text()},
		people:     readPeople(v.Get("people")),
	}, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s state) json() wit.JSON {
	o := json.Object{}.Int("generation", s.generation)
	if s.failures > 0 {
		o = o.Int("failures", s.failures)
	}
	if s.statuses {
		o = o.Bool("statuses", true)
	}
	if s.offered > 0 {
		o = o.Int("offered", s.offered)
	}
	if s.menu != "" {
		o = o.Text("menu", s.menu)
	}
	if s.me.number != "" {
		o = o.Raw("me", json.Object{}.Text("number", s.me.number).Text("name", s.me.name).JSON())
	}
	if len(s.people) > 0 {
		o = o.Raw("people", s.people.json())
	}
	return o.JSON()
}
