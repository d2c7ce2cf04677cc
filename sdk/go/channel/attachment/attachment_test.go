package attachment_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

func TestKind(t *testing.T) {
	for mime, want := range map[string]wit.AttachmentKind{
		"image/png": wit.AttachmentKindImage, "audio/ogg; codecs=opus": wit.AttachmentKindAudio, "video/mp4": wit.AttachmentKindVideo,
		"application/pdf": wit.AttachmentKindDocument, "imagery/x": wit.AttachmentKindDocument, "": wit.AttachmentKindDocument,
	} {
		if got := attachment.Kind(mime); got != want {
			t.Errorf("%q is %s, want %s", mime, got, want)
		}
	}
}

func TestLabel(t *testing.T) {
	for _, c := range []struct {
		name *string
		want string
	}{{nil, "image"}, {new(""), "image"}, {new("p.png"), "p.png"}} {
		if got := attachment.Label(&wit.Attachment{Kind: wit.AttachmentKindImage, Name: c.name}); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestPublic(t *testing.T) {
	const url = "https://example.org/p.png"
	for name, c := range map[string]struct {
		fetch *wit.HTTPRequest
		want  bool
	}{
		"no file":      {nil, false},
		"an address":   {&wit.HTTPRequest{URL: url}, true},
		"with GET":     {&wit.HTTPRequest{Method: "GET", URL: url}, true},
		"with POST":    {&wit.HTTPRequest{Method: "POST", URL: url}, false},
		"with headers": {&wit.HTTPRequest{URL: url, Headers: []wit.Header{{Name: "Authorization"}}}, false},
		"with a login": {&wit.HTTPRequest{URL: url, Basic: &wit.BasicLogin{User: "me"}}, false},
		"with a token": {&wit.HTTPRequest{URL: url + "?token={{credential:token}}"}, false},
	} {
		if got := attachment.Public(c.fetch); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestPixels(t *testing.T) {
	for text, want := range map[string]uint32{"640": 640, `"640"`: 640, "0": 0, "-1": 0, "2147483648": 0, "9e99": 0, "null": 0, `{"a":1}`: 0} {
		v, err := json.ParseText(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := attachment.Pixels(v); (got == nil) != (want == 0) || got != nil && *got != want {
			t.Errorf("%s: %v, want %d", text, got, want)
		}
	}
}
