package zulip

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/once"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// outgoing is a message while its parts are sent. The server does not know a send that comes again, so a second attempt looks for
// what the first may have sent: among the account's own messages there that came behind what was there before. What was said in
// a conversation is sent in order, so a message that came behind and has the same text is this one.
type outgoing struct {
	*talk
	*once.Message
	to  target
	key string
}

// maxLocal bounds a local_id that is remembered, in bytes.
const maxLocal = 128

func (t *talk) begin(to target, key string) *outgoing {
	return &outgoing{talk: t, Message: once.Begin(t.host, t.account+" "+to.name(), key, t.state.seen), to: to, key: texts.Clip(key, maxLocal-8)}
}

// part sends a part, unless it is there already.
func (o *outgoing) part(i int, content string) error {
	local := o.key + "." + strconv.Itoa(i)
	return o.Part(i, func() (string, error) { return o.search(local, content) }, func() (string, bool, error) { return o.post(local, content) })
}

// post sends a part ("Send a message").
func (o *outgoing) post(local, content string) (id string, uncertain bool, err error) {
	p := o.to.fill(nil).text("content", content).text("read_by_sender", "true")
	if o.state.queue != "" { // the event of the message tells it too
		p = p.text("queue_id", o.state.queue).text("local_id", local)
	}
	r := o.call("POST", "/messages", p)
	if err := r.err(); err != nil {
		return "", r.Lost(), err
	}
	if id = r.Value.Get("id").Text(); !isID(id) {
		return "", true, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "Zulip: the server did not say what it calls the message: its address may lead to another one"}
	}
	return id, false, nil
}

// searched is how many of the account's own messages are looked at.
const searched = 50

// search looks for a part that may have been sent: by its local_id among those that the queue has told, then by its text. It is ""
// where it was not.
func (o *outgoing) search(local, content string) (string, error) {
	if id := o.state.own.find(local); id > 0 {
		return strconv.FormatInt(id, 10), nil
	}
	if o.state.me.id == "" {
		return "", &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "Zulip: the bot is not connected yet"}
	}
	r := o.call("GET", "/messages", params(nil).text("anchor", "newest").int("num_before", searched).int("num_after", 0).
		text("apply_markdown", "false").json("narrow", o.to.narrow(o.state.me.id)))
	if r.refused() && !r.Large {
		return "", nil // the channel is not there any more, say: the send tells what is wrong
	}
	if err := r.err(); err != nil {
		return "", err
	}
	for m := range r.Value.Get("messages").Items() {
		id := m.Get("id")
		if id.Int() > o.Since && m.Get("sender_id").Text() == o.state.me.id && kept(m.Get("content").Text()) == kept(content) {
			return id.Text(), nil
		}
	}
	return "", nil
}

// kept is what the server keeps of a text: no empty lines before it and no space behind.
func kept(s string) string { return strings.TrimRight(strings.TrimLeft(s, "\n"), " \t\r\n") }
