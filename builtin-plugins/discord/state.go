package discord

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it; without
// messages a little later, which costs no more than that Discord says something again.
type state struct {
	generation int64 // counts starts; responses to requests of an earlier one are ignored

	// Of the session ("Resuming").
	session string
	resume  string // resume_gateway_url
	seq     int64  // of the last event that was handled

	// Of the connection.
	interval int64 // between heartbeats, in milliseconds; 0 before Hello
	unacked  bool  // the last heartbeat was not acknowledged
	missed   int64 // openings in a row at which nobody said Hello
	idle     int64 // ends in a row without an event between them
	bare     bool  // guilds are not asked for: what describes one cannot be read

	// Of requests.
	failures  int64 // that failed in a row
	notBefore int64 // when Discord may be asked again, in milliseconds since 1970

	me       person // who the bot is, once Ready has said
	commands string // what was registered, in short; see slash.go
	places   []place
	guilds   []guild
	held     []held // what waits for its place
	tries    int64  // rounds of requests for places that failed
}

// saw notes an event's sequence number.
func (s *state) saw(seq int64) { s.seq, s.idle = max(s.seq, seq), 0 }

// forget gives the session up: the next connection begins a new one.
func (s *state) forget() { s.session, s.resume, s.seq = "", "", 0 }

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
	var s state
	for key, f := range v.Fields() {
		s.read(key, f)
	}
	return s, nil
}

// read takes one field.
func (s *state) read(key string, f json.Value) {
	switch key {
	case "generation":
		s.generation = f.Int()
	case "session":
		s.session = f.Text()
	case "resume":
		s.resume = f.Text()
	case "seq":
		s.seq = f.Int()
	case "interval":
		s.interval = f.Int()
	case "unacked":
		s.unacked = f.Bool()
	case "missed":
		s.missed = f.Int()
	case "idle":
		s.idle = f.Int()
	case "bare":
		s.bare = f.Bool()
	case "failures":
		s.failures = f.Int()
	case "notBefore":
		s.notBefore = f.Int()
	case "me":
		s.me = readUser(f)
	case "commands":
		s.commands = f.Text()
	case "tries":
		s.tries = f.Int()
	default:
		s.readList(key, f)
	}
}

// readList takes one field that is a list.
func (s *state) readList(key string, f json.Value) {
	for item := range f.Items() {
		switch key {
		case "places":
			s.places = append(s.places, readPlace(item))
		case "guilds":
			s.guilds = append(s.guilds, readGuild(item))
		case "held":
			s.held = append(s.held, readHeld(item))
		}
	}
}

// json returns the state as it is stored: what is zero is left out, so that an account at rest is small.
func (s *state) json() wit.JSON {
	o := json.Object{}.Int("generation", s.generation)
	for _, f := range []struct {
		name  string
		value int64
	}{{"seq", s.seq}, {"interval", s.interval}, {"missed", s.missed}, {"idle", s.idle}, {"failures", s.failures}, {"notBefore", s.notBefore}, {"tries", s.tries}} {
		if f.value != 0 {
			o = o.Int(f.name, f.value)
		}
	}
	for _, f := range []struct{ name, value string }{{"session", s.session}, {"resume", s.resume}, {"commands", s.commands}} {
		if f.value != "" {
			o = o.Text(f.name, f.value)
		}
	}
	for _, f := range []struct {
		name  string
		value bool
	}{{"unacked", s.unacked}, {"bare", s.bare}} {
		if f.value {
			o = o.Bool(f.name, true)
		}
	}
	if s.me.id != "" {
		o = o.Raw("me", s.me.json())
	}
	return s.lists(o).JSON()
}

// lists adds those that are not empty.
func (s *state) lists(o json.Object) json.Object {
	if len(s.places) > 0 {
		o = o.Array("places", func(list json.Array) json.Array {
			for i := range s.places {
				list = list.Add(s.places[i].json())
			}
			return list
		})
	}
	if len(s.guilds) > 0 {
		o = o.Array("guilds", func(list json.Array) json.Array {
			for i := range s.guilds {
				list = list.Add(s.guilds[i].json())
			}
			return list
		})
	}
	if len(s.held) > 0 {
		o = o.Array("held", func(list json.Array) json.Array {
			for i := range s.held {
				list = list.Add(s.held[i].json())
			}
			return list
		})
	}
	return o
}
