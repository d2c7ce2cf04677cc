package irc

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/channel/scram"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// phase is how far the connection is.
type phase int64

const (
	phaseOff         phase = iota // there is none, or nothing was said on it
	phaseRegistering              // the server has not let the bot in yet
	phaseIn
)

// Bounds of what the state keeps, however much a server says.
const (
	maxRooms   = 200
	maxRefused = 50
	maxBatches = 20
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it.
type state struct {
	phase     phase
	nick      string // that the bot has, or has asked for
	tries     int64  // of nicks, since the connection was opened
	nickTries int64  // to get the wanted one back
	host      string // user@host as others see it; "" until it is known

	caps      []string    // that the server has acknowledged
	offered   []string    // of those that are wanted
	logins    []string    // SASL's mechanisms that the server has; none where it does not say
	scram     scram.Login // that goes on
	said      string      // the pieces so far of what the server says in it
	roomTypes string
	asciiCase bool

	heard   int64 // when the server was last heard, in milliseconds since 1970
	asked   bool  // whether it is alive, since then
	ctcpAt  int64 // when the next question of a client's is answered again
	seen    int64 // up to when, by the server's time, all messages have come
	newest  int64 // … and the last one
	count   int64 // messages that got an id by being counted
	session int64 // openings

	rooms   []string  // that the bot is in, folded
	invited []string  // rooms that it was invited to and joins
	missing []missing // rooms that it could not join, or was put out of
	bare    []string  // rooms that take no codes, folded
	refused []refusal // of sends that are being confirmed
	batches []batch   // that are open

	catching []string  // conversations whose history is being asked for
	waiting  []waiting // what was said there meanwhile
}

// missing is a room that the bot is not in, though it ought to be.
type missing struct {
	room string // folded
	why  string // for the owner; "" while it is only waited
	at   int64  // when to try again
}

// refusal is what the server has said about something sent to a target.
type refusal struct {
	target  string // folded
	numeric string
	text    string
}

// batch is one that the server has begun (batch).
type batch struct {
	ref, kind, label string
	room             string // of a history
	lines, last      int64  // how many there were, and the time of the last
}

func (s *state) has(capability string) bool { return slices.Contains(s.caps, capability) }

// labels reports whether the server says back, with its label, what was sent.
func (s *state) labels() bool {
	return s.has("labeled-response") && s.has("echo-message") && s.has("batch") && s.has("message-tags")
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
		phase: phase(v.Get("phase").Int()), nick: v.Get("nick").Text(), tries: v.Get("tries").Int(), host: v.Get("host").Text(),
		caps: v.Get("caps").Texts(), offered: v.Get("offered").Texts(),
		logins: v.Get("logins").Texts(), scram: scram.Read(v.Get("scram")), said: v.Get("said").Text(), roomTypes: v.Get("roomTypes").Text(), asciiCase: v.Get("asciiCase").Bool(),
		heard: v.Get("heard").Int(), asked: v.Get("asked").Bool(), ctcpAt: v.Get("ctcpAt").Int(), seen: v.Get("seen").Int(), newest: v.Get("newest").Int(),
		count: v.Get("count").Int(), session: v.Get("session").Int(), rooms: v.Get("rooms").Texts(), invited: v.Get("invited").Texts(),
		bare: v.Get("bare").Texts(), catching: v.Get("catching").Texts(), nickTries: v.Get("nickTries").Int(),
	}
	for m := range v.Get("missing").Items() {
		s.missing = append(s.missing, missing{m.Get("room").Text(), m.Get("why").Text(), m.Get("at").Int()})
	}
	for r := range v.Get("refused").Items() {
		s.refused = append(s.refused, refusal{r.Get("target").Text(), r.Get("numeric").Text(), r.Get("text").Text()})
	}
	for b := range v.Get("batches").Items() {
		s.batches = append(s.batches, batch{b.Get("ref").Text(), b.Get("kind").Text(), b.Get("label").Text(), b.Get("room").Text(), b.Get("lines").Int(), b.Get("last").Int()})
	}
	for m := range v.Get("waiting").Items() {
		var w waiting
		if err := wit.Unmarshal(m.Raw(), &w.message); err != nil {
			return s, err
		}
		s.waiting = append(s.waiting, w)
	}
	return s, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s *state) json() wit.JSON {
	o := json.Sparse{Object: json.Object{}.Int("session", s.session)}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"phase", int64(s.phase)}, {"tries", s.tries}, {"heard", s.heard}, {"ctcpAt", s.ctcpAt}, {"seen", s.seen}, {"newest", s.newest}, {"count", s.count}, {"nickTries", s.nickTries},
	} {
		o.AddInt(f.name, f.value)
	}
	for _, f := range []struct{ name, value string }{{"nick", s.nick}, {"host", s.host}, {"roomTypes", s.roomTypes}, {"said", s.said}} {
		o.AddText(f.name, f.value)
	}
	o.AddTrue("asciiCase", s.asciiCase)
	o.AddTrue("asked", s.asked)
	if login := s.scram.JSON(); login != nil {
		o.Object = o.Raw("scram", login)
	}
	o.AddTexts("logins", s.logins)
	o.AddTexts("caps", s.caps)
	o.AddTexts("offered", s.offered)
	o.AddTexts("rooms", s.rooms)
	o.AddTexts("invited", s.invited)
	o.AddTexts("catching", s.catching)
	json.AddList(&o, "waiting", s.waiting, func(w waiting) wit.JSON { return wit.Marshal(&w.message) })
	o.AddTexts("bare", s.bare)
	json.AddList(&o, "missing", s.missing, func(m missing) wit.JSON {
		return json.Object{}.Text("room", m.room).Text("why", m.why).Int("at", m.at).JSON()
	})
	json.AddList(&o, "refused", s.refused, func(r refusal) wit.JSON {
		return json.Object{}.Text("target", r.target).Text("numeric", r.numeric).Text("text", r.text).JSON()
	})
	json.AddList(&o, "batches", s.batches, func(b batch) wit.JSON {
		return json.Object{}.Text("ref", b.ref).Text("kind", b.kind).Text("label", b.label).Text("room", b.room).Int("lines", b.lines).Int("last", b.last).JSON()
	})
	return o.JSON()
}

// bounded appends to a list of which only the last ones are kept.
func bounded[T any](items []T, item T, most int) []T {
	items = append(items, item)
	return items[max(len(items)-most, 0):]
}
