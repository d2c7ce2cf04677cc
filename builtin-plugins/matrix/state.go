package matrix

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it. It
// may have 64 KB: each list is bounded where something is added to it.
type state struct {
	generation int64       // counts starts; responses to requests of an earlier one are ignored
	since      string      // the token of the next sync: what is before it has been committed, but for the gap
	limit      int64       // of events of a room in a sync, after a response that was too large; 0 is the plugin's own
	failures   int64       // requests that failed in a row
	retry      requestKind // what the retry timer tries again
	notBefore  int64       // when the server may be asked again, in milliseconds since 1970, since it has asked for a pause
	me         person      // who the account is, once whoami has said
	legacy     bool        // files are at the server's older, open addresses
	rooms      rooms
	joins      []joining // rooms that the account is to be in, and is not yet
	gap        gap
	lookups    lookups
	reactions  reactions
}

// person is somebody on Matrix.
type person struct {
	id, name string
}

// readState reads what an earlier answer left, or nothing at an account's first start. Fields that another version
// knows are passed over, and those that it did not know are zero.
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
		since:      v.Get("since").Text(),
		limit:      v.Get("limit").Int(),
		failures:   v.Get("failures").Int(),
		retry:      requestKind(v.Get("retry").Text()),
		notBefore:  v.Get("notBefore").Int(),
		me:         person{v.Get("me", "id").Text(), v.Get("me", "name").Text()},
		legacy:     v.Get("legacy").Bool(),
		rooms:      readRooms(v.Get("rooms")),
		joins:      readJoins(v.Get("joins")),
		gap:        readGap(v.Get("gap")),
		lookups:    readLookups(v.Get("lookups")),
		reactions:  readReactions(v.Get("reactions")),
	}, nil
}

// json returns the state as it is stored: what is zero is left out, so that an account at rest is small.
func (s state) json() wit.JSON {
	o := json.Object{}.Int("generation", s.generation)
	o = text(o, "since", s.since)
	o = number(o, "limit", s.limit)
	o = number(o, "failures", s.failures)
	o = text(o, "retry", string(s.retry))
	o = number(o, "notBefore", s.notBefore)
	if s.me.id != "" {
		o = o.Raw("me", text(json.Object{}.Text("id", s.me.id), "name", s.me.name).JSON())
	}
	o = flag(o, "legacy", s.legacy)
	if len(s.rooms) > 0 {
		o = o.Raw("rooms", s.rooms.json())
	}
	if len(s.joins) > 0 {
		o = o.Array("joins", func(list json.Array) json.Array {
			for _, j := range s.joins {
				list = list.Object(j.fill)
			}
			return list
		})
	}
	if len(s.gap.rooms) > 0 {
		o = o.Object("gap", s.gap.fill)
	}
	if len(s.reactions) > 0 {
		o = o.Array("reactions", func(list json.Array) json.Array {
			for _, r := range s.reactions {
				list = list.Object(r.fill)
			}
			return list
		})
	}
	if len(s.lookups) > 0 {
		o = o.Array("lookups", func(list json.Array) json.Array {
			for _, l := range s.lookups {
				list = list.Object(l.fill)
			}
			return list
		})
	}
	return o.JSON()
}

// text adds a text that is not empty.
func text(o json.Object, name, value string) json.Object {
	if value == "" {
		return o
	}
	return o.Text(name, value)
}

// number adds a number that is not 0.
func number(o json.Object, name string, value int64) json.Object {
	if value == 0 {
		return o
	}
	return o.Int(name, value)
}

// flag adds what is true.
func flag(o json.Object, name string, value bool) json.Object {
	if !value {
		return o
	}
	return o.Bool(name, true)
}
