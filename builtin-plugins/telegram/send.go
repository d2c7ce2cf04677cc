package telegram

import (
	"strings"
	"unicode/utf16"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxCaption leaves a margin to Telegram's 1024.
const maxCaption = 1000

// caller makes the calls of one operation on a chat.
type caller struct {
	host     *sdk.Host
	settings settings
	chat     string
}

func newCaller(host *sdk.Host, config wit.JSON, to wit.Conversation) (*caller, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	if to.ID == "" {
		return nil, wit.NewError(wit.CodeInvalid, "the message has no chat to go to")
	}
	return &caller{host, settings, to.ID}, nil
}

// call makes a call to the chat; with files it is sent as multipart. A group that has become a
// supergroup is followed to its new id.
func (c *caller) call(method string, params params) result {
	for range 2 {
		request := c.settings.request(method, method, nil)
		params.fill(&request, c.chat)
		response, err := c.host.HTTP(&request)
		if err != nil {
			return result{failure: wit.AsError(err)}
		}
		r := decode(response)
		if r.ok || r.migratedTo == "" || r.migratedTo == c.chat {
			return r
		}
		c.chat = r.migratedTo
	}
	return result{failure: wit.NewError(wit.CodeNotFound, "the chat has moved twice")}
}

// formatted calls with a text in Telegram's HTML and, if Telegram does not accept that, as it is.
func (c *caller) formatted(method, field, text string, params params) result {
	if !c.settings.plain && text != "" {
		r := c.call(method, params.with(field, toHTML(text)).with("parse_mode", "HTML"))
		if r.ok || r.code != 400 || !r.says("can't parse entities") {
			return r
		}
		c.host.Warn("telegram: a text is sent without formatting: " + r.description)
	}
	if text == "" {
		return c.call(method, params)
	}
	return c.call(method, params.with(field, text))
}

// Send delivers a text, attachments, or both. A short text is the caption of the first attachment, a
// longer one follows the attachments.
func (Telegram) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := newCaller(host, send.Config, send.To)
	if err != nil {
		return nil, err
	}
	parts := partsOf(send)
	if len(parts) == 0 {
		return nil, wit.NewError(wit.CodeInvalid, "the message is empty")
	}
	common, err := c.common(send)
	if err != nil {
		return nil, err
	}
	log := openProgress(host, send.IdempotencyKey, len(parts))
	for _, part := range parts[len(log.ids):] {
		if len(log.ids) > 0 {
			common.reply = "" // only the first part is the answer
		}
		r := part.send(c, common)
		if err := r.err(); err != nil {
			return nil, err
		}
		log.add(c.chat + ":" + r.result.Get("message_id").Text())
	}
	return &wit.Sent{IDs: log.ids}, nil
}

// common are the parameters that all parts have.
func (c *caller) common(send *wit.ChannelSend) (params, error) {
	p := params{silent: send.Silent}
	if t := send.To.Thread; t != nil && *t != "" && *t != "1" { // 1 is the topic General, which has to be left out
		if !digits(*t) {
			return p, wit.NewError(wit.CodeInvalid, "a topic's id is a number, not "+*t)
		}
		p.thread = *t
	}
	if send.ReplyTo != nil {
		chat, id := splitID(*send.ReplyTo)
		if (chat == "" || chat == c.chat) && digits(id) {
			p.reply = id
		}
	}
	return p, nil
}

// part is one message of Telegram's.
type part struct {
	text       string
	attachment *wit.Attachment
}

func partsOf(send *wit.ChannelSend) []part {
	var parts []part
	for i := range send.Attachments {
		p := part{attachment: &send.Attachments[i]}
		if p.attachment.Caption != nil {
			p.text = *p.attachment.Caption
		}
		parts = append(parts, p)
	}
	text := send.Text
	if len(parts) > 0 && parts[0].text == "" && units(text) <= maxCaption {
		parts[0].text, text = text, ""
	}
	if strings.TrimSpace(text) != "" {
		parts = append(parts, part{text: text})
	}
	return parts
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func (p part) send(c *caller, common params) result {
	if p.attachment == nil {
		if c.settings.noPreview {
			common = common.raw("link_preview_options", `{"is_disabled":true}`)
		}
		return c.formatted("sendMessage", "text", p.text, common)
	}
	method, field := methodFor(p.attachment)
	if method == "" {
		return result{failure: wit.NewError(wit.CodeInvalid, "Telegram bots cannot send a "+string(p.attachment.Kind)+" from here")}
	}
	switch a := p.attachment; {
	case a.Media != nil && *a.Media != "":
		common.file = &wit.HTTPPart{Name: field, Media: a.Media, FileName: a.Name, ContentType: a.Mime}
	case a.Fetch != nil && (a.Fetch.Method == "" || a.Fetch.Method == "GET") && len(a.Fetch.Headers) == 0 && !strings.Contains(a.Fetch.URL, "{{"):
		common = common.with(field, a.Fetch.URL) // Telegram fetches it itself
	default:
		return result{failure: wit.NewError(wit.CodeInvalid, "an attachment has no file: put it in the media store first")}
	}
	return c.formatted(method, "caption", p.text, common)
}

func methodFor(a *wit.Attachment) (method, field string) {
	switch a.Kind {
	case wit.AttachmentKindImage:
		if a.Mime != nil && *a.Mime == "image/gif" {
			return "sendAnimation", "animation"
		}
		return "sendPhoto", "photo"
	case wit.AttachmentKindAudio:
		return "sendAudio", "audio"
	case wit.AttachmentKindVoice:
		return "sendVoice", "voice"
	case wit.AttachmentKindVideo:
		return "sendVideo", "video"
	case wit.AttachmentKindDocument, wit.AttachmentKindSticker:
		return "sendDocument", "document"
	}
	return "", ""
}

// progress remembers which parts of a message were sent, for a second attempt at it. A message of one
// part needs none.
type progress struct {
	host *sdk.Host
	key  string
	ids  []string
}

func openProgress(host *sdk.Host, key string, parts int) *progress {
	p := &progress{host: host}
	if parts < 2 || key == "" {
		return p
	}
	p.key = "sent/" + key
	value, ok, err := host.KVGet(p.key)
	if err != nil || !ok {
		return p
	}
	if v, err := json.Parse([]byte(value)); err == nil {
		for id := range v.Items() {
			if len(p.ids) < parts {
				p.ids = append(p.ids, id.Text())
			}
		}
	}
	return p
}

const keepProgress = 24 * 60 * 60 * 1e9

func (p *progress) add(id string) {
	p.ids = append(p.ids, id)
	if p.key == "" {
		return
	}
	list := json.Array{}
	for _, id := range p.ids {
		list = list.Add(json.Text(id))
	}
	if err := p.host.KVPut(p.key, string(list.JSON()), keepProgress); err != nil {
		p.host.Warn("telegram: what was sent cannot be remembered: " + err.Error())
	}
}
