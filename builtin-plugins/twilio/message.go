package twilio

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/wit"
)

// received takes a message that somebody has sent. optOut is what Twilio has understood of it ("OptOutType").
func (a *answer) received(p pending, files []wit.Attachment, optOut string) {
	if p.from == "" || len(p.from) > 64 {
		return
	}
	m := wit.Message{
		ID: p.id, Kind: wit.MessageKindText, Text: p.text, Attachments: files, Mentioned: true, Time: p.time,
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: p.from}, Sender: wit.Person{ID: p.from},
	}
	if note := subscription(p.text, optOut); note != "" && len(files) == 0 {
		m.Kind, m.Text = wit.MessageKindService, note
	}
	a.Message(&m)
}

// subscription is a message in words by which somebody has unsubscribed or subscribed again: Twilio has answered it, and
// lets nothing through to who has unsubscribed ("Twilio support for opt-out keywords").
func subscription(text, optOut string) string {
	if optOut == "" {
		switch strings.ToUpper(strings.TrimSpace(text)) {
		case "STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT":
			optOut = "STOP"
		case "START", "UNSTOP":
			optOut = "START"
		}
	}
	switch optOut {
	case "STOP":
		return "[has unsubscribed with " + strings.TrimSpace(text) + ": Twilio lets nothing through until they write START]"
	case "START":
		return "[has subscribed again]"
	}
	return ""
}

// file is one that somebody has sent, which Twilio keeps.
func (a *answer) file(url, mime string) wit.Attachment {
	return wit.Attachment{
		Kind: kindOf(mime), Mime: account.Optional(mime),
		Fetch: &wit.HTTPRequest{URL: url, Basic: a.Settings.login(), Timeout: transferTimeout},
	}
}

// kindOf is what a media type is for people.
func kindOf(mime string) wit.AttachmentKind {
	if mime == "text/vcard" || mime == "text/x-vcard" {
		return wit.AttachmentKindContact
	}
	return attachment.Kind(mime)
}
