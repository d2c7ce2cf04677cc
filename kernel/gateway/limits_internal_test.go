package gateway

import (
	"io"
	"strings"
	"testing"
	"time"
)

// TestDefaults are those that Limits documents.
func TestDefaults(t *testing.T) {
	got, files := Limits{}.withDefaults(), descriptors()
	want := Limits{
		MaxConnections: min(16384, files/2), MaxStrangers: min(1024, files/4), MaxPerIP: 64, Handshake: 10 * time.Second,
		MaxHandshake: 64 << 10, MaxPayload3: 512 << 10, MaxPayload4: 25 << 20, MaxBuffered3: 1536 << 10, MaxBuffered4: 50 << 20, MaxQueued: 4096, Memory: 64 << 20,
		Rate: 60, Burst: 120, InFlight: 256, Handoff: 2 * time.Millisecond, Tick: 30 * time.Second, Ping: 30 * time.Second,
		Write: 10 * time.Second, Drain: 2 * time.Second,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for protocol, want := range map[int]int64{3: 1536 << 10, 4: 50 << 20, 5: 50 << 20} {
		if frames, bytes := got.queue(protocol); frames != 4096 || bytes != want {
			t.Errorf("protocol %d: %d frames, %d bytes", protocol, frames, bytes)
		}
	}
}

// TestSkipping: what is too long is read to its end only so far.
func TestSkipping(t *testing.T) {
	for n, ok := range map[int64]bool{0: true, maxSkipped: true, maxSkipped + 1: false} {
		if err := (message{rest: io.LimitReader(zeros{}, n)}).skip(1); (err == nil) != ok {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	broken := io.MultiReader(strings.NewReader("x"), brokenReader{})
	if err := (message{rest: broken}).skip(1); err != io.ErrUnexpectedEOF {
		t.Errorf("a connection that breaks: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
