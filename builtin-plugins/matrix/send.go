package matrix

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Send delivers a text, attachments, or both: a text is the caption of the first attachment, where that shows one, and
// follows the attachments elsewhere. A repeated send makes the same requests with the same transaction ids, of which
// the server makes the same events. To a room that was upgraded nothing is sent: the kernel learns where it is now, and
// sends again. Of a message in which there is nothing, nothing is sent, which is no error.
func (Matrix) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	t, err := newTalk(host, send.Config, send.State)
	if err != nil {
		return nil, err
	}
	if known := t.state.rooms.find(send.To.ID); known != nil && known.next != "" {
		to := send.To
		to.ID = known.next
		return &wit.Sent{Moved: &to}, nil
	}
	if err := t.open(send.To.ID); err != nil {
		return nil, err
	}
	out := outgoing{talk: t, kind: "m.room.message", key: send.IdempotencyKey, notice: send.Silent || t.settings.notices, relation: relationOf(send)}
	for _, part := range partsOf(send) {
		if err := out.part(part); err != nil {
			return nil, err
		}
	}
	return &wit.Sent{IDs: out.ids}, nil
}

// talk makes the calls of one operation in a room.
type talk struct {
	host     *sdk.Host
	settings settings
	state    state // as the last event left it
	room     string
}

func newTalk(host *sdk.Host, config, state wit.JSON) (*talk, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	if settings.root == "" {
		return nil, wit.NewError(wit.CodeInvalid, "homeserver is not set: give the address of the bot's server with `carapace setup matrix`")
	}
	s, err := readState(state)
	if err != nil {
		return nil, err
	}
	return &talk{host: host, settings: settings, state: s}, nil
}

// call makes a request with a JSON body, nil for none.
func (t *talk) call(method, path string, body json.Object) result {
	request := t.settings.request(path, method, path)
	if body != nil {
		request.JSON = body.JSON()
	}
	return t.do(&request)
}

// do makes a request.
func (t *talk) do(request *wit.HTTPRequest) result {
	request.ID = "call"
	return decode(reply.Response(t.host.HTTP(request)))
}

// put sends an event; the server makes one event of all requests with the same transaction id ("Sending events to a
// room").
func (t *talk) put(kind, txn string, content json.Object) result {
	return t.call("PUT", roomPath(t.room, "send", kind, txn), content)
}

// words is a text and its form in HTML, which may be missing.
type words struct {
	text, html string
}

func (w words) isEmpty() bool { return strings.TrimSpace(w.text) == "" }

// piece is what becomes one event: a text, or a file with its caption.
type piece struct {
	words
	attachment *wit.Attachment
}

// partsOf divides a message: a piece for each attachment, then the text if it is nobody's caption.
func partsOf(send *wit.ChannelSend) []piece {
	var parts []piece
	said := words{text: send.Text, html: texts.Of(send.Formatted)}
	for i := range send.Attachments {
		p := piece{attachment: &send.Attachments[i]}
		switch {
		case p.attachment.Caption != nil && p.attachment.Kind != wit.AttachmentKindLocation:
			p.words = words{text: *p.attachment.Caption}
		case i == 0 && showsCaption(p.attachment.Kind):
			p.words, said = said, words{}
		}
		parts = append(parts, p)
	}
	if !said.isEmpty() {
		parts = append(parts, piece{words: said})
	}
	return parts
}

// showsCaption reports whether programs show what was written to such a file.
func showsCaption(kind wit.AttachmentKind) bool {
	return kind == wit.AttachmentKindImage || kind == wit.AttachmentKindVideo || kind == wit.AttachmentKindDocument
}

// outgoing is a message while its pieces are sent.
type outgoing struct {
	*talk
	kind     string // of its events
	key      string
	notice   bool
	relation relation
	ids      []string
	events   int // that were asked for
}

// txn is the next event's transaction id, the same in each attempt at the same message.
func (o *outgoing) txn() string {
	o.events++
	if o.events == 1 {
		return o.key
	}
	return o.key + "." + strconv.Itoa(o.events)
}

// part sends one piece.
func (o *outgoing) part(p piece) error {
	if p.attachment == nil {
		return o.say(p.words)
	}
	if at := address(p.attachment); at != "" {
		return o.say(words{text: strings.TrimSpace(p.text + "\n\n" + at)})
	}
	content, err := o.file(p)
	if err == nil {
		err = o.event(func() json.Object { return content })
	}
	if code := wit.CodeOf(err); err == nil || code.Transient() || code == wit.CodeUnauthorized || code == wit.CodeForbidden || p.isEmpty() {
		return err
	}
	// What was written is not lost with its file.
	o.host.Warn("matrix: a file is left out: " + err.Error())
	note := "\n\n[" + attachment.Label(p.attachment) + " could not be sent]"
	return o.say(words{text: p.text + note})
}

// say sends a text: as HTML, or without where the server does not take that; in halves where it is still too large for
// an event ("Size limits").
func (o *outgoing) say(w words) error {
	if w.isEmpty() {
		return nil
	}
	err := o.event(func() json.Object { return o.textContent(w) })
	code := wit.CodeOf(err)
	if w.html != "" && (code == wit.CodeTooLarge || code == wit.CodeInvalid) {
		o.host.Warn("matrix: a text is sent without formatting: " + err.Error())
		w.html = ""
		err = o.event(func() json.Object { return o.textContent(w) })
		code = wit.CodeOf(err)
	}
	if code != wit.CodeTooLarge || len(w.text) < 2000 {
		return err
	}
	first := texts.Clip(w.text, len(w.text)/2)
	if err := o.say(words{text: first}); err != nil {
		return err
	}
	return o.say(words{text: w.text[len(first):]})
}

// textContent is a text as an event has it ("m.text", "m.notice").
func (o *outgoing) textContent(w words) json.Object {
	kind := "m.text"
	if o.notice {
		kind = "m.notice"
	}
	return said(json.Object{}.Text("msgtype", kind), w)
}

// said adds the words of an event, and whom they mention: without that, programs look for names in them.
func said(o json.Object, w words) json.Object {
	o = o.Text("body", w.text)
	if w.html != "" {
		o = o.Text("format", "org.matrix.custom.html").Text("formatted_body", w.html)
	}
	return o.Object("m.mentions", func(o json.Object) json.Object {
		users := mentioned(w.text)
		if len(users) == 0 {
			return o
		}
		return o.Array("user_ids", func(list json.Array) json.Array {
			for _, user := range users {
				list = list.Add(json.Text(user))
			}
			return list
		})
	})
}

// event sends an event of a message; the first one is what answers. What it relates to may be no more, or no thread may
// begin there: then it stands alone. The content is made anew for each attempt.
func (o *outgoing) event(content func() json.Object) error {
	txn := o.txn()
	r := o.put(o.kind, txn, o.relation.fill(content()))
	if r.errcode != "" && (r.meaning().Code == wit.CodeInvalid || r.is("M_NOT_FOUND")) && o.relation != (relation{}) {
		o.host.Warn("matrix: a message is sent without what it relates to: " + r.message())
		if r = o.put(o.kind, txn, content()); r.ok {
			o.relation = relation{}
		}
	}
	id, err := r.Value.Get("event_id").Text(), r.err()
	if err == nil && id == "" {
		// It may have been sent: the same transaction id makes one event of it.
		err = &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "Matrix: the server did not say what it calls the message: its address may lead to another one"}
	}
	if err != nil {
		o.events--
		return err
	}
	o.ids = append(o.ids, id)
	o.relation.replyTo = "" // only the first one is the answer
	return nil
}

// relationOf is what a message is an answer to, and in which thread.
func relationOf(send *wit.ChannelSend) relation {
	var r relation
	if send.To.Thread != nil {
		r.thread = *send.To.Thread
	}
	if send.ReplyTo != nil {
		r.replyTo = *send.ReplyTo
	}
	return r
}

// fill adds the relation to an event's content ("Threading", "Rich replies").
func (r relation) fill(o json.Object) json.Object {
	if r.thread == "" && r.replyTo == "" {
		return o
	}
	return o.Object("m.relates_to", func(o json.Object) json.Object {
		answered := r.replyTo
		if r.thread != "" {
			o = flag(o.Text("rel_type", "m.thread").Text("event_id", r.thread), "is_falling_back", r.replyTo == "")
			if answered == "" {
				answered = r.thread
			}
		}
		return o.Object("m.in_reply_to", func(o json.Object) json.Object { return o.Text("event_id", answered) })
	})
}

// maxMentioned bounds whom one message mentions.
const maxMentioned = 20

// mentioned are the user ids in a text.
func mentioned(text string) []string {
	var users []string
	for _, word := range strings.Fields(text) {
		word = strings.Trim(word, "()[]<>*_~`\"',;.!?")
		local, server, found := strings.Cut(word, ":")
		if found && len(local) > 1 && local[0] == '@' && server != "" && len(word) <= maxID && len(users) < maxMentioned {
			users = append(users, word)
		}
	}
	return users
}
