package tts

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// riff is a WAV file of chunks.
func riff(chunks ...string) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVE")
	for i := 0; i < len(chunks); i += 2 {
		b = append(b, chunks[i]...)
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(chunks[i+1]))), chunks[i+1]...)
		if len(chunks[i+1])%2 == 1 {
			b = append(b, 0)
		}
	}
	return b
}

// TestWavesAreJoined: samples follow each other under one head; chunks of another kind are passed over.
func TestWavesAreJoined(t *testing.T) {
	var w wave
	for _, file := range [][]byte{riff("fmt ", "fourteen", "data", "abcd"), riff("fmt ", "fourteen", "LIST", "odd", "data", "ef")} {
		if err := w.add(file); err != nil {
			t.Fatal(err)
		}
	}
	format, samples := chunks(w.file())
	if string(format) != "fourteen" || string(samples) != "abcdef" {
		t.Errorf("%q, %q", format, samples)
	}
	if got := w.file(); int(binary.LittleEndian.Uint32(got[4:]))+8 != len(got) {
		t.Errorf("a file of %d bytes says % x", len(got), got[4:8])
	}
	for name, file := range map[string][]byte{
		"nothing": nil, "a picture": []byte("\xff\xd8 a picture, and more"), "no samples": riff("fmt ", "fourteen"), "another format": riff("fmt ", "nineteen", "data", "x"),
		"too short": riff("fmt ", "fourteen", "data", "abcd")[:30], "a lie": append(riff("fmt ", "fourteen"), "data\xff\xff\xff\xff"...),
	} {
		if err := w.add(file); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, samples := chunks(w.file()); !bytes.Equal(samples, []byte("abcdef")) {
		t.Errorf("after those: %q", samples)
	}
}
