package feishu

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/known"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it, and
// hands it to sends.
type state struct {
	generation int64 // counts starts; the answer to what was asked in an earlier one is ignored
	failures   int64 // that Feishu's answers were in a row
	me         me
	people     known.List // what people are called
	chats      known.List // what groups are called, and with whom a direct chat is
	waiting    []waiting
	opening    bool    // a connection is being opened, or will be when a timer says so
	since      int64   // when the connection was opened, in milliseconds since 1970; 0 for none
	service    int64   // of the connection, which pings name
	silent     bool    // nothing has come since the last ping
	pieces     []piece // of events that are not whole yet
}

// me is the bot.
type me struct{ id, name string }

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
		me:         me{id: v.Get("me", "id").Text(), name: v.Get("me", "name").Text()},
		people:     known.Read(v.Get("people")),
		chats:      known.Read(v.Get("chats")),
		waiting:    readWaiting(v.Get("waiting")),
		opening:    v.Get("opening").Bool(),
		since:      v.Get("since").Int(),
		service:    v.Get("service").Int(),
		silent:     v.Get("silent").Bool(),
		pieces:     readPieces(v.Get("pieces")),
	}, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s *state) json() wit.JSON {
	o := json.Sparse{Object: json.Object{}.Int("generation", s.generation)}
	o.AddInt("failures", s.failures)
	if s.me.id != "" {
		o.Object = o.Raw("me", json.Object{}.Text("id", s.me.id).Text("name", s.me.name).JSON())
	}
	if len(s.people) > 0 {
		o.Object = o.Raw("people", s.people.JSON())
	}
	if len(s.chats) > 0 {
		o.Object = o.Raw("chats", s.chats.JSON())
	}
	if len(s.waiting) > 0 {
		o.Object = o.Raw("waiting", waitingJSON(s.waiting))
	}
	o.AddTrue("opening", s.opening)
	o.AddInt("since", s.since)
	o.AddInt("service", s.service)
	o.AddTrue("silent", s.silent)
	json.AddList(&o, "pieces", s.pieces, piece.json)
	return o.JSON()
}
