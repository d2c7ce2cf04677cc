package mattermost

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it.
type state struct {
	generation int64    // counts starts; responses to requests of an earlier one are ignored
	failures   int64    // requests or connections in a row that came to nothing
	notBefore  int64    // when Mattermost may be asked again, in milliseconds since 1970, since it has asked for a pause
	me         identity // who the bot is, once users/me has said
	longest    int64    // characters of a post, 0 while that is not known

	connection string // Mattermost's id of the connection, "" for none
	sequence   int64  // the number of its event that comes next
	live       bool   // events come
	cursor     int64  // when the last post that is known was made, in Mattermost's time
	gap        gap

	threads  []string // roots of threads that the bot is part of, the last one last
	nameless bool     // names may not be asked for
	asked    []string // ids whose names are being asked for
	held     []parcel // events that wait for names
}

// identity is who the bot is on its server.
type identity struct{ id, name string }

// parcel is an event that waits, and since when, in milliseconds since 1970.
type parcel struct {
	event json.Value
	since int64
}

func (p parcel) json() wit.JSON {
	return json.Object{}.Raw("event", p.event.Raw()).Int("since", p.since).JSON()
}

// saw notes that an event of the connection needs not be told again.
func (s *state) saw(sequence int64) {
	if sequence >= s.sequence {
		s.sequence = sequence + 1
	}
}

// maxThreads keeps the state small. A thread that is not among the last ones needs the bot's name again.
const maxThreads = 100

// joined notes that the bot is part of a thread.
func (s *state) joined(root string) {
	if i := slices.Index(s.threads, root); i >= 0 {
		if len(s.threads)-i <= maxThreads/2 {
			return // which is not changed for what is known well enough
		}
		s.threads = slices.Delete(s.threads, i, i+1)
	}
	s.threads = append(s.threads, root)
	s.threads = s.threads[max(0, len(s.threads)-maxThreads):]
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
	s := state{
		generation: v.Get("generation").Int(), failures: v.Get("failures").Int(),
		notBefore: v.Get("notBefore").Int(), me: identity{v.Get("me", "id").Text(), v.Get("me", "name").Text()}, longest: v.Get("longest").Int(),
		connection: v.Get("connection").Text(), sequence: v.Get("sequence").Int(), live: v.Get("live").Bool(),
		cursor: v.Get("cursor").Int(), gap: readGap(v.Get("gap")),
		threads: v.Get("threads").Texts(), nameless: v.Get("nameless").Bool(), asked: v.Get("asked").Texts(),
	}
	for p := range v.Get("held").Items() {
		s.held = append(s.held, parcel{p.Get("event"), p.Get("since").Int()})
	}
	return s, nil
}

// json returns the state as it is stored: what is zero is left out, so that an account at rest is small.
func (s *state) json() wit.JSON {
	var o json.Sparse
	o.AddInt("generation", s.generation)
	o.AddInt("failures", s.failures)
	o.AddInt("notBefore", s.notBefore)
	if s.me.id != "" {
		o.Object = o.Raw("me", json.Object{}.Text("id", s.me.id).Text("name", s.me.name).JSON())
	}
	o.AddInt("longest", s.longest)
	o.AddText("connection", s.connection)
	o.AddInt("sequence", s.sequence)
	o.AddTrue("live", s.live)
	o.AddInt("cursor", s.cursor)
	if s.gap.open {
		o.Object = o.Raw("gap", s.gap.json())
	}
	o.AddTexts("threads", s.threads)
	o.AddTrue("nameless", s.nameless)
	o.AddTexts("asked", s.asked)
	json.AddList(&o, "held", s.held, parcel.json)
	return o.JSON()
}
