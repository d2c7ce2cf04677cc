package telegram

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

const maxAlbum = 10

// batch takes the updates of a poll: messages up to the first that has files to resolve. What comes
// after that one is not confirmed yet and comes again.
func (t *turn) batch(list json.Value) {
	if t.state.held != nil {
		t.resolve()
		return
	}
	var updates []json.Value
	for u := range list.Items() {
		updates = append(updates, u)
	}
	for i, u := range updates {
		in, ok := t.take(u)
		if !ok {
			continue
		}
		if !t.holds(in) {
			t.out.Messages = append(t.out.Messages, in.message)
			continue
		}
		size := 1
		for in.group != "" && size < maxAlbum && i+size < len(updates) && in.sameAlbum(updates[i+size]) {
			size++
		}
		if in.group != "" && size < maxAlbum && i+size == len(updates) && t.awaitAlbum(in, size) {
			t.state.offset = u.Get("update_id").Int()
			return
		}
		t.state.held = in
		t.gather(updates[i+1 : i+size])
		t.resolve()
		return
	}
	t.poll(pollSeconds)
}

// albumTimer gives the rest of an album time to come. It is longer than the half second within which
// Telegram answers a repeated poll with one update only.
const (
	albumTimer = "album"
	albumDelay = 700
)

// awaitAlbum reports whether an album that ends a batch should be asked for once more, since the rest of
// it may be on its way. It is, until it has not grown.
func (t *turn) awaitAlbum(in *held, size int) bool {
	seen := in.group + ":" + strconv.Itoa(size)
	if t.state.album == seen {
		t.state.album = ""
		return false
	}
	t.state.album = seen
	t.out.Timers = append(t.out.Timers, wit.Timer{ID: albumTimer, After: albumDelay})
	return true
}

// sameAlbum reports whether an update is a further part of the album.
func (h *held) sameAlbum(u json.Value) bool {
	post := u.Get("message")
	if !post.Exists() {
		post = u.Get("channel_post")
	}
	return post.Get("media_group_id").Text() == h.group && post.Get("chat", "id").Text() == h.message.Conversation.ID
}

// gather adds further parts to the held album.
func (t *turn) gather(updates []json.Value) {
	h := t.state.held
	for _, u := range updates {
		more, ok := t.take(u)
		if !ok {
			continue
		}
		h.message.Attachments = append(h.message.Attachments, more.message.Attachments...)
		h.files = append(h.files, more.files...)
		if h.message.Text == "" {
			h.message.Text = more.message.Text
		}
		h.message.Mentioned = h.message.Mentioned || more.message.Mentioned
	}
}

// maxHeld keeps the state, which holds a message that waits, within the 64 KB that it may have.
const maxHeld = 40 << 10

// holds reports whether a message has to wait for its files. One that is larger than any of Telegram's
// goes without them.
func (t *turn) holds(in *held) bool {
	return in.waiting() && len(wit.Marshal(&in.message)) <= maxHeld
}

// take converts one update and counts it as seen.
func (t *turn) take(u json.Value) (*held, bool) {
	id := u.Get("update_id").Int()
	if id != 0 {
		t.state.offset = id + 1
	}
	return t.convert(u, "u"+strconv.FormatInt(id, 10))
}

// resolve asks where the files of the held message are.
func (t *turn) resolve() {
	if t.state.held == nil || !t.state.held.waiting() {
		t.proceed()
		return
	}
	for i, id := range t.state.held.files {
		if id != "" {
			request := t.ask(askFile, "getFile", json.Object{}.Text("file_id", id))
			request.ID += ":" + strconv.Itoa(i)
		}
	}
}

const maxFileTries = 4

// file takes what getFile said.
func (t *turn) file(r result) {
	h, i := t.state.held, fileIndex(t.event.Response.ID)
	if h == nil || i < 0 || i >= len(h.files) || h.files[i] == "" {
		return
	}
	code := wit.CodeOf(r.err())
	if code.Transient() && h.tries < maxFileTries {
		h.tries++
		t.later(askFile, r.retryAfter)
		return
	}
	h.files[i] = ""
	if path := r.result.Get("file_path").Text(); r.ok && path != "" {
		h.message.Attachments[i].Fetch = t.settings.download(path)
	} else {
		t.host.Warn("telegram: a file of message " + h.message.ID + " cannot be had: " + r.description)
	}
	if h.waiting() {
		return
	}
	if h.tries > 0 {
		t.state.fails, t.state.retry = 0, ""
		t.clearTimers()
	}
	t.proceed()
}

// fileIndex reads the last part of file:<generation>:<index>.
func fileIndex(id string) int {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i] == ':' {
			n, err := strconv.Atoi(id[i+1:])
			if err != nil {
				return -1
			}
			return n
		}
	}
	return -1
}

// release delivers the held message.
func (t *turn) release() {
	if t.state.held != nil {
		t.out.Messages = append(t.out.Messages, t.state.held.message)
		t.state.held = nil
	}
}

// heldFor is how long a webhook's message may wait for Telegram to bring it again, in milliseconds.
const heldFor = 5 * 60_000

// webhook takes one update. One with files is turned away at first, since only a message, and not what
// waits to become one, is sure to be on disk when Telegram is told that it arrived; by the time that
// Telegram brings it again, it is known where its files are.
func (t *turn) webhook() {
	w := t.event.Webhook
	if w == nil {
		return
	}
	t.out.Reply = &wit.WebhookReply{Status: 200}
	if w.Text == nil {
		return
	}
	u, err := json.Parse([]byte(*w.Text))
	if err != nil {
		t.host.Warn("telegram: a webhook call was not JSON and is passed over")
		return
	}
	id, h := u.Get("update_id").Int(), t.state.held
	if h != nil && h.update == id && !h.waiting() {
		t.release()
		return
	}
	in, ok := t.take(u)
	switch {
	case !ok:
	case !t.holds(in):
		t.out.Messages = append(t.out.Messages, in.message)
	default:
		t.out.Reply = &wit.WebhookReply{Status: 503, Headers: []wit.Header{{Name: "Retry-After", Value: "1"}}}
		if h == nil || t.event.Now-h.at > heldFor {
			in.update, in.at = id, t.event.Now
			t.state.held = in
			t.resolve()
		}
	}
}
