package media

import (
	"mime"
	"net/http"
	"strings"
)

// unknown is the type of what is no other.
const unknown = "application/octet-stream"

// headBytes is how much of a file TypeOf looks at.
const headBytes = 512

// TypeOf is what a file is, by the type that is said and by how its content begins, without parameters. A picture is what
// has the content of one, whatever is said, because that is what models and browsers are shown. Sounds have more formats
// than can be told from the content; what is plainly something else is none. All else is believed unless the content shows
// something else.
func TypeOf(said string, head []byte) string {
	said, found := bare(said), bare(http.DetectContentType(head))
	if said == unknown {
		said = ""
	}
	switch {
	case Family(found) == "image":
		return found
	case Family(said) == "audio" && (found == unknown || Family(found) == "audio" || Family(found) == "video" || found == "application/ogg"):
		return said
	case Family(found) == "audio":
		return found
	case found == "application/ogg" && said == "":
		return "audio/ogg" // what has pictures too says so
	case said == "", said == "application/pdf", Family(said) == "image", Family(said) == "audio", Family(said) == "text" && Family(found) != "text":
		return found
	}
	return said
}

// bare is a type without its parameters, "" for what is none.
func bare(mimeType string) string {
	base, _, err := mime.ParseMediaType(mimeType)
	if err != nil || !strings.Contains(base, "/") || len(base) > maxName {
		return ""
	}
	return base
}

// Family is the first half of a type: image, audio, text.
func Family(mimeType string) string {
	first, _, _ := strings.Cut(mimeType, "/")
	return first
}
