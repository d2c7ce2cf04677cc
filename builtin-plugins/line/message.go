package line

import (
	"strings"
	"unicode/utf16"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// received takes a message ("Message event").
func received(e *event) {
	v := e.body.Get("message")
	id := v.Get("id").Text()
	if id == "" || len(id) > maxID {
		return
	}
	e.answerable()
	e.State.quotes = e.State.quotes.with(key{of: id, token: v.Get("quoteToken").Text()})
	p := letter{event: e, raw: v, message: e.message(wit.MessageKindText, "")}
	p.message.ID = id
	if quoted := v.Get("quotedMessageId").Text(); quoted != "" && len(quoted) <= maxID {
		p.message.ReplyTo = &wit.Quoted{ID: quoted}
	}
	p.content(v.Get("type").Text())
	e.Message(p.message)
}

// letter is a message while it is read.
type letter struct {
	*event
	raw     json.Value
	message *wit.Message
}

// content takes what a message of a type has. What is neither a text nor a file becomes a line of text: a model that is told
// nothing of it would answer as if nobody had said anything.
func (p *letter) content(kind string) {
	switch kind {
	case "text":
		p.text()
	case "image":
		p.file(wit.AttachmentKindImage)
	case "video":
		p.file(wit.AttachmentKindVideo)
	case "audio":
		p.file(wit.AttachmentKindVoice)
	case "file":
		p.file(wit.AttachmentKindDocument)
	case "location":
		p.location()
	case "sticker":
		p.sticker()
	default:
		p.message.Text = "[a message of a kind that cannot be read here: " + texts.Clip(kind, 40) + "]"
	}
}

// text takes a text, and who is mentioned in it. The account's own mention at its beginning is left out, so that a command behind
// it is one.
func (p *letter) text() {
	m := p.message
	m.Text = p.raw.Get("text").Text()
	for mention := range p.raw.Get("mention", "mentionees").Items() {
		self := mention.Get("isSelf").Bool()
		if self || mention.Get("type").Text() == "all" {
			m.Mentioned = true
		}
		if self && mention.Get("index").Int() == 0 {
			m.Text = strings.TrimSpace(after(m.Text, int(mention.Get("length").Int())))
			break // what follows is counted from a beginning that is not there any more
		}
	}
}

// after is a text behind so many UTF-16 units, in which LINE counts.
func after(text string, units int) string {
	n := 0
	for i, r := range text {
		if n >= units {
			return text[i:]
		}
		n += utf16.RuneLen(r)
	}
	return ""
}

// file takes what LINE keeps by the message's id, or what somebody has elsewhere.
func (p *letter) file(kind wit.AttachmentKind) {
	if from := p.raw.Get("contentProvider"); from.Get("type").Text() == "external" {
		p.message.Text = "[" + string(kind) + ": " + from.Get("originalContentUrl").Text() + "]"
		return
	}
	a := wit.Attachment{Kind: kind, Name: account.Optional(p.raw.Get("fileName").Text()), Fetch: p.Settings.download(p.message.ID)}
	if size := p.raw.Get("fileSize").Int(); size > 0 {
		a.Size = &size
	}
	if ms := p.raw.Get("duration").Int(); ms > 0 {
		a.Duration = &ms
	}
	p.message.Attachments = []wit.Attachment{a}
}

// location takes a place: its name, and where it is in degrees.
func (p *letter) location() {
	where := string(p.raw.Get("latitude").Raw()) + "," + string(p.raw.Get("longitude").Raw())
	if address := p.raw.Get("address").Text(); address != "" {
		where = address + " (" + where + ")"
	}
	p.message.Attachments = []wit.Attachment{{Kind: wit.AttachmentKindLocation, Name: account.Optional(p.raw.Get("title").Text()), Caption: &where}}
}

// sticker says what a sticker is about ("Sticker", keywords).
func (p *letter) sticker() {
	about := p.raw.Get("text").Text()
	for word := range p.raw.Get("keywords").Items() {
		if about != "" {
			about += ", "
		}
		about += word.Text()
	}
	p.message.Text = "[a sticker]"
	if about != "" {
		p.message.Text = "[a sticker: " + texts.Clip(about, 300) + "]"
	}
}
