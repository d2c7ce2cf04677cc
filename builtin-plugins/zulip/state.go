package zulip

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it. It
// may have 64 KB: each list is bounded where something is added to it.
type state struct {
	generation int64       // counts starts; responses to requests of an earlier one are ignored
	queue      string      // the event queue; "" before there is one
	lost       int64       // queues that the server has thrown away since one was polled
	last       int64       // the last event of the queue that was handled
	begun      bool        // first and seen are known
	first      int64       // the newest message when the account was connected for the first time: what is before it is not for it
	seen       int64       // the newest message that was seen
	missing    bool        // what was said since seen is to be fetched
	paged      bool        // the first page of it was
	page       int64       // how many messages a page brings, after one that was too large; 0 is the plugin's own
	limit      int64       // of a message's length, in characters; 0 is not known
	emoji      string      // where the server's list of emoji is
	connected  bool        // the owner was told that messages come
	failures   int64       // requests that failed in a row
	retry      requestKind // what the retry timer tries again
	notBefore  int64       // when the server may be asked again, in milliseconds since 1970, since it has asked for a pause
	me         person      // who the account is
	recent     recent
	own        owns
	lookups    lookups
}

// person is somebody on Zulip.
type person struct {
	id, name string
}

// readState reads what an earlier answer left, or nothing at an account's first start. Fields that another version
// knows are passed over, and those that it did not know are zero.
func readState(data wit.JSON) (state, error) {
	if len(data) == 0 {
		return state{last: -1}, nil
	}
	v, err := json.Parse(data)
	if err != nil {
		return state{}, err
	}
	return state{
		generation: v.Get("generation").Int(),
		queue:      v.Get("queue").Text(),
		lost:       v.Get("lost").Int(),
		last:       v.Get("last").Int(),
		begun:      v.Get("begun").Bool(),
		first:      v.Get("first").Int(),
		seen:       v.Get("seen").Int(),
		missing:    v.Get("missing").Bool(),
		paged:      v.Get("paged").Bool(),
		page:       v.Get("page").Int(),
		limit:      v.Get("limit").Int(),
		emoji:      v.Get("emoji").Text(),
		connected:  v.Get("connected").Bool(),
		failures:   v.Get("failures").Int(),
		retry:      requestKind(v.Get("retry").Text()),
		notBefore:  v.Get("notBefore").Int(),
		me:         person{v.Get("me", "id").Text(), v.Get("me", "name").Text()},
		recent:     readRecent(v.Get("recent")),
		own:        readOwns(v.Get("own")),
		lookups:    readLookups(v.Get("lookups")),
	}, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s *state) json() wit.JSON {
	o := json.Sparse{Object: json.Object{}.Int("generation", s.generation)}
	o.AddText("queue", s.queue)
	o.AddInt("lost", s.lost)
	o.AddInt("last", s.last)
	o.AddTrue("begun", s.begun)
	o.AddInt("first", s.first)
	o.AddInt("seen", s.seen)
	o.AddTrue("missing", s.missing)
	o.AddTrue("paged", s.paged)
	o.AddInt("page", s.page)
	o.AddInt("limit", s.limit)
	o.AddText("emoji", s.emoji)
	o.AddTrue("connected", s.connected)
	o.AddInt("failures", s.failures)
	o.AddText("retry", string(s.retry))
	o.AddInt("notBefore", s.notBefore)
	if s.me.id != "" {
		o.Object = o.Raw("me", json.Object{}.Text("id", s.me.id).Text("name", s.me.name).JSON())
	}
	if len(s.recent) > 0 {
		o.Object = o.Array("recent", s.recent.fill)
	}
	if len(s.own) > 0 {
		o.Object = o.Array("own", s.own.fill)
	}
	if len(s.lookups) > 0 {
		o.Object = o.Array("lookups", s.lookups.fill)
	}
	return o.JSON()
}
