package xmpp

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/channel/scram"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// phase is how far the connection is.
type phase int64

const (
	phaseOff    phase = iota // there is none, or nothing was said on it
	phaseStream              // it is being agreed who speaks, and how
	phaseSync                // the bot is there, and is told what it has missed
	phaseIn
)

// Bounds of what the state keeps, however much a server says.
const (
	maxRooms     = 100
	maxInvited   = 20
	maxOccupants = 200
	maxRecent    = 60
	maxTaken     = 60
	maxSlots     = 8
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it.
type state struct {
	phase    phase
	secured  bool
	loggedIn bool
	scram    scram.Login // that goes on
	offers   offers      // of the stream
	settled  bool        // the session has been shown all that it missed
	jid      string      // with the resource that the server has given
	manage   manage

	heard   int64 // when the server was last heard, in milliseconds since 1970
	asked   bool  // whether it is alive, since then
	count   int64 // messages that got an id by being counted
	session int64 // openings

	archive archive
	upload  upload

	rooms     []place
	invited   []string // rooms that it was invited to and joins
	occupants []occupant
	recent    []recent
	taken     []string // sends that the server has taken, the last ones
}

// offers are what a server says it has (RFC 6120, 4.3.2).
type offers struct{ manage bool }

// manage is a stream that is managed (XEP-0198).
type manage struct {
	id string // to resume it by, "" where that cannot be
	on bool
	in int64 // stanzas that came
}

// archive is the server's, of the account (XEP-0313).
type archive struct {
	has   bool
	last  string // id of the last message that came from there or is there
	since int64  // when the account was first connected, in milliseconds since 1970
}

// upload is where files can be put (XEP-0363).
type upload struct {
	service string
	most    int64 // bytes of a file; 0 is not known
	slots   []slot
}

// slot is a place for a file, which the server has given for a send.
type slot struct {
	token    string
	put, get string
	headers  []wit.Header
}

// place is a room where the bot is, or ought to be.
type place struct {
	jid, nick string
	in        bool
	why       string // it is not in; for the owner, "" while it is only waited
	barred    bool   // and that somebody has to change something first
	at        int64  // when to try again
	tries     int64  // of nicks
	last      int64  // when something was said there last
	asked     int64  // when it was asked whether the bot is there
}

// occupant is somebody in a room whose account the room tells.
type occupant struct{ room, nick, jid string }

// recent is a message that was said in a room a short time ago: its sender's id for it, and the room's.
type recent struct{ room, nick, id, by string }

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
		phase: phase(v.Get("phase").Int()), secured: v.Get("secured").Bool(), loggedIn: v.Get("loggedIn").Bool(), scram: scram.Read(v.Get("scram")), offers: offers{v.Get("offersManage").Bool()},
		jid: v.Get("jid").Text(), settled: v.Get("settled").Bool(), manage: manage{v.Get("manage").Text(), v.Get("managed").Bool(), v.Get("in").Int()},
		heard: v.Get("heard").Int(), asked: v.Get("asked").Bool(), count: v.Get("count").Int(), session: v.Get("session").Int(),
		archive: archive{v.Get("archive").Bool(), v.Get("archiveLast").Text(), v.Get("archiveSince").Int()},
		upload:  upload{service: v.Get("upload").Text(), most: v.Get("uploadMost").Int()},
		invited: v.Get("invited").Texts(), taken: v.Get("taken").Texts(),
	}
	for p := range v.Get("rooms").Items() {
		s.rooms = append(s.rooms, place{p.Get("jid").Text(), p.Get("nick").Text(), p.Get("in").Bool(), p.Get("why").Text(), p.Get("barred").Bool(), p.Get("at").Int(), p.Get("tries").Int(), p.Get("last").Int(), p.Get("asked").Int()})
	}
	for o := range v.Get("occupants").Items() {
		s.occupants = append(s.occupants, occupant{o.Get("room").Text(), o.Get("nick").Text(), o.Get("jid").Text()})
	}
	for r := range v.Get("recent").Items() {
		s.recent = append(s.recent, recent{r.Get("room").Text(), r.Get("nick").Text(), r.Get("id").Text(), r.Get("by").Text()})
	}
	for item := range v.Get("slots").Items() {
		p := slot{token: item.Get("token").Text(), put: item.Get("put").Text(), get: item.Get("get").Text()}
		for name, value := range item.Get("headers").Fields() {
			p.headers = append(p.headers, wit.Header{Name: name, Value: value.Text()})
		}
		s.upload.slots = append(s.upload.slots, p)
	}
	return s, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s *state) json() wit.JSON {
	var o json.Sparse
	o.AddInt("phase", int64(s.phase))
	o.AddTrue("secured", s.secured)
	o.AddTrue("loggedIn", s.loggedIn)
	if login := s.scram.JSON(); login != nil {
		o.Object = o.Raw("scram", login)
	}
	o.AddTrue("offersManage", s.offers.manage)
	o.AddText("jid", s.jid)
	o.AddTrue("settled", s.settled)
	o.AddText("manage", s.manage.id)
	o.AddTrue("managed", s.manage.on)
	o.AddInt("in", s.manage.in)
	o.AddInt("heard", s.heard)
	o.AddTrue("asked", s.asked)
	o.AddInt("count", s.count)
	o.AddInt("session", s.session)
	o.AddTrue("archive", s.archive.has)
	o.AddText("archiveLast", s.archive.last)
	o.AddInt("archiveSince", s.archive.since)
	o.AddText("upload", s.upload.service)
	o.AddInt("uploadMost", s.upload.most)
	o.AddTexts("invited", s.invited)
	o.AddTexts("taken", s.taken)
	json.AddList(&o, "rooms", s.rooms, func(p place) wit.JSON {
		var o json.Sparse
		o.AddText("jid", p.jid)
		o.AddText("nick", p.nick)
		o.AddTrue("in", p.in)
		o.AddText("why", p.why)
		o.AddTrue("barred", p.barred)
		o.AddInt("at", p.at)
		o.AddInt("tries", p.tries)
		o.AddInt("last", p.last)
		o.AddInt("asked", p.asked)
		return o.JSON()
	})
	json.AddList(&o, "occupants", s.occupants, func(p occupant) wit.JSON {
		return json.Object{}.Text("room", p.room).Text("nick", p.nick).Text("jid", p.jid).JSON()
	})
	json.AddList(&o, "recent", s.recent, func(r recent) wit.JSON {
		return json.Object{}.Text("room", r.room).Text("nick", r.nick).Text("id", r.id).Text("by", r.by).JSON()
	})
	json.AddList(&o, "slots", s.upload.slots, func(p slot) wit.JSON {
		headers := json.Object{}
		for _, h := range p.headers {
			headers = headers.Text(h.Name, h.Value)
		}
		return json.Object{}.Text("token", p.token).Text("put", p.put).Text("get", p.get).Raw("headers", headers.JSON()).JSON()
	})
	return o.JSON()
}

// isTaken reports whether the server is known to have taken a send.
func (s *state) isTaken(token string) bool { return slices.Contains(s.taken, token) }

// place finds a room, nil where it is none of the bot's.
func (s *state) place(jid string) *place {
	for i := range s.rooms {
		if s.rooms[i].jid == jid {
			return &s.rooms[i]
		}
	}
	return nil
}
