package mqtt_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// TestTwiceIn: a message of quality of service 2 is one until the server has released it, also over a restart of the connection; then its id
// is another one's.
func TestTwiceIn(t *testing.T) {
	for _, version := range []string{"", `"version":"3.1.1",`} {
		b := in(t, version+`"qos":2,`)
		hears := func(id uint16, payload, flags string) *wit.ChannelAnswer {
			packet := b.publish(0, id, "in/ann", payload)
			return b.hears(flags + packet[1:])
		}
		first := hears(7, "hello", "\x34")
		if len(first.Messages) != 1 || b.written(first.Frames) != "\x50\x02\x00\x07" {
			t.Errorf("%+v, %q", first.Messages, b.written(first.Frames))
		}
		b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
		b.connects(true)
		if again := hears(7, "hello", "\x3c"); len(again.Messages) != 0 || b.written(again.Frames) != "\x50\x02\x00\x07" {
			t.Errorf("again: %+v, %q", again.Messages, b.written(again.Frames))
		}
		for range 2 {
			if a := b.hears("\x62\x02\x00\x07"); b.written(a.Frames) != "\x70\x02\x00\x07" {
				t.Errorf("released: %q", b.written(a.Frames))
			}
		}
		if other := hears(7, "hello", "\x34"); len(other.Messages) != 1 || other.Messages[0].ID == first.Messages[0].ID {
			t.Errorf("another: %+v", other.Messages)
		}
		b.connects(false) // the server has forgotten the session
		if anew := hears(7, "hello", "\x34"); len(anew.Messages) != 1 {
			t.Errorf("in another session: %+v", anew.Messages)
		}
		if one := b.hears(b.publish(0, 8, "in/ann", "hi")); len(one.Messages) != 1 || b.written(one.Frames)[:4] != "\x40\x02\x00\x08" {
			t.Errorf("of quality of service 1: %+v, %q", one.Messages, b.written(one.Frames))
		}
	}
}

// TestTwiceOut: a send counts when the server has received it; what it has received is not written again, and its id waits until it is
// complete.
func TestTwiceOut(t *testing.T) {
	b := in(t, `"qos":2,"maxPacket":1024,`)
	sent, err := b.send("ann", "hello")
	if err != nil {
		t.Fatal(err)
	}
	wire := b.written(sent.Frames)
	id := wire[11:13]
	if wire[0] != 0x34 {
		t.Errorf("it publishes %q", wire)
	}
	if again, err := b.send("ann", "hello"); err != nil || b.written(again.Frames) != "\x3c"+wire[1:] {
		t.Errorf("before it was received: %+v, %v", again, err)
	}
	a := b.hears("\x50\x02" + id)
	if len(a.Confirmed) != 1 || a.Confirmed[0].Token != sent.Awaits.Token || a.Confirmed[0].Error != nil || b.written(a.Frames) != "\x62\x02"+id {
		t.Errorf("received: %+v, %q", a.Confirmed, b.written(a.Frames))
	}
	if again, err := b.send("ann", "hello"); err != nil || len(again.Frames) != 0 || again.Awaits != nil || again.IDs[0] != sent.IDs[0] {
		t.Errorf("once it was received: %+v, %v", again, err)
	}
	b.host.KV["sent/home/"+number(id)] = "another\n0"
	if _, err := b.send("ann", "hello"); wit.CodeOf(err) != wit.CodeUnavailable || !wit.AsError(err).Retryable {
		t.Errorf("while the id is not free: %v", err)
	}
	b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
	if a := b.connects(true); !strings.Contains(b.written(a.Frames), "\x62\x02"+id) {
		t.Errorf("on the next connection it says %q", b.written(a.Frames))
	}
	b.hears("\x70\x02" + id)
	if again, err := b.send("ann", "hello"); err != nil || b.written(again.Frames) != wire {
		t.Errorf("once the id is free: %+v, %v", again, err)
	}
	if a := b.hears("\x50\x03" + id + "\x87"); len(a.Confirmed) != 1 || wit.CodeOf(a.Confirmed[0].Error) != wit.CodeForbidden || len(a.Frames) != 0 {
		t.Errorf("refused: %+v, %q", a.Confirmed, b.written(a.Frames))
	}
	b.hears("\x70\x02\xff\xff") // of nothing
	long := strings.Repeat("word ", 500)
	key := func(s *wit.ChannelSend) { s.IdempotencyKey = "long" }
	three, err := b.send("ann", long, key)
	if err != nil || len(three.Frames) != 3 {
		t.Fatalf("%+v, %v", three, err)
	}
	b.hears("\x50\x02" + b.written(three.Frames[:1])[12:14])
	if rest, err := b.send("ann", long, key); err != nil || len(rest.Frames) != 2 || len(rest.IDs) != 3 || rest.Awaits.Token != three.Awaits.Token {
		t.Errorf("what was not received: %+v, %v", rest, err)
	}
}

// number is a packet's id as it is kept.
func number(id string) string {
	n, out := int(id[0])<<8|int(id[1]), ""
	for ; n > 0; n /= 10 {
		out = string(rune('0'+n%10)) + out
	}
	return out
}

// TestOnlyQoS1: a server that has no quality of service 2 is spoken to with 1.
func TestOnlyQoS1(t *testing.T) {
	b := newBot(t, `"qos":2,`)
	b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
	if a := b.hears("\x20\x05\x00\x00\x02\x24\x01"); !strings.HasSuffix(b.written(a.Frames), "in/+\x25") {
		t.Errorf("it asks %q", b.written(a.Frames))
	}
	if sent, err := b.send("ann", "hello"); err != nil || b.written(sent.Frames)[0] != 0x32 {
		t.Errorf("%+v, %v", sent, err)
	}
}
