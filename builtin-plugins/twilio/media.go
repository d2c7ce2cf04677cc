package twilio

import (
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// linkLife is for how long Twilio, and whoever gets a link in a text, can fetch a file of the media store.
const linkLife = 24 * time.Hour

// unreached is the key under which it is kept that a file could not be sent, since the gateway has no public address.
const unreached = "unreached"

// file is the address of an attachment that goes with the message, when there is room for one, or what is written in its place;
// and what is written to it.
func (c *chat) file(a *wit.Attachment, room int) (url, words string) {
	name, caption := nameOf(a), ""
	if a.Caption != nil {
		caption = *a.Caption
	}
	if a.Kind == wit.AttachmentKindLocation || a.Kind == wit.AttachmentKindContact {
		return "", joined(name, caption)
	}
	switch address, err := c.address(a); {
	case err != nil:
		return "", joined(caption, "["+name+" could not be sent]")
	case room > 0 && (a.Fetch != nil || accepted(a.Mime)):
		return address, caption
	default: // whoever gets it can fetch it
		return "", joined(caption, name+": "+address)
	}
}

// address is where a file can be fetched by its address alone.
func (c *chat) address(a *wit.Attachment) (string, error) {
	switch {
	case a.Media != nil && *a.Media != "":
		url, err := c.host.MediaLink(*a.Media, linkLife)
		c.reached(err)
		return url, err
	case a.Fetch != nil && isPublic(a.Fetch):
		return a.Fetch.URL, nil
	}
	return "", wit.NewError(wit.CodeInvalid, "an attachment has no file")
}

// reached keeps for the account's status whether files can be sent.
func (c *chat) reached(err error) {
	if err == nil {
		_ = c.host.KVDelete(unreached)
		return
	}
	c.host.Warn("twilio: a file cannot be sent: " + err.Error())
	if e := wit.AsError(err); e.Code == wit.CodeForbidden {
		_ = c.host.KVPut(unreached, e.Message, 0)
	}
}

// unsent says what the owner has to do so that files can be sent, when one could not be.
func (a *answer) unsent() string {
	why, ok, err := a.Host.KVGet(unreached)
	if err != nil || !ok {
		return ""
	}
	return "files cannot be sent: " + why
}

// isPublic reports whether Twilio can fetch a file by its URL alone.
func isPublic(fetch *wit.HTTPRequest) bool {
	return (fetch.Method == "" || fetch.Method == "GET") && len(fetch.Headers) == 0 && fetch.Basic == nil && !strings.Contains(fetch.URL, "{{")
}

// accepted reports whether Twilio takes files of a type ("Accepted content types for media").
func accepted(mime *string) bool {
	if mime == nil {
		return false
	}
	kind, _, _ := strings.Cut(*mime, ";")
	switch family, _, _ := strings.Cut(kind, "/"); family {
	case "audio", "video":
		return true
	}
	return slices.Contains([]string{"image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff", "application/pdf", "text/vcard", "text/x-vcard", "text/csv", "text/rtf", "text/calendar"}, kind)
}

// nameOf is what an attachment is called.
func nameOf(a *wit.Attachment) string {
	if a.Name != nil && *a.Name != "" {
		return *a.Name
	}
	return string(a.Kind)
}
