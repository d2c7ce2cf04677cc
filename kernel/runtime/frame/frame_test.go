package frame_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime/frame"
)

// TestFrames: what was appended comes out, in whatever pieces it comes in.
func TestFrames(t *testing.T) {
	texts := []string{"", "a", strings.Repeat("long ", 1000), "\x00\x01", ""}
	var stream []byte
	for _, text := range texts {
		stream = frame.Append(stream, text)
	}
	for size := 1; size < len(stream); size = size*2 + 1 {
		r := frame.Reader{Most: 5000}
		var got []string
		for piece := range slices.Chunk(stream, size) {
			for len(piece) > 0 {
				text, rest, done, err := r.Add(piece)
				if err != nil {
					t.Fatal(err)
				}
				if piece = rest; done {
					got = append(got, text)
				}
			}
		}
		if !slices.Equal(got, texts) {
			t.Fatalf("in pieces of %d bytes %d texts come out", size, len(got))
		}
	}
}

// TestTooLong: nothing is kept of a text that is too long.
func TestTooLong(t *testing.T) {
	r := frame.Reader{Most: 5}
	if _, _, _, err := r.Add([]byte{6, 0, 0, 0, 'x'}); err == nil || !strings.Contains(err.Error(), "6 bytes is over the limit of 5") {
		t.Error(err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00a\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := frame.Reader{Most: 100}
		for len(data) > 0 {
			text, rest, done, err := r.Add(data)
			if err != nil {
				return
			}
			if len(text) > 100 || done && len(rest) >= len(data) {
				t.Fatalf("%q, %d of %d bytes left", text, len(rest), len(data))
			}
			data = rest
		}
	})
}
