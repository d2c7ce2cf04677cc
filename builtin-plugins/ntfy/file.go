package ntfy

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// publishFile publishes a part that is a file, a place or a contact. If the server does not take a file, what was written to it is published
// alone, with a line that says what is missing; a file to which nothing was written fails.
func (c *chat) publishFile(mark string, p part) (id string, r result) {
	a := p.attachment
	switch {
	case a.Kind == wit.AttachmentKindLocation || a.Kind == wit.AttachmentKindContact:
		return c.post(mark, texts.Join("\n", p.plain, described(a)), "")
	case a.Media != nil && *a.Media != "":
		id, r = c.put(mark, p)
	case attachment.Public(a.Fetch):
		id, r = c.post(mark, p.plain, "&attach="+form.Escape(a.Fetch.URL)+"&filename="+form.Escape(attachment.Label(a)))
	default:
		r.Failure = attachment.Missing()
	}
	if !r.refused() || !isVisible(p.plain) {
		return id, r
	}
	c.host.Warn("ntfy: a file was refused: " + r.message())
	return c.post(mark, p.plain+"\n\n["+attachment.Label(a)+" could not be sent]", "")
}

// put publishes a file of the media store, with its text in the address ("Attach local file").
func (c *chat) put(mark string, p part) (id string, r result) {
	more, text := "&filename="+form.Escape(attachment.Label(p.attachment)), p.plain
	if p.text != "" {
		more, text = more+"&markdown=1", p.text
	}
	if isVisible(text) {
		more += "&message=" + form.Escape(text)
	}
	return published(c.do(&wit.HTTPRequest{
		ID: "publish", Method: "PUT", URL: c.address(mark, c.settings.title, c.settings.priority, more), Media: p.attachment.Media, Timeout: transferTimeout,
	}))
}

// described is a place or a contact in words.
func described(a *wit.Attachment) string {
	if a.Kind == wit.AttachmentKindLocation {
		return "📍 " + attachment.Label(a)
	}
	return attachment.Label(a)
}
