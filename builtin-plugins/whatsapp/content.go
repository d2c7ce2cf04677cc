package whatsapp

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// content takes what a message of a type has. What is neither a text nor a file becomes a line of text: a model that is told
// nothing of it would answer as if nobody had said anything.
func (p *post) content(kind string, v json.Value) {
	m := &p.message
	switch kind {
	case "text":
		p.line(v.Get("body").Text())
	case "image", "video", "audio", "document", "sticker":
		p.file(kind, v)
	case "location":
		p.location(v)
	case "contacts":
		for contact := range v.Items() {
			p.contact(contact)
		}
	case "reaction":
		m.Kind, m.Text, m.Target = wit.MessageKindReaction, v.Get("emoji").Text(), account.Optional(v.Get("message_id").Text())
	case "button": // below a template
		p.line(v.Get("text").Text())
	case "interactive":
		p.interactive(v)
	case "order":
		p.order(v)
	case "edit":
		m.Kind, m.Target = wit.MessageKindEdited, account.Optional(v.Get("original_message_id").Text())
		changed := v.Get("message")
		inner := changed.Get("type").Text()
		p.line(changed.Get(inner, "body").Text())
		p.line(changed.Get(inner, "caption").Text())
	case "revoke":
		m.Kind, m.Target = wit.MessageKindDeleted, account.Optional(v.Get("original_message_id").Text())
	case "request_welcome":
		m.Kind, m.Text = wit.MessageKindService, "[opened the chat]"
	default:
		p.unknown(kind)
	}
}

// unknown says that there is something which cannot be read: of a kind that is newer than this plugin, or that WhatsApp
// does not hand on (Unsupported messages).
func (p *post) unknown(kind string) {
	if kind == "unsupported" {
		why := p.raw.Get("unsupported", "type").Text()
		for e := range p.raw.Get("errors").Items() {
			if why == "" {
				why = texts.Join(": ", e.Get("title").Text(), e.Get("error_data", "details").Text())
			}
		}
		p.line("[a message that WhatsApp does not hand on" + before(": ", readable(why)) + "]")
		return
	}
	p.line("[a message of a kind that cannot be read here" + before(": ", readable(kind)) + "]")
}

// before is a text behind a separator, or nothing.
func before(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

// interactive takes what somebody chose of a message with buttons or a list, or filled in (Interactive messages).
func (p *post) interactive(v json.Value) {
	kind := v.Get("type").Text()
	chosen := v.Get(kind)
	switch id := chosen.Get("id").Text(); {
	case id != "" && p.message.ReplyTo != nil:
		p.message.Kind, p.message.Text, p.message.Target = wit.MessageKindAction, id, &p.message.ReplyTo.ID
		p.message.ReplyTo = nil
	case id != "":
		p.line(chosen.Get("title").Text())
	case kind == "nfm_reply":
		p.line(texts.Join("\n", "[form "+chosen.Get("name").Text()+"]", chosen.Get("body").Text(), chosen.Get("response_json").Text()))
	default:
		p.unknown(kind)
	}
}

// order takes what somebody has put into a cart (Order messages).
func (p *post) order(v json.Value) {
	p.line(v.Get("text").Text())
	lines := "[order of the catalog " + v.Get("catalog_id").Text() + "]"
	for item := range v.Get("product_items").Items() {
		lines += "\n- " + item.Get("quantity").Text() + " x " + item.Get("product_retailer_id").Text() +
			" at " + item.Get("item_price").Text() + " " + item.Get("currency").Text()
	}
	p.line(lines)
}

// file takes what WhatsApp keeps by an id. A voice note is a sound that was recorded in the chat (Audio messages, voice).
func (p *post) file(kind string, v json.Value) {
	a := wit.Attachment{Kind: kinds[kind], Mime: account.Optional(mime(v.Get("mime_type").Text())), Name: account.Optional(v.Get("filename").Text())}
	if kind == "audio" && v.Get("voice").Bool() {
		a.Kind = wit.AttachmentKindVoice
	}
	if id := v.Get("id").Text(); id != "" {
		a.Fetch, a.Excerpt = p.answer.Settings.download(id)
	}
	p.message.Attachments = append(p.message.Attachments, a)
	p.line(v.Get("caption").Text())
}

// kinds are what WhatsApp's types of files are.
var kinds = map[string]wit.AttachmentKind{
	"image": wit.AttachmentKindImage, "video": wit.AttachmentKindVideo, "audio": wit.AttachmentKindAudio,
	"document": wit.AttachmentKindDocument, "sticker": wit.AttachmentKindSticker,
}

// mime is a media type without its parameters: sounds have codecs there.
func mime(kind string) string {
	kind, _, _ = strings.Cut(kind, ";")
	return strings.TrimSpace(kind)
}

// location takes a place (Location messages): its name, and where it is in degrees, latitude and longitude.
func (p *post) location(v json.Value) {
	where := string(v.Get("latitude").Raw()) + "," + string(v.Get("longitude").Raw())
	if address := v.Get("address").Text(); address != "" {
		where = address + " (" + where + ")"
	}
	p.message.Attachments = append(p.message.Attachments, wit.Attachment{
		Kind: wit.AttachmentKindLocation, Name: account.Optional(v.Get("name").Text()), Caption: &where,
	})
}

// contact takes a card (Contacts messages): a name, and how somebody is reached.
func (p *post) contact(v json.Value) {
	how := ""
	for phone := range v.Get("phones").Items() {
		how = texts.Join(", ", how, phone.Get("phone").Text())
	}
	for mail := range v.Get("emails").Items() {
		how = texts.Join(", ", how, mail.Get("email").Text())
	}
	how = texts.Join(", ", how, v.Get("org", "company").Text())
	p.message.Attachments = append(p.message.Attachments, wit.Attachment{
		Kind: wit.AttachmentKindContact, Name: account.Optional(v.Get("name", "formatted_name").Text()), Caption: account.Optional(how),
	})
}
