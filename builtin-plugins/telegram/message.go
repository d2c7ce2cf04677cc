package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// person is a user, or a chat that speaks.
type person struct {
	id, name, username string
	bot                bool
}

func readPerson(v json.Value) person {
	var p person
	last := ""
	for key, f := range v.Fields() {
		switch key {
		case "id":
			p.id = f.Text()
		case "first_name", "title":
			p.name = f.Text()
		case "last_name":
			last = f.Text()
		case "username":
			p.username = f.Text()
		case "is_bot":
			p.bot = f.Bool()
		}
	}
	if last != "" {
		p.name += " " + last
	}
	return p
}

func (p person) wit() *wit.Person {
	return &wit.Person{ID: p.id, Name: optional(p.name), Username: optional(p.username), Bot: p.bot}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// post is a message as Telegram sends it: the fields that matter here.
type post struct {
	id, thread   string
	topic        bool
	from, sender json.Value
	chat         json.Value
	date, edited int64
	replyTo      json.Value
	quote        string
	group        string
	text         text
	attachments  []wit.Attachment
	files        []string // file_id by attachment
	service      string   // what happened, when nobody said anything
}

func readPost(v json.Value) post {
	p := post{}
	for key, f := range v.Fields() {
		switch key {
		case "message_id":
			p.id = f.Text()
		case "message_thread_id":
			p.thread = f.Text()
		case "is_topic_message":
			p.topic = f.Bool()
		case "from":
			p.from = f
		case "sender_chat":
			p.sender = f
		case "chat":
			p.chat = f
		case "date":
			p.date = f.Int() * 1000
		case "edit_date":
			p.edited = f.Int() * 1000
		case "reply_to_message":
			p.replyTo = f
		case "quote":
			p.quote = f.Get("text").Text()
		case "media_group_id":
			p.group = f.Text()
		case "text", "caption":
			p.text.raw = f.Text()
		case "entities", "caption_entities":
			p.text.entities = f
		default:
			p.content(key, f)
		}
	}
	if !p.topic {
		p.thread = "" // in an ordinary group it only says which replies belong together
	}
	if len(p.attachments) > 1 && v.Get("animation").Exists() {
		p.dropDocument()
	}
	return p
}

// dropDocument removes the document that Telegram adds to an animation for old programs.
func (p *post) dropDocument() {
	for i := range p.attachments {
		if p.attachments[i].Kind == wit.AttachmentKindDocument {
			p.attachments = append(p.attachments[:i], p.attachments[i+1:]...)
			p.files = append(p.files[:i], p.files[i+1:]...)
			return
		}
	}
}

// content takes what a message consists of beside its text.
func (p *post) content(key string, f json.Value) {
	switch key {
	case "photo":
		best := json.Value{}
		for size := range f.Items() {
			best = size // they come from the smallest to the largest
		}
		p.attach(wit.AttachmentKindImage, best, "image/jpeg")
	case "animation", "video", "video_note":
		p.attach(wit.AttachmentKindVideo, f, "video/mp4")
	case "audio":
		p.attach(wit.AttachmentKindAudio, f, "audio/mpeg")
	case "voice":
		p.attach(wit.AttachmentKindVoice, f, "audio/ogg")
	case "document":
		p.attach(wit.AttachmentKindDocument, f, "")
	case "sticker":
		p.attach(wit.AttachmentKindSticker, f, stickerType(f))
	case "location":
		p.place(wit.AttachmentKindLocation, "", string(f.Get("latitude").Raw())+","+string(f.Get("longitude").Raw()))
	case "venue":
		p.service = f.Get("title").Text() + ", " + f.Get("address").Text()
	case "contact":
		p.place(wit.AttachmentKindContact, readPerson(f).name, f.Get("phone_number").Text())
	case "poll":
		p.service = "[poll] " + f.Get("question").Text()
	case "dice":
		p.service = f.Get("emoji").Text() + " " + f.Get("value").Text()
	case "new_chat_members":
		for member := range f.Items() {
			p.service = joined(p.service, readPerson(member).name+" joined")
		}
	case "left_chat_member":
		p.service = readPerson(f).name + " left"
	case "new_chat_title":
		p.service = "The chat is now called " + f.Text()
	case "pinned_message":
		p.service = "A message was pinned"
	case "migrate_to_chat_id":
		p.service = "This group is now the supergroup " + f.Text()
	}
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

func stickerType(f json.Value) string {
	switch {
	case f.Get("is_video").Bool():
		return "video/webm"
	case f.Get("is_animated").Bool():
		return "application/x-tgsticker"
	}
	return "image/webp"
}

// maxDownload is how large a file a bot may fetch.
const maxDownload = 20 << 20

func (p *post) attach(kind wit.AttachmentKind, f json.Value, mime string) {
	a := wit.Attachment{Kind: kind}
	id := ""
	for key, f := range f.Fields() {
		switch key {
		case "file_id":
			id = f.Text()
		case "mime_type":
			mime = f.Text()
		case "file_name":
			a.Name = optional(f.Text())
		case "file_size":
			a.Size = new(f.Int())
		case "emoji":
			a.Caption = optional(f.Text())
		}
	}
	a.Mime = optional(mime)
	if a.Size != nil && *a.Size > maxDownload {
		id = ""
	}
	p.attachments, p.files = append(p.attachments, a), append(p.files, id)
}

func (p *post) place(kind wit.AttachmentKind, name, caption string) {
	p.attachments = append(p.attachments, wit.Attachment{Kind: kind, Name: optional(name), Caption: optional(caption)})
	p.files = append(p.files, "")
}

// conversation is where a message was said.
func conversation(chat json.Value, thread string) wit.Conversation {
	who := readPerson(chat)
	c := wit.Conversation{Kind: wit.ConversationKindGroup, ID: who.id, Name: optional(who.name), Thread: optional(thread)}
	switch chat.Get("type").Text() {
	case "private":
		c.Kind = wit.ConversationKindDirect
	case "channel":
		c.Kind = wit.ConversationKindChannel
	}
	return c
}

// speaker is who said it: a user, or a group or channel that speaks for itself.
func (p post) speaker() person {
	who := readPerson(p.from)
	if p.sender.Exists() && (who.id == "" || who.bot) {
		return readPerson(p.sender)
	}
	if who.id == "" {
		return readPerson(p.chat)
	}
	return who
}

func messageID(chat json.Value, id string) string { return chat.Get("id").Text() + ":" + id }
