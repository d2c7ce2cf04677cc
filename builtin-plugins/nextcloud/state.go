package nextcloud

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it. It
// may have 64 KB: the rooms are bounded where one is added.
type state struct {
	generation int64       // counts starts; responses to requests of an earlier one are ignored
	begun      bool        // the list of rooms was read once: what was said before is not for the account
	since      int64       // what has happened before is known of all rooms, a Unix time; 0 asks for all of them
	full       int64       // when all of them were asked for last, in milliseconds since 1970
	busy       int64       // when something was said last, in milliseconds since 1970
	page       int64       // how many messages a page brings, after one that was too large; 0 is the plugin's own
	limit      int64       // of a message's length, in characters; 0 is not known
	connected  bool        // the owner was told that messages come
	failures   int64       // requests that failed in a row
	retry      requestKind // what the retry timer tries again
	notBefore  int64       // when the server may be asked again, in milliseconds since 1970, since it has asked for a pause
	me         person      // who the account is
	rooms      rooms
	ended      []ended // polls whose result is asked for
}

// person is a user.
type person struct {
	id, name string
}

// room is a conversation of Talk's ("Conversation management").
type room struct {
	token  string
	name   string
	kind   int64 // as the constants of conversations have it
	last   int64 // the last message that was taken
	newest int64 // the last one that there is, as the list has told
	asked  int64 // its messages are asked for, or waited for
	active int64 // when something was said there last, a Unix time
}

// How a room's messages are asked for.
const (
	notAsked = 0
	fetching = 1
	waiting  = 2
)

// rooms are those that are known, in no order.
type rooms []room

// maxRooms is how much of the state they may take, in bytes; maxToken and maxName bound what the server calls one.
const (
	maxRooms = 40 << 10
	maxToken = 64
	maxName  = 96
)

// find returns a room, nil where nothing is known of it. It is good until the next one is added.
func (r rooms) find(token string) *room {
	if i := slices.IndexFunc(r, func(known room) bool { return known.token == token }); i >= 0 {
		return &r[i]
	}
	return nil
}

// add takes a room, and forgets the one in which nothing was said for longest where there are too many: when something is said
// there, it goes on where the account has read to, as the server keeps it too.
func (r *rooms) add(known room) {
	*r = append(*r, known)
	size := 0
	for _, k := range *r {
		size += len(k.token) + len(k.name) + 96
	}
	if size <= maxRooms {
		return
	}
	oldest := 0
	for i, k := range *r {
		if k.active < (*r)[oldest].active && k.asked == 0 && k.last >= k.newest {
			oldest = i
		}
	}
	*r = slices.Delete(*r, oldest, oldest+1)
}

func (r *rooms) remove(token string) {
	*r = slices.DeleteFunc(*r, func(known room) bool { return known.token == token })
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
		generation: v.Get("generation").Int(),
		begun:      v.Get("begun").Bool(),
		since:      v.Get("since").Int(),
		full:       v.Get("full").Int(),
		busy:       v.Get("busy").Int(),
		page:       v.Get("page").Int(),
		limit:      v.Get("limit").Int(),
		connected:  v.Get("connected").Bool(),
		failures:   v.Get("failures").Int(),
		retry:      requestKind(v.Get("retry").Text()),
		notBefore:  v.Get("notBefore").Int(),
		me:         person{v.Get("me", "id").Text(), v.Get("me", "name").Text()},
	}
	for r := range v.Get("rooms").Items() {
		s.rooms = append(s.rooms, room{
			token: r.Get("token").Text(), name: r.Get("name").Text(), kind: r.Get("kind").Int(), last: r.Get("last").Int(),
			newest: r.Get("newest").Int(), asked: r.Get("asked").Int(), active: r.Get("active").Int(),
		})
	}
	for e := range v.Get("ended").Items() {
		s.ended = append(s.ended, ended{
			e.Get("message").Text(), e.Get("room").Text(), e.Get("poll").Text(), e.Get("question").Text(), e.Get("sender").Text(), e.Get("name").Text(), e.Get("time").Int(),
		})
	}
	return s, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s *state) json() wit.JSON {
	o := json.Sparse{Object: json.Object{}.Int("generation", s.generation)}
	o.AddTrue("begun", s.begun)
	o.AddInt("since", s.since)
	o.AddInt("full", s.full)
	o.AddInt("busy", s.busy)
	o.AddInt("page", s.page)
	o.AddInt("limit", s.limit)
	o.AddTrue("connected", s.connected)
	o.AddInt("failures", s.failures)
	o.AddText("retry", string(s.retry))
	o.AddInt("notBefore", s.notBefore)
	if s.me.id != "" {
		o.Object = o.Raw("me", json.Object{}.Text("id", s.me.id).Text("name", s.me.name).JSON())
	}
	if len(s.rooms) > 0 {
		o.Object = o.Array("rooms", func(list json.Array) json.Array {
			for _, r := range s.rooms {
				list = list.Object(r.fill)
			}
			return list
		})
	}
	json.AddList(&o, "ended", s.ended, func(e ended) wit.JSON {
		return json.Object{}.Text("message", e.message).Text("room", e.room).Text("poll", e.poll).Text("question", e.question).
			Text("sender", e.sender).Text("name", e.display).Int("time", e.time).JSON()
	})
	return o.JSON()
}

func (r room) fill(o json.Object) json.Object {
	s := json.Sparse{Object: o.Text("token", r.token)}
	s.AddText("name", r.name)
	s.AddInt("kind", r.kind)
	s.AddInt("last", r.last)
	s.AddInt("newest", r.newest)
	s.AddInt("asked", r.asked)
	s.AddInt("active", r.active)
	return s.Object
}
