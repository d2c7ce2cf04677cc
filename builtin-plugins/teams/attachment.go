package teams

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Types of attachments (Send and receive files through a bot).
const (
	typeDownload = "application/vnd.microsoft.teams.file.download.info"
	typeConsent  = "application/vnd.microsoft.teams.card.file.consent"
	typeInfo     = "application/vnd.microsoft.teams.card.file.info"
	typeCard     = "application/vnd.microsoft.card.adaptive"
)

// attachment takes a file of a message. A picture in the text is at the connector, which wants the bot's token; a file is in
// somebody's OneDrive, at an address that needs none and holds for a few minutes. The message's HTML comes as a file too, and is none.
func (a *answer) attachment(m *wit.Message, v json.Value) {
	kind, name := v.Get("contentType").Text(), v.Get("name").Text()
	switch {
	case kind == "text/html" || kind == "text/plain":
	case kind == typeDownload:
		m.Attachments = append(m.Attachments, wit.Attachment{
			Kind: kindOf("", v.Get("content", "fileType").Text()), Name: account.Optional(name),
			Fetch: &wit.HTTPRequest{URL: clean(v.Get("content", "downloadUrl").Text()), Timeout: transferTimeout},
		})
	case strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "video/") || strings.HasPrefix(kind, "audio/"):
		fetch := &wit.HTTPRequest{URL: clean(v.Get("contentUrl").Text()), Timeout: transferTimeout}
		if a.own(fetch.URL) {
			fetch.Headers = authorized()
		}
		file := wit.Attachment{Kind: kindOf(kind, ""), Name: account.Optional(name), Fetch: fetch}
		if kind != "image/*" {
			file.Mime = &kind
		}
		m.Attachments = append(m.Attachments, file)
	default:
		m.Text = texts.Join("\n", m.Text, "["+texts.Join(": ", "an attachment that cannot be read here", name)+"]")
	}
}

// own reports whether an address is at a service that activities came from, which may see the bot's token.
func (a *answer) own(address string) bool {
	for _, service := range append([]string{a.Settings.service}, a.State.services...) {
		if root := origin(service); root != "" && strings.HasPrefix(address, root+"/") {
			return true
		}
	}
	return false
}

// origin is an address up to its path.
func origin(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return ""
	}
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// clean is an address that names no credential.
func clean(address string) string { return strings.ReplaceAll(address, "{", "%7B") }

// kindOf is what a file is, by its media type or the end of its name.
func kindOf(mime, ending string) wit.AttachmentKind {
	family, _, _ := strings.Cut(mime, "/")
	switch strings.ToLower(ending) {
	case "png", "jpg", "jpeg", "gif", "webp", "bmp":
		family = "image"
	case "mp4", "mov", "webm", "avi":
		family = "video"
	case "mp3", "m4a", "wav", "ogg":
		family = "audio"
	}
	return attachment.Kind(family)
}
