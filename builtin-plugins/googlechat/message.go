package googlechat

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// message takes what somebody has said, nil where there is nothing.
func message(v json.Value, s settings) *wit.Message {
	m := v.Get("message")
	sender := m.Get("sender")
	if !sender.Exists() {
		sender = v.Get("user")
	}
	out := &wit.Message{
		ID: m.Get("name").Text(), Kind: wit.MessageKindText, Conversation: conversation(v), Sender: person(sender), Time: moment(m.Get("createTime").Text()),
	}
	if out.ID == "" || out.Sender.ID == "" || out.Sender.Bot {
		return nil
	}
	out.Text, out.Mentioned = said(m)
	out.Mentioned = out.Mentioned || out.Conversation.Kind == wit.ConversationKindDirect
	if quoted := m.Get("quotedMessageMetadata", "name").Text(); quoted != "" && len(quoted) <= maxID {
		out.ReplyTo = &wit.Quoted{ID: quoted, Text: account.Optional(m.Get("quotedMessageMetadata", "quotedMessageSnapshot", "text").Text())}
	}
	for file := range m.Get("attachment").Items() {
		attach(out, file, s)
	}
	return out
}

// said is the text of a message, without the app's name where it is called by it. A command keeps its name, as people write it
// (Message, "annotations").
func said(m json.Value) (text string, called bool) {
	text = m.Get("text").Text()
	if argument := m.Get("argumentText"); argument.Exists() && !m.Get("slashCommand").Exists() {
		text = argument.Text()
	}
	called = m.Get("slashCommand").Exists()
	for a := range m.Get("annotations").Items() {
		called = called || a.Get("type").Text() == "USER_MENTION" && a.Get("userMention", "user", "type").Text() == "BOT"
	}
	return strings.TrimSpace(text), called
}

// attach takes a file of a message (Attachment). What was uploaded is fetched by the API; a file of Drive is shared with people,
// not with the app, so the text says where it is.
func attach(m *wit.Message, file json.Value, s settings) {
	name, kind := file.Get("contentName").Text(), file.Get("contentType").Text()
	resource := file.Get("attachmentDataRef", "resourceName").Text()
	if resource == "" || len(resource) > 4*maxID {
		where := ""
		if id := file.Get("driveDataRef", "driveFileId").Text(); id != "" {
			where = "https://drive.google.com/open?id=" + id
		}
		m.Text = texts.Join("\n", m.Text, "["+texts.Join(": ", "a file that cannot be read here", name, where)+"]")
		return
	}
	m.Attachments = append(m.Attachments, wit.Attachment{
		Kind: attachment.Kind(kind), Mime: account.Optional(kind), Name: account.Optional(name),
		Fetch: &wit.HTTPRequest{URL: s.api + "v1/media/" + form.Path(resource) + "?alt=media", Headers: authorized(), Timeout: transferTimeout},
	})
}
