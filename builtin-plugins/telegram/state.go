package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event.
type state struct {
	generation int64  // counts starts; answers to requests of an earlier one are ignored
	offset     int64  // of the next poll
	limit      int64  // of updates in a poll, after an answer that was too large; 0 is Telegram's own
	fails      int64  // in a row
	retry      string // what the retry timer does
	album      string // that ended the last batch, with its size
	me         person
	held       *held
}

// held is a message that waits for getFile. Telegram has not been told that it arrived.
type held struct {
	message wit.Message
	files   []string // by attachment: the file_id that is still to be resolved, or ""
	tries   int64
	update  int64  // of a webhook's message: which update it is
	at      int64  // … and since when it waits
	group   string // of an album; not kept
}

func (h *held) waiting() bool {
	for _, id := range h.files {
		if id != "" {
			return true
		}
	}
	return false
}

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
		fails:      v.Get("fails").Int(),
		retry:      v.Get("retry").Text(),
		album:      v.Get("album").Text(),
		me:         readPerson(v.Get("me")),
	}
	if h := v.Get("held"); h.Exists() {
		s.held = &held{tries: h.Get("tries").Int(), update: h.Get("update").Int(), at: h.Get("at").Int()}
		if err := wit.Unmarshal(h.Get("message").Raw(), &s.held.message); err != nil {
			return s, err
		}
		for file := range h.Get("files").Items() {
			s.held.files = append(s.held.files, file.Text())
		}
		for len(s.held.files) < len(s.held.message.Attachments) {
			s.held.files = append(s.held.files, "")
		}
		s.held.files = s.held.files[:len(s.held.message.Attachments)]
	}
	return s, nil
}

func (s state) json() wit.JSON {
	o := json.Object{}.Int("generation", s.generation).Int("offset", s.offset)
	if s.limit > 0 {
		o = o.Int("limit", s.limit)
	}
	if s.fails > 0 {
		o = o.Int("fails", s.fails)
	}
	if s.retry != "" {
		o = o.Text("retry", s.retry)
	}
	if s.album != "" {
		o = o.Text("album", s.album)
	}
	if s.me.id != "" {
		o = o.Raw("me", json.Object{}.Text("id", s.me.id).Text("first_name", s.me.name).Text("username", s.me.username).Bool("is_bot", true).JSON())
	}
	if s.held != nil {
		o = o.Raw("held", s.held.json())
	}
	return o.JSON()
}

func (h *held) json() wit.JSON {
	files := json.Array{}
	for _, id := range h.files {
		files = files.Add(json.Text(id))
	}
	return json.Object{}.Raw("message", wit.Marshal(&h.message)).Raw("files", files.JSON()).
		Int("tries", h.tries).Int("update", h.update).Int("at", h.at).JSON()
}
