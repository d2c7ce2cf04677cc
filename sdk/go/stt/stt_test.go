package stt_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/stt"
	"github.com/carapace-gateway/carapace/wit"
)

// TestPart: the file is called by its type, whatever its own name is.
func TestPart(t *testing.T) {
	for mime, want := range map[string]string{
		"audio/ogg": "recording.ogg", "Audio/OGG; codecs=opus": "recording.ogg", "audio/mpeg": "recording.mp3", "audio/x-m4a": "recording.m4a",
		"audio/wave": "recording.wav", "audio/webm;codecs=opus": "recording.webm", "audio/flac": "recording.flac", "audio/amr": "recording", "": "recording",
	} {
		part := stt.Part("file", &wit.Recording{Media: "abc", Mime: mime, Name: new("secret.oga")})
		if part.Name != "file" || *part.Media != "abc" || *part.FileName != want || (part.ContentType != nil) != (mime != "") {
			t.Errorf("%s: %+v is called %s, want %s", mime, part, *part.FileName, want)
		}
	}
}
