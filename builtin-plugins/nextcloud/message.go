package nextcloud

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// messageOf makes a message of one of Talk's, nil of what is none for the account ("Receive chat messages of a conversation"). What the
// account itself has done is known.
func (a *answer) messageOf(r *room, m json.Value) *wit.Message {
	sender := personOf(m)
	if sender.ID == "users/"+a.State.me.id || sender.ID == "" {
		return nil
	}
	out := &wit.Message{
		ID: m.Get("id").Text(), Kind: wit.MessageKindText, Conversation: r.conversation(), Sender: sender, Time: m.Get("timestamp").Int() * 1000,
	}
	out.Conversation.Thread = threadOf(m)
	if kind := m.Get("systemMessage").Text(); kind != "" {
		return a.happened(out, kind, m)
	}
	switch m.Get("messageType").Text() {
	case "comment_deleted", "command", "system":
		return nil
	}
	a.said(out, m)
	if parent := m.Get("parent"); parent.Get("id").Int() > 0 {
		out.ReplyTo = quoted(parent)
		out.Mentioned = out.Mentioned || personOf(parent).ID == "users/"+a.State.me.id
	}
	if out.Text == "" && len(out.Attachments) == 0 {
		return nil
	}
	return out
}

// threadOf is the thread that a message is in, since Talk 22. Each message has a threadId, that of what its chain of answers began with;
// only of a thread that somebody has made one it is said that it isThread ("Receive chat messages of a conversation").
func threadOf(m json.Value) *string {
	if id := m.Get("threadId").Text(); m.Get("isThread").Bool() && isID(id) && id != "0" {
		return &id
	}
	return nil
}

// personOf is who has said something. Users, guests and bots have ids of their own ("Constants", attendee types).
func personOf(m json.Value) wit.Person {
	kind, id := m.Get("actorType").Text(), m.Get("actorId").Text()
	if kind == "" {
		return wit.Person{}
	}
	p := wit.Person{ID: texts.Clip(kind+"/"+id, 1024), Name: account.Optional(m.Get("actorDisplayName").Text()), Bot: kind == "bots" || kind == "bridged"}
	if kind == "users" {
		p.Username = account.Optional(id)
	}
	return p
}

// happened makes a message of what the server itself tells ("Chat management", system messages), nil of what nobody needs to know.
func (a *answer) happened(out *wit.Message, kind string, m json.Value) *wit.Message {
	parent := m.Get("parent")
	target := parent.Get("id").Text()
	switch kind {
	case "message_edited":
		out.Kind = wit.MessageKindEdited
		a.said(out, parent)
	case "message_deleted":
		out.Kind = wit.MessageKindDeleted
	case "reaction":
		out.Kind, out.Text = wit.MessageKindReaction, m.Get("message").Text()
	case "reaction_revoked": // whose emoji is not told
		out.Kind, out.Text = wit.MessageKindReaction, ""
	case "user_added", "user_removed", "group_added", "conversation_renamed", "call_started", "call_missed":
		out.Kind = wit.MessageKindService
		out.Text, _ = shown(m)
		return out
	case "poll_closed":
		a.pollEnded(out, m)
		return nil
	default:
		return nil
	}
	if target == "" || out.Text == "" && kind != "message_deleted" && kind != "reaction_revoked" {
		return nil
	}
	out.Target = &target
	return out
}

// said fills in what somebody has said.
func (a *answer) said(out *wit.Message, m json.Value) {
	var files []json.Value
	out.Text, files = shown(m)
	for _, f := range files {
		out.Attachments = append(out.Attachments, a.attachment(f, m.Get("messageType").Text()))
	}
	for _, p := range m.Get("messageParameters").Fields() {
		if p.Get("type").Text() == "user" && p.Get("id").Text() == a.State.me.id {
			out.Mentioned = true
		}
	}
}

// maxFiles bounds the files of one message.
const maxFiles = 20

// shown is a text as people see it, and what is shown beside it: placeholders in braces stand for people, files and places
// ("Rich object strings", developer manual).
func shown(m json.Value) (text string, files []json.Value) {
	text = m.Get("message").Text()
	parameters := m.Get("messageParameters")
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return strings.TrimSpace(b.String()), files
		}
		name, after, closed := strings.Cut(rest, "}")
		p := json.Value{}
		if closed {
			p = parameters.Get(name)
		}
		if !p.Exists() {
			b.WriteByte('{')
			text = rest
			continue
		}
		text = after
		switch p.Get("type").Text() {
		case "file", "geo-location":
			if len(files) < maxFiles {
				files = append(files, p)
			}
		case "user", "guest", "email", "federated_user", "call", "user-group", "circle":
			if strings.HasPrefix(name, "mention-") {
				b.WriteByte('@')
			}
			b.WriteString(p.Get("name").Text())
		case talkPoll:
			b.WriteString("[poll] " + p.Get("name").Text())
		default:
			b.WriteString(p.Get("name").Text())
		}
	}
}

// maxQuoted is how much of a message that is answered is told, in bytes.
const maxQuoted = 1000

// quoted is the message that another one answers.
func quoted(parent json.Value) *wit.Quoted {
	q := &wit.Quoted{ID: parent.Get("id").Text()}
	text, files := shown(parent)
	for _, f := range files {
		text = strings.TrimSpace(text + " [" + f.Get("name").Text() + "]")
	}
	q.Text = account.Optional(texts.Clip(text, maxQuoted))
	if p := personOf(parent); p.ID != "" {
		q.Sender = &p
	}
	return q
}

// attachment is a file that was shared, which is among the account's own files too, or a place.
func (a *answer) attachment(f json.Value, messageType string) wit.Attachment {
	if f.Get("type").Text() == "geo-location" {
		return wit.Attachment{
			Kind: wit.AttachmentKindLocation, Name: account.Optional(f.Get("name").Text()), Caption: new(f.Get("latitude").Text() + "," + f.Get("longitude").Text()),
		}
	}
	mime := f.Get("mimetype").Text()
	out := wit.Attachment{Kind: attachment.Kind(mime), Name: account.Optional(texts.Clip(f.Get("name").Text(), 255)), Mime: account.Optional(mime)}
	if messageType == "voice-message" {
		out.Kind = wit.AttachmentKindVoice
	}
	if size := f.Get("size"); size.Exists() {
		out.Size = new(size.Int())
	}
	out.Width, out.Height = attachment.Pixels(f.Get("width")), attachment.Pixels(f.Get("height"))
	if path := f.Get("path").Text(); path != "" {
		r := a.Settings.request("file", "GET", dav+form.Escape(a.State.me.id)+escapePath(path), nil)
		r.Headers, r.Timeout = nil, transferTimeout
		out.Fetch = &r
	}
	return out
}
