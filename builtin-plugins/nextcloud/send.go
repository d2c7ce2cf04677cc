package nextcloud

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/once"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Send delivers a text, attachments, or both: a text is the caption of the first attachment, if it is short. Each part has a
// referenceId, by which a second attempt finds it. Of a message in which there is nothing, nothing is sent, which is no error.
func (Nextcloud) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	t, err := newTalk(host, send.Account, send.Config, send.State)
	if err != nil {
		return nil, err
	}
	if err := t.open(send.To.ID); err != nil {
		return nil, err
	}
	o := outgoing{talk: t, Message: once.Begin(host, send.Account+" "+t.room, send.IdempotencyKey, 0), key: send.IdempotencyKey, silent: send.Silent}
	if send.ReplyTo != nil && isID(*send.ReplyTo) {
		o.replyTo = *send.ReplyTo
	}
	if send.To.Thread != nil && isID(*send.To.Thread) {
		o.thread = *send.To.Thread
	}
	for i, p := range t.partsOf(send) {
		if err := o.part(i, p); err != nil {
			return nil, err
		}
	}
	return &wit.Sent{IDs: o.IDs}, nil
}

// isID reports whether a text is an id of a message: digits.
func isID(s string) bool { return s != "" && len(s) < 20 && strings.Trim(s, "0123456789") == "" }

// talk makes the calls of one operation in a room.
type talk struct {
	host     *sdk.Host
	settings settings
	state    state // as the last event left it
	room     string
}

func newTalk(host *sdk.Host, _ string, config, state wit.JSON) (*talk, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	if lacks := settings.lacks(); lacks != "" {
		return nil, wit.NewError(wit.CodeInvalid, lacks)
	}
	s, err := readState(state)
	if err != nil {
		return nil, err
	}
	return &talk{host: host, settings: settings, state: s}, nil
}

// call makes a request.
func (t *talk) call(method, path string, p params) result {
	r := t.settings.request("call", method, path, p)
	return t.do(&r)
}

func (t *talk) do(request *wit.HTTPRequest) result {
	return decode(reply.Response(t.host.HTTP(request)))
}

// open finds the room of a conversation: a token is one, and with a user there is a direct one, which is made if it is not there yet
// ("Creating a new conversation").
func (t *talk) open(id string) error {
	user, isUser := strings.CutPrefix(id, "users/")
	switch {
	case !isUser && (id == "" || len(id) > maxToken || strings.Contains(id, "/")) || isUser && user == "":
		return wit.NewError(wit.CodeInvalid, texts.Clip(id, 100)+" is no conversation of Talk: give its token, which stands at the end of its link, or users/ and a user's id")
	case !isUser:
		t.room = id
		return nil
	}
	r := t.call("POST", talk4+"/room", params(nil).int("roomType", oneToOne).text("invite", user))
	if err := r.err(); err != nil {
		return err
	}
	if t.room = r.data.Get("token").Text(); t.room == "" {
		return wit.NewError(wit.CodeUnavailable, "Nextcloud: the server has made a conversation and has not said which")
	}
	return nil
}

// chat is the path of a call about the room.
func (t *talk) chat() string { return talk1 + "/chat/" + form.Escape(t.room) }

// piece is what becomes one message: a text, or a file with its caption.
type piece struct {
	text       string
	attachment *wit.Attachment
}

// maxCaption bounds what is written to a file, in bytes: a longer text follows it.
const maxCaption = 1000

// partsOf divides a message: a piece for each attachment, then the text if it is nobody's caption, in several where the server takes
// only shorter ones.
func (t *talk) partsOf(send *wit.ChannelSend) (parts []piece) {
	text := quiet(send.Text)
	for i := range send.Attachments {
		p := piece{attachment: &send.Attachments[i]}
		switch {
		case p.attachment.Caption != nil && p.attachment.Kind != wit.AttachmentKindLocation:
			p.text = quiet(*p.attachment.Caption)
		case i == 0 && len(text) <= maxCaption:
			p.text, text = text, ""
		}
		parts = append(parts, p)
	}
	for strings.TrimSpace(text) != "" {
		first := t.first(text)
		parts = append(parts, piece{text: first})
		text = strings.TrimLeft(text[len(first):], "\n")
	}
	return parts
}

// first is as much of a text as the server takes.
func (t *talk) first(text string) string {
	most := int(t.state.limit)
	if most <= 0 {
		most = 32_000 // "Sending a new chat message"
	}
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	end := 0
	for range most {
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
	}
	if line := strings.LastIndexByte(text[:end], '\n'); line > end/2 {
		end = line
	}
	return text[:end]
}

// quiet is a text that does not notify everybody: what a model has read must not make it do that. A character that nobody sees
// stands behind the @.
func quiet(text string) string {
	const all, quietly = "@all", "@\u2060all"
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, all)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if next, _ := utf8.DecodeRuneInString(rest); unicode.IsLetter(next) || unicode.IsDigit(next) {
			b.WriteString(all)
		} else {
			b.WriteString(quietly)
		}
		text = rest
	}
}

// outgoing is a message while its parts are sent.
type outgoing struct {
	*talk
	*once.Message
	key     string
	replyTo string // of the first part
	thread  string
	silent  bool
}

// reference is a part's referenceId, the same in each attempt: a hash, as the chapter wants it.
func (o *outgoing) reference(i int) string {
	sum := sha256.Sum256([]byte(o.key + "/" + strconv.Itoa(i)))
	return hex.EncodeToString(sum[:])
}

// part sends a part, unless it is there already.
func (o *outgoing) part(i int, p piece) error {
	ref := o.reference(i)
	return o.Part(i, func() (string, error) { return o.find(ref) }, func() (string, bool, error) {
		if p.attachment != nil {
			return o.file(i, p, ref)
		}
		return o.say(i, p.text, ref)
	})
}

// say sends a text ("Sending a new chat message"). What it answers may be no more, or be nothing that can be answered, or its thread may be
// gone: then it stands alone. An answer is in the thread of what it answers.
func (o *outgoing) say(i int, text, ref string) (id string, uncertain bool, err error) {
	p := params(nil).text("message", text).text("referenceId", ref)
	if o.silent {
		p = p.text("silent", "true")
	}
	answers := p
	switch {
	case i == 0 && o.replyTo != "":
		answers = append(params(nil), p...).text("replyTo", o.replyTo)
	case o.thread != "":
		answers = append(params(nil), p...).text("threadId", o.thread)
	}
	r := o.call("POST", o.chat(), answers)
	if r.Status == 400 && len(answers) > len(p) {
		o.host.Warn("nextcloud: a message is sent without what it answers: " + r.message())
		r = o.call("POST", o.chat(), p)
	}
	if err := r.err(); err != nil {
		return "", r.Lost(), err
	}
	if id = r.data.Get("id").Text(); !isID(id) {
		return "", true, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "Nextcloud: the server did not say what it calls the message: its address may lead to another one"}
	}
	return id, false, nil
}

// searched is how many of the last messages are looked at.
const searched = 100

// find looks for a part that may have been sent among the last messages of the room; it is "" where it was not.
func (o *outgoing) find(ref string) (string, error) {
	r := o.call("GET", o.chat(), params(nil).int("lookIntoFuture", 0).int("limit", searched).int("setReadMarker", 0).int("noStatusUpdate", 1))
	if r.Failure == nil && !r.ok && !r.meaning().Code.Transient() && r.meaning().Code != wit.CodeUnauthorized {
		return "", nil // the send tells what is wrong
	}
	if err := r.err(); err != nil {
		return "", err
	}
	return withReference(r.data, ref), nil
}

// withReference is the id of the message with a referenceId, "" for none.
func withReference(list json.Value, ref string) string {
	for m := range list.Items() {
		if m.Get("referenceId").Text() == ref {
			return m.Get("id").Text()
		}
	}
	return ""
}
