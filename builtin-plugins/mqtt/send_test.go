package mqtt_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/mqtt"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func (b *bot) send(to, text string, more ...func(*wit.ChannelSend)) (*wit.Sent, error) {
	send := &wit.ChannelSend{Account: "home", Config: wit.JSON(b.config), State: b.state, To: wit.Conversation{ID: to}, Text: text, IdempotencyKey: "k1"}
	for _, m := range more {
		m(send)
	}
	return mqtt.New().Send(b.host.SDK(), send)
}

// TestSends: a send waits for its PUBACK; another attempt has the same packet id and says that it is one.
func TestSends(t *testing.T) {
	for _, version := range []string{"", `"version":"3.1.1",`} {
		b := in(t, version)
		sent, err := b.send("ann", "hello")
		if err != nil || sent.Awaits == nil || len(sent.IDs) != 1 || sent.Validate() != nil {
			t.Fatalf("%+v, %v", sent, err)
		}
		got := b.written(sent.Frames)
		id := got[11:13]
		want := "\x32\x10\x00\x07out/ann" + id + "hello"
		if !b.old {
			want = "\x32\x13\x00\x07out/ann" + id + "\x02\x01\x01hello"
		}
		if got != want {
			t.Errorf("it publishes %q, not %q", got, want)
		}
		again, err := b.send("ann", "hello")
		if err != nil || b.written(again.Frames) != "\x3a"+want[1:] || again.Awaits.Token != sent.Awaits.Token || again.IDs[0] != sent.IDs[0] {
			t.Errorf("another attempt is %+v, %v", again, err)
		}
		if a := b.hears("\x40\x02" + id); len(a.Confirmed) != 1 || a.Confirmed[0].Token != sent.Awaits.Token || a.Confirmed[0].Error != nil {
			t.Errorf("the PUBACK confirms %+v", a.Confirmed)
		}
		if sent, err := b.send("ann", " \n"); err != nil || len(sent.Frames) != 0 {
			t.Errorf("of nothing comes %+v, %v", sent, err)
		}
		b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
		if _, err := b.send("ann", "late"); wit.CodeOf(err) != wit.CodeUnavailable || !wit.AsError(err).Retryable {
			t.Errorf("without a connection: %v", err)
		}
	}
}

// TestAtOnce: a server that takes few messages ahead of their acknowledgement gets no more, since the kernel has sends with the same
// token wait.
func TestAtOnce(t *testing.T) {
	for few, most := range map[string]int{"\x02": 2, "\x40": 100} {
		b := newBot(t, "")
		b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
		b.hears("\x20\x06\x00\x00\x03\x21\x00" + few)
		tokens := map[string]bool{}
		for i := range 100 {
			sent, err := b.send("ann", "hello", func(s *wit.ChannelSend) { s.IdempotencyKey = string(rune('a' + i)) })
			if err != nil {
				t.Fatal(err)
			}
			tokens[sent.Awaits.Token] = true
		}
		if len(tokens) > most || most == 100 && len(tokens) < 90 {
			t.Errorf("there are %d tokens", len(tokens))
		}
	}
}

// TestRefusals: what the server says of a message that it has not taken.
func TestRefusals(t *testing.T) {
	b := in(t, "")
	sent, err := b.send("ann", "hello")
	if err != nil {
		t.Fatal(err)
	}
	id := b.written(sent.Frames)[11:13]
	for code, want := range map[string]struct {
		code  wit.Code
		again bool
	}{"\x87": {wit.CodeForbidden, false}, "\x90": {wit.CodeInvalid, false}, "\x97": {wit.CodeRateLimited, true}, "\x80": {wit.CodeUnavailable, true}, "\x99": {wit.CodeInvalid, false}} {
		a := b.hears("\x40\x0a" + id + code + "\x06\x1f\x00\x03why")
		if len(a.Confirmed) != 1 || wit.CodeOf(a.Confirmed[0].Error) != want.code || a.Confirmed[0].Error.Retryable != want.again || !strings.Contains(a.Confirmed[0].Error.Message, "why") {
			t.Errorf("%q: %+v", code, a.Confirmed)
		}
	}
	if a := b.hears("\x40\x03" + id + "\x10"); len(a.Confirmed) != 1 || a.Confirmed[0].Error != nil {
		t.Errorf("that nobody reads it is no error: %+v", a.Confirmed)
	}
	for _, to := range []string{"", "a+", "a/#", "a\x00b", strings.Repeat("x", 900)} {
		if _, err := b.send(to, "x"); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("to %.20q: %v", to, err)
		}
	}
	b.config = strings.Replace(b.config, "out/{conversation}", "{conversation}", 1)
	if _, err := b.send("$SYS/x", "x"); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("to the server's own: %v", err)
	}
	old := in(t, `"version":"3.1.1",`) // in which a client hears itself
	old.config = strings.Replace(old.config, "out/{conversation}", "in/{conversation}", 1)
	if _, err := old.send("ann", "x"); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "`answerTopic`") {
		t.Errorf("to a topic that is read: %v", err)
	}
}

// TestPieces: a text is published in as many packets as it takes, cut between characters.
func TestPieces(t *testing.T) {
	text := strings.Repeat("wörter 😀 \"\n", 500)
	for name, more := range map[string]string{"text": "", "json": `"format":"json",`} {
		b := in(t, more+`"maxPacket":1024,`)
		sent, err := b.send("ann", text)
		if err != nil || len(sent.Frames) < 6 || len(sent.IDs) != len(sent.Frames) {
			t.Fatalf("%s: %+v, %v", name, sent, err)
		}
		all, seen := "", map[string]bool{}
		for _, f := range sent.Frames {
			data := b.written([]wit.Frame{f})
			part := *f.Parts[len(f.Parts)-1].Text
			if name == "json" {
				var payload struct{ ID, Text string }
				if err := json.Unmarshal([]byte(part), &payload); err != nil || seen[payload.ID] {
					t.Fatalf("%s: %v", part, err)
				}
				part, seen[payload.ID] = payload.Text, true
			}
			if len(data) > 1024 || !utf8.ValidString(part) {
				t.Errorf("%s: a packet of %d bytes: %q", name, len(data), part)
			}
			all += part
		}
		if all != text {
			t.Errorf("%s: the text is not whole", name)
		}
	}
}

// TestFiles: on a topic of their own, in JSON, or by name.
func TestFiles(t *testing.T) {
	file := func(size int64) func(*wit.ChannelSend) {
		return func(s *wit.ChannelSend) {
			s.Attachments = []wit.Attachment{{Kind: wit.AttachmentKindImage, Media: new("m1"), Mime: new("image/png"), Name: new("a.png"), Size: &size, Caption: new("look")}}
		}
	}
	for name, c := range map[string]struct {
		more string
		size int64
		want []string // of each packet
	}{
		"a topic":     {`"fileTopic":"files/{conversation}",`, 10, []string{"out/ann", "look", "files/ann", "image/pngm1"}},
		"too large":   {`"fileTopic":"files/{conversation}",`, 1 << 20, []string{"out/ann", "[a.png is not published] look"}},
		"JSON":        {`"format":"json",`, 10, []string{`"text":"look"`, "", `"file":{"name":"a.png","mime":"image/png","size":10,"data":"bTE="}}`, ""}},
		"no place":    {"", 10, []string{"out/ann", "[a.png is not published] look"}},
		"large, JSON": {`"format":"json",`, 200_000, []string{`[a.png is not published] look`, ""}},
	} {
		b := in(t, c.more)
		sent, err := b.send("ann", "", file(c.size))
		if err != nil || len(sent.Frames) != len(c.want)/2 {
			t.Errorf("%s: %+v, %v", name, sent, err)
			continue
		}
		for i, f := range sent.Frames {
			got := b.written([]wit.Frame{f})
			if !strings.Contains(got, c.want[2*i]) || !strings.HasSuffix(got, c.want[2*i+1]) {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
	b := in(t, "")
	web := func(s *wit.ChannelSend) {
		s.Attachments = []wit.Attachment{{Fetch: &wit.HTTPRequest{URL: "https://example.org/a.png"}}}
	}
	if sent, err := b.send("ann", "look", web); err != nil || !strings.HasSuffix(b.written(sent.Frames), "look\nhttps://example.org/a.png") {
		t.Errorf("a file on the web: %+v, %v", sent, err)
	}
}

// TestPayloads: what payloads become.
func TestPayloads(t *testing.T) {
	channeltest.Proves(t, channeltest.RepliesIn)
	const group = `"format":"json","fields":{"sender":"from"},"name":"Robby",`
	for name, c := range map[string]struct {
		more, payload string
		want          wit.Message
	}{
		"text":            {"", "hello", wit.Message{Text: "hello", Sender: wit.Person{ID: "ann"}, Mentioned: true, Time: 1_000_000}},
		"no JSON":         {group, "robby: hello", wit.Message{Text: "robby: hello", Sender: wit.Person{ID: "ann"}, Mentioned: true, Time: 1_000_000}},
		"JSON":            {group, `{"text":"hi","id":"7","from":"bob","replyTo":"k1","time":1700000000}`, wit.Message{ID: "in/ann#7", Text: "hi", Sender: wit.Person{ID: "~bob", Name: new("bob")}, ReplyTo: &wit.Quoted{ID: "k1"}, Time: 1_700_000_000_000}},
		"milliseconds":    {group, `{"text":"hi","id":8,"time":1700000000123}`, wit.Message{ID: "in/ann#8", Text: "hi", Sender: wit.Person{ID: "ann"}, Time: 1_700_000_000_123}},
		"RFC 3339":        {`"format":"json",`, `{"text":"hi","id":"x","from":"bob","time":"2026-01-02T03:04:05Z"}`, wit.Message{ID: "in/ann#x", Text: "hi", Sender: wit.Person{ID: "ann"}, Mentioned: true, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli()}},
		"part of a word":  {group, `{"text":"robbyn","id":null}`, wit.Message{Text: "robbyn", Sender: wit.Person{ID: "ann"}, Time: 1_000_000}},
		"text as it is":   {"", `{"text":"hi"}`, wit.Message{Text: `{"text":"hi"}`, Sender: wit.Person{ID: "ann"}, Mentioned: true, Time: 1_000_000}},
		"nothing to read": {`"format":"json",`, `{"temperature":21}`, wit.Message{}},
		"blank":           {"", " \n", wit.Message{}},
	} {
		b := in(t, c.more)
		a := b.hears(b.publish(0, 5, "in/ann", c.payload))
		if len(a.Messages) == 0 {
			if c.want.Text != "" {
				t.Errorf("%s: nothing", name)
			}
			continue
		}
		got := a.Messages[0]
		if c.want.ID == "" && got.ID != "" {
			got.ID = ""
		}
		c.want.Kind, c.want.Conversation = wit.MessageKindText, wit.Conversation{ID: "ann"}
		if c.want.Conversation.Kind = wit.ConversationKindDirect; c.more == group {
			c.want.Conversation.Kind = wit.ConversationKindGroup
		}
		if string(wit.Marshal(&got)) != string(wit.Marshal(&c.want)) {
			t.Errorf("%s: %s, not %s", name, wit.Marshal(&got), wit.Marshal(&c.want))
		}
	}
}

// TestPlaces: who speaks where, by the topic.
func TestPlaces(t *testing.T) {
	for _, c := range []struct{ pattern, topic, conversation, sender string }{
		{"in/{conversation}", "in/ann", "ann", "ann"}, {"in/{conversation}", "in/ann/x", "", ""}, {"in/{conversation}/#", "in/ann/x/y", "ann", "ann"},
		{"in/{conversation}/#", "in/ann", "ann", "ann"}, {"+/{conversation}/{sender}", "x/den/bob", "den", "bob"}, {"#", "a/b", "a/b", "a/b"},
		{"#", "$SYS/uptime", "", ""}, {"+/uptime", "$SYS/uptime", "", ""}, {"in/{conversation}", "in/", "", ""}, {"in", "in", "in", "in"}, {"in", "ins", "", ""},
	} {
		b := in(t, "")
		b.config = strings.Replace(b.config, "in/{conversation}", c.pattern, 1)
		a := b.hears(b.publish(0, 5, c.topic, "hello"))
		if len(a.Frames) == 0 || !strings.HasPrefix(b.written(a.Frames), "\x40\x02\x00\x05") {
			t.Errorf("%s of %s is not acknowledged", c.pattern, c.topic)
		}
		conversation, sender := "", ""
		if len(a.Messages) > 0 {
			conversation, sender = a.Messages[0].Conversation.ID, a.Messages[0].Sender.ID
		}
		if conversation != c.conversation || sender != c.sender {
			t.Errorf("%s of %s is %q by %q", c.pattern, c.topic, conversation, sender)
		}
	}
}

// TestKept: what the server kept is passed over, or taken once.
func TestKept(t *testing.T) {
	const retain = 1
	b := in(t, "")
	if id := b.takes(retain, 5, "old news"); id != "" {
		t.Errorf("it is the message %s", id)
	}
	b = in(t, `"readRetained":true,`)
	id := b.takes(retain, 5, "old news")
	if id == "" || b.takes(retain, 6, "old news") != id || b.takes(retain, 7, "new") == id {
		t.Errorf("it is the message %q", id)
	}
}

var _ channel.Channel = mqtt.MQTT{}
