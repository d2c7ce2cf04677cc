// Package attachment tells what every channel asks of a file that comes or that it is to send.
package attachment

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Kind is what a file of a media type is: a picture, a recording, a film, or else a document.
func Kind(mime string) wit.AttachmentKind {
	switch family, _, _ := strings.Cut(mime, "/"); family {
	case "image":
		return wit.AttachmentKindImage
	case "audio":
		return wit.AttachmentKindAudio
	case "video":
		return wit.AttachmentKindVideo
	}
	return wit.AttachmentKindDocument
}

// Label is how an attachment is called for people: by its name, or its kind.
func Label(a *wit.Attachment) string {
	if a.Name != nil && *a.Name != "" {
		return *a.Name
	}
	return string(a.Kind)
}

// Public reports whether anybody can fetch a file by its URL alone, so that a platform can be given the URL, or people. Nil is none.
func Public(fetch *wit.HTTPRequest) bool {
	return fetch != nil && (fetch.Method == "" || fetch.Method == "GET") && len(fetch.Headers) == 0 && fetch.Basic == nil && !strings.Contains(fetch.URL, "{{")
}

// Pixels reads a width or a height as a platform tells it; nil where it tells none, or nothing that a picture could have.
func Pixels(v json.Value) *uint32 {
	if n := v.Int(); n > 0 && n < 1<<31 {
		return new(uint32(n))
	}
	return nil
}

// Missing is the error for an attachment without a file.
func Missing() *wit.Error {
	return wit.NewError(wit.CodeInvalid, "an attachment has no file: put it in the media store first")
}
