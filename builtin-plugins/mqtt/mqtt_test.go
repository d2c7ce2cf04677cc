package mqtt_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mqtt"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, mqtt.New(), "testdata/*.jsonl") }

func TestManifest(t *testing.T) { channeltest.Manifest(t, mqtt.New()) }

const config = `{"server":"tls://mqtt.example.org:8883","clientId":"bot","user":"me","topics":["in/{conversation}"],"answerTopic":"out/{conversation}"}`

// bot plays the kernel for one account: it keeps the state and the clock.
type bot struct {
	t      *testing.T
	host   *sdktest.Host
	config string
	state  wit.JSON
	now    int64
	old    bool
}

func newBot(t *testing.T, more string) *bot {
	return &bot{t: t, config: strings.Replace(config, "{", "{"+more, 1), now: 1_000_000, host: &sdktest.Host{Credentials: map[string]string{"password": "pw-of-mine"}}}
}

func (b *bot) event(e wit.ChannelEvent) *wit.ChannelAnswer {
	b.t.Helper()
	e.Account, e.Config, e.State, e.Now = "home", wit.JSON(b.config), b.state, b.now
	answer, err := mqtt.New().Event(b.host.SDK(), &e)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := answer.Validate(); err != nil {
		b.t.Errorf("the answer to %s: %v", wit.Marshal(&e), err)
	}
	if answer.State != nil {
		b.state = answer.State
	}
	return answer
}

func (b *bot) hears(packet string) *wit.ChannelAnswer {
	b.t.Helper()
	return b.event(wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{Connection: "mqtt", Bytes: []byte(packet)}})
}

func (b *bot) fires(timer string) *wit.ChannelAnswer {
	b.t.Helper()
	return b.event(wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &timer})
}

// written is what the frames of an answer are on the wire.
func (b *bot) written(frames []wit.Frame) string {
	b.t.Helper()
	all := ""
	for i := range frames {
		data, err := b.host.Written(&frames[i])
		if err != nil {
			b.t.Fatal(err)
		}
		all += string(data)
	}
	return all
}

// connects has the server let the bot in.
func (b *bot) connects(present bool) *wit.ChannelAnswer {
	b.t.Helper()
	b.event(wit.ChannelEvent{Kind: wit.EventKindOpened, Opened: &wit.Opened{Secured: true}})
	flag := "\x00"
	if present {
		flag = "\x01"
	}
	if b.old {
		return b.hears("\x20\x02" + flag + "\x00")
	}
	return b.hears("\x20\x03" + flag + "\x00\x00")
}

// in is a bot that the server has let in, with its topics.
func in(t *testing.T, more string) *bot {
	t.Helper()
	b := newBot(t, more)
	b.old = strings.Contains(more, `"3.1.1"`)
	b.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	b.connects(false)
	if b.old {
		b.hears("\x90\x03\x00\x01\x01")
	} else {
		b.hears("\x90\x04\x00\x01\x00\x01")
	}
	return b
}

// publish is a PUBLISH of quality of service 1.
func (b *bot) publish(flags byte, id uint16, topic, payload string) string {
	body := string(binary.BigEndian.AppendUint16(nil, uint16(len(topic)))) + topic + string(binary.BigEndian.AppendUint16(nil, id))
	if !b.old {
		body += "\x00"
	}
	body += payload
	return string(binary.AppendUvarint([]byte{0x32 | flags}, uint64(len(body)))) + body
}

const dup = 8

// takes hands a PUBLISH in, and returns the id of the message that comes of it, "" for none. It has to be acknowledged.
func (b *bot) takes(flags byte, id uint16, payload string) string {
	b.t.Helper()
	a := b.hears(b.publish(flags, id, "in/ann", payload))
	if got := b.written(a.Frames); !strings.HasPrefix(got, "\x40\x02"+string(binary.BigEndian.AppendUint16(nil, id))) {
		b.t.Errorf("packet %d is answered by %q", id, got)
	}
	if len(a.Messages) == 0 {
		return ""
	}
	return a.Messages[0].ID
}

func TestLogin(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	b := newBot(t, `"presenceTopic":"here",`)
	opens := b.event(wit.ChannelEvent{Kind: wit.EventKindStart}).Open
	if len(opens) != 1 || opens[0].Transport != wit.TransportTLS || opens[0].Validate() != nil {
		t.Fatalf("it opens %+v", opens)
	}
	frames := b.event(wit.ChannelEvent{Kind: wit.EventKindOpened, Opened: &wit.Opened{Secured: true}}).Frames
	want := "\x10\x3d\x00\x04MQTT\x05\xec\x00\x3c\x0d\x11\x00\x27\x8d\x00\x21\x00\x64\x27\x00\x10\x00\x00\x00\x03bot\x00\x00\x04here\x00\x07offline\x00\x02me\x00\x0apw-of-mine"
	if got := b.written(frames); got != want {
		t.Errorf("it says\n%q, not\n%q", got, want)
	}
	if strings.Contains(string(wit.Marshal(&frames[0])), "pw-of") {
		t.Error("the plugin knows the password")
	}
	a := b.hears("\x20\x06\x00\x00\x03\x13\x00\x14") // the server wants to hear something every 20 seconds
	if got := b.written(a.Frames); got != "\x33\x0f\x00\x04here\x00\x03\x00online\x82\x0a\x00\x01\x00\x00\x04in/+\x25" {
		t.Errorf("it says %q", got)
	}
	if !slices.Contains(a.Timers, wit.Timer{ID: "alive", After: 10_000}) {
		t.Errorf("its timers are %+v", a.Timers)
	}
	for _, refusal := range []string{"\x87", "\x86"} {
		b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
		b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
		a := b.hears("\x20\x03\x00" + refusal + "\x00")
		if a.Status == nil || a.Status.State != wit.ConnectionStateNeedsLogin || !strings.Contains(*a.Status.Message, "carapace setup mqtt") || len(a.Close) != 1 {
			t.Errorf("%q: %+v", refusal, a.Status)
		}
	}
	b.host.Credentials = nil
	if a := b.fires("connect"); a.Status.State != wit.ConnectionStateNeedsLogin || len(a.Open) > 0 {
		t.Errorf("without a password: %+v", a)
	}
}

// TestVersions: a server that says, or shows by its silence, that it does not know version 5 is spoken to in 3.1.1.
func TestVersions(t *testing.T) {
	for name, says := range map[string]func(*bot){
		"said in the old words": func(b *bot) { b.hears("\x20\x02\x00\x01") },
		"said in the new words": func(b *bot) { b.hears("\x20\x03\x00\x84\x00") },
		"three silences": func(b *bot) {
			for range 3 {
				b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
				b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
			}
		},
	} {
		b := newBot(t, "")
		b.event(wit.ChannelEvent{Kind: wit.EventKindStart})
		b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
		says(b)
		frames := b.event(wit.ChannelEvent{Kind: wit.EventKindOpened}).Frames
		if got := b.written(frames); got != "\x10\x1f\x00\x04MQTT\x04\xc0\x00\x3c\x00\x03bot\x00\x02me\x00\x0apw-of-mine" {
			t.Errorf("%s: it says %q", name, got)
		}
		if a := b.hears("\x20\x02\x00\x01"); a.Status == nil || a.Status.State != wit.ConnectionStateFailed {
			t.Errorf("%s: a server that knows neither: %+v", name, a.Status)
		}
	}
}

// TestOnce: what comes again is known by its mark, its packet's id and what it says; what only looks like that is new.
func TestOnce(t *testing.T) {
	for _, version := range []string{"", `"version":"3.1.1",`} {
		b := in(t, version)
		first := b.takes(0, 1, "on")
		if first == "" || b.takes(dup, 1, "on") != "" {
			t.Error("a repetition is taken")
		}
		if id := b.takes(0, 1, "on"); id == "" || id == first {
			t.Errorf("the same without the mark is the message %q", id)
		}
		if b.takes(dup, 2, "on") == "" || b.takes(dup, 1, "off") == "" {
			t.Error("a message that came for the first time with the mark is lost")
		}
		b.takes(0, 3, "lost acknowledgement")
		b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
		b.event(wit.ChannelEvent{Kind: wit.EventKindStart}) // after a crash, say
		b.connects(true)
		if b.takes(0, 4, "next") == "" {
			t.Error("the next one is lost")
		}
		b.hears("\xd0\x00") // the acknowledgements before it may have been lost with the connection
		if b.takes(dup, 3, "lost acknowledgement") != "" {
			t.Error("what came again on the next connection is taken")
		}
		b.hears("\xd0\x00")
		if b.takes(dup, 3, "lost acknowledgement") == "" {
			t.Error("a message with a packet's id of before is lost: the server has taken that acknowledgement")
		}
		b.takes(0, 5, "of another session")
		b.connects(false)
		if b.takes(dup, 5, "of another session") == "" {
			t.Error("a message of another session is lost")
		}
	}
}

// TestForgets: once the server must have taken an acknowledgement, no message is taken for its repetition.
func TestForgets(t *testing.T) {
	b := in(t, "")
	b.takes(0, 7, "on")
	b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
	b.connects(true)
	b.now += 30_000
	if got := b.written(b.fires("alive").Frames); got != "\xc0\x00" {
		t.Errorf("it says %q", got)
	}
	b.hears("\xd0\x00")
	if b.takes(dup, 7, "on") == "" {
		t.Error("half a minute into a connection nothing is repeated any more")
	}
	for i := range 600 {
		b.takes(0, uint16(i+1), fmt.Sprint("a flood of ", i))
	}
	if len(b.state) > 40_000 {
		t.Errorf("the state has %d bytes", len(b.state))
	}
}

func TestAlive(t *testing.T) {
	b := in(t, "")
	b.now += 30_000
	b.fires("alive")
	b.now += 30_000
	a := b.fires("alive")
	if len(a.Close) != 1 || len(a.Open) != 1 || a.Status.State != wit.ConnectionStateDisconnected {
		t.Errorf("a server that does not answer: %+v", a)
	}
	if a := b.fires("alive"); len(a.Frames) != 0 {
		t.Errorf("without a connection it says %+v", a.Frames)
	}
	b.connects(true)
	b.now += 30_000
	b.fires("alive")
	b.hears("\xd0\x00")
	b.now += 30_000
	if a := b.fires("alive"); len(a.Open) != 0 || b.written(a.Frames) != "\xc0\x00" {
		t.Errorf("a server that answers: %+v", a)
	}
	if a := b.hears("\xe0\x02\x8e\x00"); a.Status == nil || !strings.Contains(*a.Status.Message, "`clientId`") {
		t.Errorf("another client with its id: %+v", a.Status)
	}
}

// TestTopics: those that the server refuses are told; those that are no longer wanted are given back, and none is asked for twice.
func TestTopics(t *testing.T) {
	b := in(t, "")
	b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
	if a := b.connects(true); len(a.Frames) != 0 {
		t.Errorf("it asks again: %q", b.written(a.Frames))
	}
	b.config = strings.Replace(b.config, `"in/{conversation}"`, `"new/{conversation}","new/{conversation}/{sender}"`, 1)
	b.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	if got := b.written(b.connects(true).Frames); got != "\xa2\x09\x00\x02\x00\x00\x04in/+\x82\x15\x00\x01\x00\x00\x05new/+\x25\x00\x07new/+/+\x25" {
		t.Errorf("it says %q", got)
	}
	a := b.hears("\x90\x05\x00\x01\x00\x01\x87")
	if a.Status == nil || a.Status.State != wit.ConnectionStateConnected || !strings.Contains(*a.Status.Message, "new/+/+: the user may not read it") {
		t.Errorf("one is refused: %+v", a.Status)
	}
	if got := b.written(b.fires("subscribe").Frames); got != "\x82\x0d\x00\x01\x00\x00\x07new/+/+\x25" {
		t.Errorf("it asks again for %q", got)
	}
	for pattern, problem := range map[string]string{"a/#/b": "`topics`", "{conversation}/{conversation}": "`topics`", "a+": "`topics`", "here": "`presenceTopic`"} {
		b := newBot(t, `"presenceTopic":"here",`)
		b.config = strings.Replace(b.config, "in/{conversation}", pattern, 1)
		if a := b.event(wit.ChannelEvent{Kind: wit.EventKindStart}); len(a.Open) != 0 || a.Status.State != wit.ConnectionStateFailed || !strings.Contains(*a.Status.Message, problem) {
			t.Errorf("%s: %+v", pattern, a.Status)
		}
	}
}

// TestLogout: the connection ends without a goodbye, so that the server publishes the last will.
func TestLogout(t *testing.T) {
	b := in(t, `"presenceTopic":"here",`)
	a := b.event(wit.ChannelEvent{Kind: wit.EventKindCommand, Command: &wit.Command{Name: "logout"}})
	if len(a.Close) != 1 || len(a.Frames) != 0 || a.Status.State != wit.ConnectionStateDisconnected {
		t.Errorf("%+v", a)
	}
}

// TestAnyPacket: whatever a server sends, the account goes on or says what is wrong.
func TestAnyPacket(t *testing.T) {
	for _, packet := range []string{"", "\x30", "\x20\x00", "\x40\x00", "\x32\x00", "\x32\x02\x00\x09", "\x32\x05\x00\x01a\x00\x01", "\xff\xff", "\x32\xff\xff\xff\xff",
		"\x36\x05\x00\x01a\x00\x01\x00", "\x90\x02\x00\x01", "\xe0\x00", "\x32\x08\x00\x01\xff\x00\x01\x00ab", "\x32\x08\x00\x01a\x00\x01\x7fab", "\x32\x09\x00\x01a\x00\x01\x02\x99\x00b", "\x40\x04\x00\x20\x87\xff"} {
		for _, version := range []string{"", `"version":"3.1.1",`} {
			in(t, version).hears(packet)
			b := newBot(t, version)
			b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
			b.hears(packet)
		}
	}
}

func FuzzPacket(f *testing.F) {
	f.Add([]byte("\x32\x08\x00\x01a\x00\x01\x00ab"), true)
	f.Fuzz(func(t *testing.T, packet []byte, old bool) {
		version := ""
		if old {
			version = `"version":"3.1.1",`
		}
		in(t, version+`"format":"json","fields":{"sender":"from"},`).hears(string(packet))
	})
}
