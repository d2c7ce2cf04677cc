package webchat

import (
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what a visitor says.
const (
	maxText = 16_000 // characters
	maxName = 80
	maxID   = 64
)

// called answers a call of the page's script: about, message or typing.
func called(s settings, event *wit.ChannelEvent) *wit.ChannelAnswer {
	call := event.Webhook
	if len(call.Visitor.ID) > maxKey-1-maxID {
		return refuse(400, "this is no visitor")
	}
	body, err := json.ParseText(text(call.Text))
	if err != nil || !body.IsObject() {
		return refuse(400, "send an object of JSON")
	}
	switch call.Path {
	case "/about":
		return reply(200, about(s))
	case "/message":
		return said(call.Visitor, body, event.Now)
	case "/typing":
		return &wit.ChannelAnswer{Receipts: []wit.Receipt{{
			Kind: wit.ReceiptKindTyping, Conversation: conversation(call.Visitor.ID), Sender: person(call.Visitor.ID, body),
		}}}
	}
	return refuse(404, "there is no such call")
}

// about is what the page has to know before anything is said.
func about(s settings) wit.JSON {
	return json.Object{}.Text("title", s.title).Text("greeting", s.greeting).Text("accent", s.accent).Bool("askName", s.askName).Int("maxText", maxText).JSON()
}

// said makes a message of what a visitor has said or chosen. The script gives it an id, and calls again until it is answered; so the id is
// the visitor's own, and what has it already is the same message.
func said(visitor *wit.Visitor, body json.Value, now int64) *wit.ChannelAnswer {
	id, words := body.Get("id").Text(), body.Get("text").Text()
	switch {
	case !isID(id):
		return refuse(400, "a message has an id of 1 to 64 letters, digits and hyphens")
	case utf8.RuneCountInString(words) > maxText:
		return refuse(413, "this message is too long")
	}
	m := wit.Message{
		ID: visitor.ID + ":" + id, Kind: wit.MessageKindText, Conversation: conversation(visitor.ID), Sender: *person(visitor.ID, body),
		Text: words, Attachments: visitor.Files, Mentioned: true, Time: now,
	}
	if action := body.Get("action").Text(); action != "" {
		target := body.Get("target").Text()
		if target == "" || len(action) > maxID || len(target) > maxKey {
			return refuse(400, "an action has a value and the message that it is of")
		}
		m.Kind, m.Text, m.Target, m.Attachments = wit.MessageKindAction, action, &target, nil
		return answer(m)
	}
	if words == "" && len(visitor.Files) == 0 {
		return refuse(400, "there is nothing in this message")
	}
	key := visitorKey + id
	p := push(visitor.ID, &key, message("visitor", words, nil, visitor.Files, nil))
	p.Files = filesOf(visitor.Files)
	return answer(m, p)
}

// answer takes a message in, and shows it in all that the visitor has open.
func answer(m wit.Message, pushes ...wit.Push) *wit.ChannelAnswer {
	a := reply(200, json.Object{}.Text("id", m.ID).JSON())
	a.Messages, a.Pushes = []wit.Message{m}, pushes
	return a
}

func reply(status uint16, body wit.JSON) *wit.ChannelAnswer {
	return &wit.ChannelAnswer{Reply: &wit.WebhookReply{Status: status, Text: new(string(body))}}
}

// refuse tells the script why, in the words that it shows.
func refuse(status uint16, why string) *wit.ChannelAnswer {
	return reply(status, json.Object{}.Object("error", func(o json.Object) json.Object { return o.Text("message", why) }).JSON())
}

func conversation(visitor string) wit.Conversation {
	return wit.Conversation{Kind: wit.ConversationKindDirect, ID: visitor}
}

// person is who a visitor is: an id, and what they say that they are called.
func person(visitor string, body json.Value) *wit.Person {
	p := &wit.Person{ID: visitor}
	if name := texts.Characters(body.Get("name").Text(), maxName); name != "" {
		p.Name = &name
	}
	return p
}

// isID reports whether a text is an id as the script makes them.
func isID(id string) bool {
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return id != "" && len(id) <= maxID
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
