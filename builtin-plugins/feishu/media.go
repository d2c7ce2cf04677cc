package feishu

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Feishu shows pictures, recordings in Opus and videos in MP4, and takes everything else as a file.

// shape is how a file is sent.
type shape struct {
	message string // the type of the message
	file    string // the type of the upload; "" for a picture
}

// formsFor returns the forms in which a file is tried, in this order ("Upload file", file_type).
func formsFor(a *wit.Attachment) []shape {
	mime, document := mimeOf(a), shape{"file", documentType(a)}
	switch {
	case a.Kind == wit.AttachmentKindImage || a.Kind == wit.AttachmentKindSticker:
		return []shape{{"image", ""}, document}
	case (a.Kind == wit.AttachmentKindVoice || a.Kind == wit.AttachmentKindAudio) && (strings.Contains(mime, "ogg") || strings.Contains(mime, "opus")):
		return []shape{{"audio", "opus"}, document}
	case a.Kind == wit.AttachmentKindVideo && strings.Contains(mime, "mp4"):
		return []shape{{"media", "mp4"}, document}
	}
	return []shape{document}
}

func mimeOf(a *wit.Attachment) string {
	if a.Mime == nil {
		return ""
	}
	return strings.ToLower(*a.Mime)
}

// documentType is the type of a document, by its name.
func documentType(a *wit.Attachment) string {
	name := strings.ToLower(attachment.Label(a))
	for _, kind := range []string{"pdf", "doc", "xls", "ppt"} {
		if strings.HasSuffix(name, "."+kind) || strings.HasSuffix(name, "."+kind+"x") && kind != "pdf" {
			return kind
		}
	}
	return "stream"
}

// sendFile uploads a file and sends it, in the first form that Feishu takes. If it takes none, a line says what is missing.
func (c *chat) sendFile(a *wit.Attachment, uuid string) (id string, r result) {
	if a.Media == nil || *a.Media == "" {
		return "", result{Reply: reply.Failed(attachment.Missing())}
	}
	for i, f := range formsFor(a) {
		var content wit.JSON
		if content, r = c.uploaded(f, a); r.ok() {
			id, r = c.post(f.message, content, uuid+string(rune('a'+i)))
		}
		if !r.refused() {
			return id, r
		}
		c.host.Warn("feishu: a file was refused as " + f.message + ": " + r.message())
	}
	text := "[" + attachment.Label(a) + " could not be sent]"
	return c.sendText(part{text: escaped(text), plain: text}, uuid)
}

// uploaded puts a file where messages find it, and returns the content of a message with it.
func (c *chat) uploaded(f shape, a *wit.Attachment) (wit.JSON, result) {
	if f.file == "" {
		r := c.do(c.settings.upload("/im/v1/images", wit.HTTPPart{Name: "image_type", Text: new("message")},
			wit.HTTPPart{Name: "image", Media: a.Media, FileName: new(attachment.Label(a)), ContentType: a.Mime}))
		return json.Object{}.Text("image_key", r.Value.Get("data", "image_key").Text()).JSON(), r
	}
	parts := []wit.HTTPPart{{Name: "file_type", Text: &f.file}, {Name: "file_name", Text: new(attachment.Label(a))}}
	if a.Duration != nil && f.file != "stream" {
		parts = append(parts, wit.HTTPPart{Name: "duration", Text: new(strconv.FormatInt(*a.Duration, 10))})
	}
	r := c.do(c.settings.upload("/im/v1/files", append(parts, wit.HTTPPart{Name: "file", Media: a.Media, FileName: new(attachment.Label(a)), ContentType: a.Mime})...))
	return json.Object{}.Text("file_key", r.Value.Get("data", "file_key").Text()).JSON(), r
}

// wordsOf is what stands for an attachment that is no file of the media store: a place, a contact, or an address on the web.
func wordsOf(a *wit.Attachment) string {
	caption := ""
	if a.Caption != nil {
		caption = *a.Caption
	}
	switch {
	case a.Kind == wit.AttachmentKindLocation:
		return texts.Join(": ", "📍 "+attachment.Label(a), caption)
	case a.Kind == wit.AttachmentKindContact:
		return texts.Join(": ", "👤 "+attachment.Label(a), caption)
	case (a.Media == nil || *a.Media == "") && attachment.Public(a.Fetch):
		return texts.Join("\n", caption, a.Fetch.URL)
	}
	return ""
}

// escaped is a text in which nothing is a mark of Markdown.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\`*_~[]<>|#", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
