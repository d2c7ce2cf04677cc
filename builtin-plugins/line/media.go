package line

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// LINE has no upload: it is told where a file is, and people's phones fetch it from there. Pictures (JPEG and PNG) and sounds (MP3 and M4A) are
// shown; of everything else the address is sent.

// linkLife is for how long a file of the media store can be fetched.
const linkLife = 30 * 24 * time.Hour

// preview is what makes a small picture of one of the gateway's ("Image message", previewImageUrl: 1 MB at most).
const preview = "&thumb=512"

// files are the messages with the attachments, and what is written to them.
func (c *chat) files(send *wit.ChannelSend, plain bool) []wit.JSON {
	var out []wit.JSON
	for i := range send.Attachments {
		out = append(out, c.file(&send.Attachments[i], plain))
		if caption := send.Attachments[i].Caption; caption != nil && isVisible(*caption) && isFile(&send.Attachments[i]) {
			out = append(out, textMessage(*caption).JSON())
		}
	}
	return out
}

// file is the message with one attachment.
func (c *chat) file(a *wit.Attachment, plain bool) wit.JSON {
	switch a.Kind {
	case wit.AttachmentKindLocation:
		return located(a, plain)
	case wit.AttachmentKindContact:
		return textMessage(texts.Join(": ", "👤 "+attachment.Label(a), caption(a))).JSON()
	}
	url, err := c.address(a)
	if err != nil {
		c.host.Warn("line: a file cannot be sent: " + err.Error())
		return textMessage("[" + attachment.Label(a) + " could not be sent: " + wit.AsError(err).Message + "]").JSON()
	}
	o := json.Object{}.Text("originalContentUrl", url)
	switch mime := mimeOf(a); {
	case plain || !strings.HasPrefix(url, "https://"):
	case mime == "image/jpeg" || mime == "image/png":
		small := url
		if a.Media != nil && *a.Media != "" {
			small += preview
		}
		return o.Text("type", "image").Text("previewImageUrl", small).JSON()
	case (mime == "audio/mpeg" || mime == "audio/mp4" || mime == "audio/x-m4a" || mime == "audio/aac") && a.Duration != nil && *a.Duration > 0:
		return o.Text("type", "audio").Int("duration", *a.Duration).JSON()
	}
	return textMessage(attachment.Label(a) + ": " + url).JSON()
}

// address is where a file can be fetched.
func (c *chat) address(a *wit.Attachment) (string, error) {
	switch {
	case a.Media != nil && *a.Media != "":
		return c.host.MediaLink(*a.Media, linkLife)
	case attachment.Public(a.Fetch):
		return a.Fetch.URL, nil
	}
	return "", attachment.Missing()
}

// isFile reports whether an attachment is a file, and no place or contact.
func isFile(a *wit.Attachment) bool {
	return a.Kind != wit.AttachmentKindLocation && a.Kind != wit.AttachmentKindContact
}

// located is the message with a place, whose degrees stand in its caption: latitude and longitude ("Location message").
func located(a *wit.Attachment, plain bool) wit.JSON {
	latitude, longitude, ok := strings.Cut(caption(a), ",")
	latitude, longitude = strings.TrimSpace(latitude), strings.TrimSpace(longitude)
	if !ok || plain || !isDegrees(latitude) || !isDegrees(longitude) {
		return textMessage(texts.Join(": ", "📍 "+attachment.Label(a), caption(a))).JSON()
	}
	return json.Object{}.Text("type", "location").Text("title", texts.Clip(attachment.Label(a), 90)).Text("address", latitude+", "+longitude).
		Raw("latitude", wit.JSON(latitude)).Raw("longitude", wit.JSON(longitude)).JSON()
}

// isDegrees reports whether s is a number that can stand in JSON as it is.
func isDegrees(s string) bool {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (whole == "0" || whole[0] != '0') && (!point || digits(fraction))
}

func caption(a *wit.Attachment) string {
	if a.Caption == nil {
		return ""
	}
	return *a.Caption
}

func mimeOf(a *wit.Attachment) string {
	if a.Mime == nil {
		return ""
	}
	return strings.ToLower(*a.Mime)
}
