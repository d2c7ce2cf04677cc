package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong
// to it.
type state struct {
	generation int64       // counts starts; responses to requests of an earlier one are ignored
	offset     int64       // of the next getUpdates: what is below it has been committed
	limit      int64       // of updates in a poll, after a response that was too large; 0 is Telegram's own
	failures   int64       // requests that failed in a row
	retry      requestKind // what the retry timer tries again
	notBefore  int64       // when Telegram may be asked again, in milliseconds since 1970, since it has asked for a pause
	album      string      // an album that ended the last poll, with its size; see album.go
	me         person      // who the bot is, once getMe has said
	menu       string      // what Telegram lists, in short; see menu.go
	pending    *pending
}

// pending is a message that waits for getFile. Telegram has not been told that it arrived.
type pending struct {
	message wit.Message
	files   fileIDs
	tries   int64 // rounds of getFile that failed
	update  int64 // of a webhook's message: the update that Telegram will bring again
	since   int64 // … and since when it waits, in milliseconds since 1970
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
		offset:     v.Get("offset").Int(),
		limit:      v.Get("limit").Int(),
		failures:   v.Get("failures").Int(),
		retry:      requestKind(v.Get("retry").Text()),
		notBefore:  v.Get("notBefore").Int(),
		album:      v.Get("album").Text(),
		menu:       v.Get("menu").Text(),
		me:         readPerson(v.Get("me")),
	}
	if p := v.Get("pending"); p.Exists() {
		s.pending, err = readPending(p)
	}
	return s, err
}

// readPending takes as many files as the message has attachments, whatever the state says: an older version of the
// plugin may have left it.
func readPending(v json.Value) (*pending, error) {
	p := &pending{tries: v.Get("tries").Int(), update: v.Get("update").Int(), since: v.Get("since").Int()}
	if err := wit.Unmarshal(v.Get("message").Raw(), &p.message); err != nil {
		return nil, err
	}
	p.files = make(fileIDs, len(p.message.Attachments))
	i := 0
	for id := range v.Get("files").Items() {
		if i < len(p.files) {
			p.files[i] = id.Text()
		}
		i++
	}
	return p, nil
}

// json returns the state as it is stored: what is zero is left out, so that an account at rest is small.
func (s state) json() wit.JSON {
	o := json.Object{}.Int("generation", s.generation).Int("offset", s.offset)
	if s.limit > 0 {
		o = o.Int("limit", s.limit)
	}
	if s.failures > 0 {
		o = o.Int("failures", s.failures)
	}
	if s.retry != "" {
		o = o.Text("retry", string(s.retry))
	}
	if s.notBefore > 0 {
		o = o.Int("notBefore", s.notBefore)
	}
	if s.album != "" {
		o = o.Text("album", s.album)
	}
	if s.menu != "" {
		o = o.Text("menu", s.menu)
	}
	if s.me.id != "" {
		o = o.Raw("me", json.Object{}.Text("id", s.me.id).Text("first_name", s.me.name).
			Text("username", s.me.username).Bool("is_bot", true).JSON())
	}
	if s.pending != nil {
		o = o.Raw("pending", s.pending.json())
	}
	return o.JSON()
}

// json returns the message as it is stored, files and attachments in the same order.
func (p *pending) json() wit.JSON {
	files := json.Array{}
	for _, id := range p.files {
		files = files.Add(json.Text(id))
	}
	return json.Object{}.Raw("message", wit.Marshal(&p.message)).Raw("files", files.JSON()).
		Int("tries", p.tries).Int("update", p.update).Int("since", p.since).JSON()
}
