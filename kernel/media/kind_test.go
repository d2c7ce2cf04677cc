package media_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/media"
)

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
		{"image/png", png, "image/png"},
		{"image/png", jpeg, "image/jpeg"},
		{"text/plain", png, "image/png"},
		{"", jpeg, "image/jpeg"},
		{"nonsense", jpeg, "image/jpeg"},
		{"image/png", text, "text/plain"},
		{"image/png", raw, "application/octet-stream"},
		{"image/heic", mp4, "video/mp4"},
		{"image/svg+xml", "<?xml version='1.0'?><svg/>", "text/xml"},
		{"image/png", "", "text/plain"},
		{"audio/ogg; codecs=opus", ogg, "audio/ogg"},
		{"audio/webm", webm, "audio/webm"},
		{"audio/mp4", mp4, "audio/mp4"},
		{"audio/flac", raw, "audio/flac"},
		{"audio/wav", wave, "audio/wav"},
		{"", wave, "audio/wave"},
		{"application/octet-stream", "ID3\x04", "audio/mpeg"},
		{"", ogg, "audio/ogg"},
		{"video/ogg", ogg, "video/ogg"},
		{"audio/ogg", text, "text/plain"},
		{"audio/ogg", pdf, "application/pdf"},
		{"audio/ogg", png, "image/png"},
		{"application/pdf", pdf, "application/pdf"},
		{"application/pdf", text, "text/plain"},
		{"", pdf, "application/pdf"},
		{"text/plain", pdf, "application/pdf"},
		{"text/csv", text, "text/csv"},
		{"TEXT/Markdown; charset=utf-8", text, "text/markdown"},
		{"text/plain", raw, "application/octet-stream"},
		{"application/json", "{}", "application/json"},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", zip, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"application/octet-stream", raw, "application/octet-stream"},
		{"text/plain]\nforged", text, "text/plain"},
	} {
		if got := media.TypeOf(c.said, []byte(c.content)); got != c.want {
			t.Errorf("%q with %q is %s, want %s", c.said, c.content, got, c.want)
		}
	}
}
