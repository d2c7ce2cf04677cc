package main

import (
	"bytes"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

const config = `{"server":"tcp://mqtt.example.org:1883","client":"bot","root":"chat"}`

// account plays the kernel: it keeps the state.
type account struct {
	t     *testing.T
	state wit.JSON
}

func (a *account) event(e wit.ChannelEvent) *wit.ChannelAnswer {
	a.t.Helper()
	e.Config, e.State = wit.JSON(config), a.state
	answer, err := mqtt{}.Event(new(sdktest.Host).SDK(), &e)
	if err != nil {
		a.t.Fatal(err)
	}
	if answer.State != nil {
		a.state = answer.State
	}
	return answer
}

// hears returns the answer to a packet.
func (a *account) hears(packet string) *wit.ChannelAnswer {
	a.t.Helper()
	return a.event(wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{Connection: "mqtt", Bytes: []byte(packet)}})
}

func (a *account) send(to, text string) (*wit.Sent, error) {
	return mqtt{}.Send(new(sdktest.Host).SDK(), &wit.ChannelSend{
		Config: wit.JSON(config), State: a.state, To: wit.Conversation{ID: to}, Text: text, IdempotencyKey: "k1",
	})
}

func says(t *testing.T, frames []wit.Frame, want string) {
	t.Helper()
	if len(frames) != 1 || string(frames[0].Bytes) != want {
		t.Errorf("it says %+v, not %q", frames, want)
	}
}

func TestConversation(t *testing.T) {
	a := &account{t: t}
	opens := a.event(wit.ChannelEvent{Kind: wit.EventKindStart}).Open
	if len(opens) != 1 || opens[0].Framing != wit.StreamFramingPackets || opens[0].Validate() != nil {
		t.Fatalf("it opens %+v", opens)
	}
	says(t, a.event(wit.ChannelEvent{Kind: wit.EventKindOpened}).Frames, "\x10\x0f\x00\x04MQTT\x04\x00\x00\x3c\x00\x03bot")
	if _, err := a.send("ann", "early"); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("before the server has let it in: %v", err)
	}
	says(t, a.hears("\x20\x02\x00\x00").Frames, "\x82\x0e\x00\x01\x00\x09chat/in/+\x01")
	sent, err := a.send("ann", "hello")
	if err != nil || sent.Awaits == nil || len(sent.Frames) != 1 {
		t.Fatalf("%+v, %v", sent, err)
	}
	published := sent.Frames[0].Bytes
	topic := []byte("\x00\x0cchat/out/ann")
	if published[0] != 0x32 || !bytes.HasPrefix(published[2:], topic) || !bytes.HasSuffix(published, []byte("hello")) {
		t.Errorf("it publishes %q", published)
	}
	id := published[2+len(topic):][:2]
	ack := a.hears("\x40\x02" + string(id))
	if len(ack.Confirmed) != 1 || ack.Confirmed[0].Token != sent.Awaits.Token {
		t.Errorf("the PUBACK confirms %+v, awaited is %+v", ack.Confirmed, sent.Awaits)
	}
	in := a.hears(string(packet(0x32, text("chat/in/ann"), number(7), []byte(`{"id":"m1","text":"hello, bot"}`))))
	if len(in.Messages) != 1 || in.Messages[0].ID != "m1" || in.Messages[0].Sender.ID != "ann" || in.Messages[0].Text != "hello, bot" {
		t.Errorf("it takes in %+v", in.Messages)
	}
	says(t, in.Frames, "\x40\x02\x00\x07")
	if in := a.hears(string(packet(0x32, text("chat/in/ann"), number(8), []byte("what")))); len(in.Messages) != 0 {
		t.Errorf("it takes in %+v", in.Messages)
	} else {
		says(t, in.Frames, "\x40\x02\x00\x08")
	}
	says(t, a.event(wit.ChannelEvent{Kind: wit.EventKindTimer}).Frames, "\xc0\x00")
	if _, err := a.send("ann/#", "x"); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("to a topic of others: %v", err)
	}
	a.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
	if _, err := a.send("ann", "late"); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("after the connection has ended: %v", err)
	}
}

func TestAnyPacket(t *testing.T) {
	for _, packet := range []string{"", "\x30", "\x20\x00", "\x20\x02\x00\x05", "\x40\x00", "\x32\x00", "\x32\x02\x00\x09", "\x32\x05\x00\x01a\x00\x01", "\xff\xff", "\x32\xff\xff\xff\xff"} {
		a := &account{t: t}
		if err := a.hears(packet).Validate(); err != nil {
			t.Errorf("%q: %v", packet, err)
		}
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, mqtt{}, "testdata/*.jsonl") }
