package slack

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it.
type state struct {
	generation int64       // counts starts; responses to requests of an earlier one are ignored
	failures   int64       // requests or connections in a row that came to nothing
	retry      requestKind // what the retry timer tries again
	notBefore  int64       // when Slack may be asked again, in milliseconds since 1970, since it has asked for a pause
	me         identity    // who the app's bot is, once auth.test has said

	socket  string // the connection that has said hello, "" for none
	opening string // the one that is to take its place
	since   int64  // when socket said hello, in milliseconds since 1970
	asking  bool   // apps.connections.open is under way

	threads  []string // "<channel>:<ts>" of threads that the bot is part of, the last one last
	nameless bool     // the app may not ask for names
	asked    []string // ids whose names are being asked for
	held     []parcel // envelopes that wait for names
}

// identity is who the bot is in its workspace.
type identity struct{ user, bot, name, team string }

// parcel is what Slack has brought and what is to be done about it: an envelope of Socket Mode, or a call of the webhook,
// which has no id.
type parcel struct {
	connection, envelope, kind string
	payload                    json.Value
	answers                    bool  // the acknowledgement may carry an answer
	since                      int64 // when it came, in milliseconds since 1970
}

// maxThreads keeps the state small. A thread that is not among the last ones needs the bot's name again.
const maxThreads = 100

// joined notes that the bot is part of a thread.
func (s *state) joined(thread string) {
	if i := slices.Index(s.threads, thread); i >= 0 {
		if len(s.threads)-i <= maxThreads/2 {
			return // which is not changed for what is known well enough
		}
		s.threads = slices.Delete(s.threads, i, i+1)
	}
	s.threads = append(s.threads, thread)
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
	me := v.Get("me")
	s := state{
		generation: v.Get("generation").Int(), failures: v.Get("failures").Int(), retry: requestKind(v.Get("retry").Text()),
		notBefore: v.Get("notBefore").Int(),
		me:        identity{me.Get("user").Text(), me.Get("bot").Text(), me.Get("name").Text(), me.Get("team").Text()},
		socket:    v.Get("socket").Text(), opening: v.Get("opening").Text(), since: v.Get("since").Int(), asking: v.Get("asking").Bool(),
		threads: v.Get("threads").Texts(), nameless: v.Get("nameless").Bool(), asked: v.Get("asked").Texts(),
	}
	for p := range v.Get("held").Items() {
		s.held = append(s.held, parcel{p.Get("connection").Text(), p.Get("envelope").Text(), p.Get("kind").Text(),
			p.Get("payload"), p.Get("answers").Bool(), p.Get("since").Int()})
	}
	return s, nil
}

// json returns the state as it is stored: what is zero is left out, so that an account at rest is small.
func (s state) json() wit.JSON {
	o := json.Sparse{Object: json.Object{}.Int("generation", s.generation)}
	o.AddInt("failures", s.failures)
	o.AddText("retry", string(s.retry))
	o.AddInt("notBefore", s.notBefore)
	if s.me.user != "" {
		o.Object = o.Raw("me", json.Object{}.Text("user", s.me.user).Text("bot", s.me.bot).Text("name", s.me.name).Text("team", s.me.team).JSON())
	}
	o.AddText("socket", s.socket)
	o.AddText("opening", s.opening)
	o.AddInt("since", s.since)
	o.AddTrue("asking", s.asking)
	o.AddTexts("threads", s.threads)
	o.AddTrue("nameless", s.nameless)
	o.AddTexts("asked", s.asked)
	json.AddList(&o, "held", s.held, parcel.json)
	return o.JSON()
}

func (p parcel) json() wit.JSON {
	o := json.Sparse{Object: json.Object{}.Text("connection", p.connection).Text("envelope", p.envelope).Text("kind", p.kind).Raw("payload", p.payload.Raw())}
	o.AddTrue("answers", p.answers)
	return o.Int("since", p.since).JSON()
}
