package mqtt

import (
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// content is the payload of a packet, and where it goes.
type content struct {
	topic string
	kind  string // its MIME type; "" for plain text
	parts []wit.FramePart
}

// properties says in version 5 what a payload is.
func (c *content) properties() []byte {
	if c.kind == "" || c.kind == jsonType {
		format := property(propertyFormat, []byte{1})
		if c.kind == "" {
			return sized(format)
		}
		return sized(format, property(propertyContentType, words(c.kind)))
	}
	return sized(property(propertyContentType, words(c.kind)))
}

const jsonType = "application/json"

// overhead is what a packet has at most beside its topic and its payload; in JSON, what stands around a text too.
const (
	overhead     = 64
	jsonOverhead = 512
	leastRoom    = 64
)

// contents are the payloads of a send: its text, in as many as the server's packets have room for, and its files.
func (p *publisher) contents(send *wit.ChannelSend) (list []content) {
	text := send.Text
	var files []*wit.Attachment
	for i := range send.Attachments {
		a := &send.Attachments[i]
		if p.publishes(a) {
			files = append(files, a)
			text = joined(text, caption(a))
		} else {
			text = joined(text, fileLine(a))
		}
	}
	if strings.TrimSpace(text) != "" {
		for part := range pieces(text, p.room()) {
			list = append(list, p.text(part, send.ReplyTo))
		}
	}
	for _, a := range files {
		list = append(list, p.file(a))
	}
	return list
}

// room is how many bytes of text a packet has place for.
func (p *publisher) room() int {
	room := p.most - overhead - len(p.topic)
	if p.settings.json {
		room = (room - jsonOverhead) / 2 // quotes and line breaks take two bytes in JSON, and only control characters six
	}
	return max(room, leastRoom)
}

// pieces cuts a text into pieces of at most room bytes, between characters.
func pieces(text string, room int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(text) > room {
			end := room
			for end > 1 && !utf8.RuneStart(text[end]) {
				end--
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end:]
		}
		yield(text)
	}
}

// text is a piece of what is said.
func (p *publisher) text(text string, replyTo *string) content {
	c := content{topic: p.topic}
	if p.settings.json {
		c.kind = jsonType
		o := p.object().Text(p.settings.fields.text, text)
		if replyTo != nil {
			o = o.Text(p.settings.fields.replyTo, outsideID(*replyTo))
		}
		text = string(o.JSON())
	}
	c.parts = []wit.FramePart{{Text: &text}}
	return c
}

// object begins the next payload. Receivers know a repeated one by its id.
func (p *publisher) object() json.Object {
	p.named++
	return json.Object{}.Text(p.settings.fields.id, messageID(p.key, p.named-1))
}

// outsideID is what somebody has called a message, who knows nothing of its topic.
func outsideID(id string) string {
	if _, own, ok := strings.Cut(id, "#"); ok {
		return own
	}
	return id
}

// publishes reports whether there is a way for a file, and room.
func (p *publisher) publishes(a *wit.Attachment) bool {
	most := int64(min(p.most, wit.LimitHTTPFrameBytes) - overhead - jsonOverhead - 2*maxTopic)
	if a.Media == nil || a.Size == nil {
		return false
	}
	return p.fileTopic != "" && *a.Size <= most || p.fileTopic == "" && p.settings.json && *a.Size <= most/4*3
}

// file is one as it is published: as it is on fileTopic, or in base64 in JSON.
func (p *publisher) file(a *wit.Attachment) content {
	kind := "application/octet-stream"
	if a.Mime != nil && *a.Mime != "" {
		kind = *a.Mime
	}
	if p.fileTopic != "" {
		return content{topic: p.fileTopic, kind: kind, parts: []wit.FramePart{{Media: a.Media}}}
	}
	o := p.object().Object("file", func(o json.Object) json.Object {
		return o.Text("name", nameOf(a)).Text("mime", kind).Int("size", *a.Size).Text("data", "")
	})
	text, after := string(o.JSON()), `"}}`
	before := strings.TrimSuffix(text, after)
	return content{topic: p.topic, kind: jsonType, parts: []wit.FramePart{{Text: &before}, {Media: a.Media, Base64: true}, {Text: &after}}}
}

// nameOf is what a file is called.
func nameOf(a *wit.Attachment) string {
	if a.Name != nil && *a.Name != "" {
		return strings.ToValidUTF8((*a.Name)[:min(len(*a.Name), maxName)], "")
	}
	return "a file"
}

func caption(a *wit.Attachment) string {
	if a.Caption == nil {
		return ""
	}
	return *a.Caption
}

// fileLine says where a file is, or that there is one which cannot be published.
func fileLine(a *wit.Attachment) string {
	line := "[" + nameOf(a) + " is not published]"
	if a.Fetch != nil && strings.HasPrefix(a.Fetch.URL, "http") {
		line = a.Fetch.URL
	}
	if text := caption(a); text != "" {
		line += " " + text
	}
	return line
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n" + b
}
