package ntfy

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// ownTag is what the account's messages are known by, where it reads the topic that it publishes to. Apps show it as 🤖
// ("Tags & emojis").
const ownTag = "robot"

// maxID bounds an id of the server's, in bytes.
const maxID = 64

// told takes one event of the topics ("JSON message format").
func told(a *answer, frame *wit.Frame) {
	if frame.Text == nil {
		return
	}
	v, err := json.ParseText(*frame.Text)
	if err != nil {
		a.Host.Warn("ntfy: what came is not JSON and is passed over; is server right?")
		return
	}
	time := v.Get("time").Int()
	kind, topic := v.Get("event").Text(), v.Get("topic").Text()
	if kind == "open" {
		subscribed(a, time)
		return
	}
	if !a.Settings.reads(topic) {
		return
	}
	switch kind {
	case "message":
		received(a, v)
	case "message_delete":
		deleted(a, v)
	case "message_clear":
		cleared(a, v)
	default:
		return
	}
	a.State.since = max(a.State.since, time)
}

// received takes a message that somebody has published.
func received(a *answer, v json.Value) {
	id, sequence := v.Get("id").Text(), v.Get("sequence_id").Text()
	if id == "" || max(len(id), len(sequence)) > maxID || isOwn(v) {
		return
	}
	m := message(a, v, id)
	if sequence == "" {
		sequence = id
	}
	switch first := a.State.first(sequence); {
	case first == "":
		a.State.noted(sequence, id)
	case first != id: // else it comes again
		m.Kind, m.Target = wit.MessageKindEdited, &first
	}
	read(a, &m, v)
	a.Message(&m)
}

// message is one of a topic, without what it says. Who writes to a topic is not known: its name is all that there is.
func message(a *answer, v json.Value, id string) wit.Message {
	topic := v.Get("topic").Text()
	return wit.Message{
		ID: id, Kind: wit.MessageKindText, Mentioned: true, Time: v.Get("time").Int() * 1000,
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: topic, Name: &topic},
		Sender:       wit.Person{ID: topic, Name: &topic},
	}
}

// isOwn reports whether the account has published a message.
func isOwn(v json.Value) bool { return tagged(v, ownTag) }

func tagged(v json.Value, tag string) bool {
	for item := range v.Get("tags").Items() {
		if item.Text() == tag {
			return true
		}
	}
	return false
}

// read fills in what a message says: a choice, or its title, its text, its file and what else an app shows of it.
func read(a *answer, m *wit.Message, v json.Value) {
	text := v.Get("message").Text()
	if value, target, ok := chosen(v, text); ok {
		m.Kind, m.Text, m.Target = wit.MessageKindAction, value, account.Optional(target)
		return
	}
	if v.Get("encoding").Text() == "base64" {
		text = "[data that is no text]" // of UnifiedPush
	}
	if file := v.Get("attachment"); file.Exists() {
		if text == receivedFile(file.Get("name").Text()) {
			text = ""
		}
		text = texts.Join("\n", text, attached(a, m, file))
	}
	link := v.Get("click").Text()
	m.Text = texts.Join("\n", v.Get("title").Text(), text, link, facts(v))
}

// receivedFile is what the server writes where a file comes without a text ("Attachments").
func receivedFile(name string) string { return "You received a file: " + name }

// attached takes a file: one that the server has, or one elsewhere, which is named in the text.
func attached(a *answer, m *wit.Message, file json.Value) (text string) {
	url, name, kind := file.Get("url").Text(), file.Get("name").Text(), file.Get("type").Text()
	if !strings.HasPrefix(url, a.Settings.server+"/") {
		return texts.Join(" ", name, url)
	}
	attachment := wit.Attachment{
		Kind: attachment.Kind(kind), Name: account.Optional(name), Mime: account.Optional(kind),
		Fetch: &wit.HTTPRequest{URL: url, Headers: a.Settings.headers(), Timeout: transferTimeout},
	}
	if size := file.Get("size").Int(); size > 0 {
		attachment.Size = &size
	}
	m.Attachments = append(m.Attachments, attachment)
	return ""
}

// facts are a message's tags and its priority in words, where it has them.
func facts(v json.Value) string {
	tags := v.Get("tags").Texts()
	text := ""
	if len(tags) > 0 {
		text = "tags: " + strings.Join(tags, ", ")
	}
	if p := v.Get("priority").Int(); p != 0 && p != 3 {
		text = texts.Join("; ", text, "priority "+strconv.FormatInt(p, 10)+" of 5")
	}
	if text == "" {
		return ""
	}
	return "[" + text + "]"
}

// deleted says that a message was taken back ("Deleting notifications"). What the account has taken back itself is no news.
func deleted(a *answer, v json.Value) {
	id, first := v.Get("id").Text(), a.State.first(v.Get("sequence_id").Text())
	if id == "" || len(id) > maxID || first == "" {
		return
	}
	m := message(a, v, id)
	m.Kind, m.Target = wit.MessageKindDeleted, &first
	a.Message(&m)
}

// cleared says that somebody has read a message of the account's ("Clearing notifications").
func cleared(a *answer, v json.Value) {
	id := v.Get("sequence_id").Text()
	if !isMark(id) {
		return
	}
	topic := v.Get("topic").Text()
	a.Out.Receipts = append(a.Out.Receipts, wit.Receipt{
		Kind: wit.ReceiptKindRead, Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: topic}, ID: &id,
	})
}
