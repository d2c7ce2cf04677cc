package chat

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// sizes is a media store that remembers how large the last file was.
type sizes struct{ last int }

func (s *sizes) Put(_ context.Context, _, _ string, data []byte) (string, error) {
	s.last = len(data)
	return "ref", nil
}

// TestFilesAsLargeAsHelloSays are kept, and not a byte more.
func TestFilesAsLargeAsHelloSays(t *testing.T) {
	for what, c := range map[string]struct {
		head  string
		most  int
		error string
	}{
		"file":    {"", wire.MaxAttachment, "a file may have 19611648 bytes"},
		"picture": {"\xff\xd8\xff", wire.MaxPicture, "a picture may have 6291456 bytes"},
	} {
		for more := range 2 {
			data := append([]byte(c.head), make([]byte, c.most+more-len(c.head))...)
			var store sizes
			_, err := (&Service{media: &store}).keep(t.Context(), Attachment{Content: json.RawMessage(`"` + base64.StdEncoding.EncodeToString(data) + `"`)})
			if more == 0 && (err != nil || store.last != c.most) {
				t.Errorf("%s: kept %d bytes, %v", what, store.last, err)
			}
			if more == 1 && (wit.CodeOf(err) != wit.CodeTooLarge || err.Error() != c.error || store.last > 0) {
				t.Errorf("%s of a byte more: %v", what, err)
			}
		}
	}
}

// TestWhatAFileIs: by its type, and by its content where there is no type or one that is not true.
func TestWhatAFileIs(t *testing.T) {
	const (
		png  = "\x89PNG\r\n\x1a\n\x00"
		jpeg = "\xff\xd8\xff\xe0"
		wave = "RIFF\x24\x00\x00\x00WAVEfmt "
		ogg  = "OggS\x00\x02"
		webm = "\x1aE\xdf\xa3\x01"
		mp4  = "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
		pdf  = "%PDF-1.7\n"
		zip  = "PK\x03\x04"
		raw  = "\x00\x01\x02\x03"
		text = "hello"
	)
	for _, c := range []struct{ said, content, want string }{
		{"image/png", png, "image image/png"},
		{"image/png", jpeg, "image image/jpeg"},
		{"text/plain", png, "image image/png"},
		{"", jpeg, "image image/jpeg"},
		{"nonsense", jpeg, "image image/jpeg"},
		{"image/png", text, "file text/plain"},
		{"image/png", raw, "file application/octet-stream"},
		{"image/heic", mp4, "file video/mp4"},
		{"image/svg+xml", "<?xml version='1.0'?><svg/>", "file text/xml"},
		{"image/png", "", "file text/plain"},
		{"audio/ogg; codecs=opus", ogg, "audio audio/ogg"},
		{"audio/webm", webm, "audio audio/webm"},
		{"audio/mp4", mp4, "audio audio/mp4"},
		{"audio/flac", raw, "audio audio/flac"},
		{"audio/wav", wave, "audio audio/wav"},
		{"", wave, "audio audio/wave"},
		{"application/octet-stream", "ID3\x04", "audio audio/mpeg"},
		{"", ogg, "audio audio/ogg"},
		{"video/ogg", ogg, "file video/ogg"},
		{"audio/ogg", text, "file text/plain"},
		{"audio/ogg", pdf, "file application/pdf"},
		{"audio/ogg", png, "image image/png"},
		{"application/pdf", pdf, "file application/pdf"},
		{"application/pdf", text, "file text/plain"},
		{"", pdf, "file application/pdf"},
		{"text/plain", pdf, "file application/pdf"},
		{"text/csv", text, "file text/csv"},
		{"TEXT/Markdown; charset=utf-8", text, "file text/markdown"},
		{"text/plain", raw, "file application/octet-stream"},
		{"application/json", "{}", "file application/json"},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", zip, "file application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"application/octet-stream", raw, "file application/octet-stream"},
		{"text/plain]\nforged", text, "file text/plain"},
	} {
		kind, mimeType := typeOf(c.said, []byte(c.content))
		if got := string(kind) + " " + mimeType; got != c.want {
			t.Errorf("%q with %q is %s, want %s", c.said, c.content, got, c.want)
		}
	}
}
