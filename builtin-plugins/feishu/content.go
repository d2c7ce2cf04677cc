package feishu

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/known"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// content takes what a message of a type has ("Contents of received message"). What is neither a text nor a file becomes a line of
// text: a model that is told nothing of it would answer as if nobody had said anything.
func (p *letter) content(kind string) {
	v, err := json.ParseText(p.raw.Get("content").Text())
	if err != nil {
		v = json.Value{}
	}
	switch kind {
	case "text":
		p.line(p.readable(v.Get("text").Text()))
	case "post":
		p.post(v)
	case "image":
		p.file(wit.AttachmentKindImage, v.Get("image_key").Text(), "image", v)
	case "file":
		p.file(wit.AttachmentKindDocument, v.Get("file_key").Text(), "file", v)
	case "audio":
		p.file(wit.AttachmentKindVoice, v.Get("file_key").Text(), "file", v)
	case "media":
		p.file(wit.AttachmentKindVideo, v.Get("file_key").Text(), "file", v)
	case "location":
		p.location(v)
	case "interactive":
		p.card(v)
	default:
		p.other(kind, v)
	}
}

// other says what there is that cannot be read.
func (p *letter) other(kind string, v json.Value) {
	switch kind {
	case "sticker":
		p.line("[a sticker]")
	case "share_chat":
		p.line("[the card of the group " + v.Get("chat_id").Text() + "]")
	case "share_user":
		p.line("[the card of " + v.Get("user_id").Text() + "]")
	case "merge_forward":
		p.line("[forwarded messages, which Feishu does not hand on]")
	case "system":
		p.message.Kind = wit.MessageKindService
		p.line(v.Get("template").Text())
	default:
		p.line("[a message of a kind that cannot be read here: " + texts.Clip(strings.ReplaceAll(kind, "_", " "), known.MaxName) + "]")
	}
}

// file takes what Feishu keeps by a key of the message.
func (p *letter) file(kind wit.AttachmentKind, key, as string, v json.Value) {
	if key == "" || len(key) > maxID {
		return
	}
	a := wit.Attachment{Kind: kind, Name: account.Optional(v.Get("file_name").Text()), Fetch: p.Settings.download(p.raw.Get("message_id").Text(), key, as)}
	if ms := v.Get("duration").Int(); ms > 0 {
		a.Duration = &ms
	}
	if kind == wit.AttachmentKindVoice {
		a.Mime = new("audio/ogg") // Opus, as all recordings are
	}
	if len(p.message.Attachments) < maxFiles {
		p.message.Attachments = append(p.message.Attachments, a)
	}
}

// maxFiles bounds the files of a rich text.
const maxFiles = 50

// post takes a rich text: lines of pieces.
func (p *letter) post(v json.Value) {
	p.line(v.Get("title").Text())
	all := ""
	for row := range v.Get("content").Items() {
		words := ""
		for piece := range row.Items() {
			words += p.piece(piece)
		}
		all += words + "\n"
	}
	p.line(p.readable(all))
}

// piece is what a piece of a rich text says. Those that are files are taken beside it.
func (p *letter) piece(v json.Value) string {
	switch v.Get("tag").Text() {
	case "text", "md":
		return v.Get("text").Text()
	case "a":
		text, url := v.Get("text").Text(), v.Get("href").Text()
		if text == "" || text == url {
			return url
		}
		return "[" + text + "](" + url + ")"
	case "at":
		key := v.Get("user_id").Text()
		if p.people[key] == "" && v.Get("user_name").Text() != "" {
			return "@" + v.Get("user_name").Text()
		}
		return key
	case "emotion":
		return emojiOf(v.Get("emoji_type").Text())
	case "code_block":
		return "```" + strings.ToLower(v.Get("language").Text()) + "\n" + strings.TrimRight(v.Get("text").Text(), "\n") + "\n```"
	case "hr":
		return "---"
	case "img":
		p.file(wit.AttachmentKindImage, v.Get("image_key").Text(), "image", v)
	case "media":
		p.file(wit.AttachmentKindVideo, v.Get("file_key").Text(), "file", v)
	}
	return ""
}

// card takes the words of somebody's card, which is told as a rich text is.
func (p *letter) card(v json.Value) {
	p.line(v.Get("title").Text())
	all := ""
	for row := range v.Get("elements").Items() {
		for piece := range row.Items() {
			all += p.piece(piece)
		}
		all += "\n"
	}
	if p.line(p.readable(all)); p.message.Text == "" {
		p.line("[a card]")
	}
}

// location takes a place: its name, and where it is in degrees.
func (p *letter) location(v json.Value) {
	where := v.Get("latitude").Text() + "," + v.Get("longitude").Text()
	p.message.Attachments = append(p.message.Attachments, wit.Attachment{
		Kind: wit.AttachmentKindLocation, Name: account.Optional(v.Get("name").Text()), Caption: &where,
	})
}
