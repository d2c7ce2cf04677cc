package matrix_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/matrix"
	"github.com/carapace-gateway/carapace/builtin-plugins/matrix/matrixtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, matrix.New(), "testdata/*.jsonl") }

// to is a room.
func to(id string) wit.Conversation {
	return wit.Conversation{Kind: wit.ConversationKindDirect, ID: id}
}

// sent are the contents of the bot's events of a type in a room.
func (g *account) sent(room, kind string) (list []content) {
	for _, e := range g.server.Events(room, kind) {
		if e.Sender == g.bot.ID {
			list = append(list, e.Content)
		}
	}
	return list
}

// same compares contents as JSON.
func same(t *testing.T, got, want content) {
	t.Helper()
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if !slices.Equal(a, b) {
		t.Errorf("sent %s\nwant %s", a, b)
	}
}

func TestSentTexts(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.Markup, channeltest.RepliesOut, channeltest.Threads)
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	asked := ann.Say(room, "hello")
	ids := g.Send(wit.ChannelSend{To: to(room), Text: "12 it is, @ann:test.local!", Formatted: new("<b>12</b> it is"), IdempotencyKey: "k1"})
	again := g.Send(wit.ChannelSend{To: to(room), Text: "12 it is, @ann:test.local!", Formatted: new("<b>12</b> it is"), IdempotencyKey: "k1"})
	if len(ids) != 1 || !slices.Equal(ids, again) {
		t.Errorf("sent %q, and again %q", ids, again)
	}
	g.Send(wit.ChannelSend{To: to(room), Text: "a reply", ReplyTo: &asked, IdempotencyKey: "k2"})
	g.Send(wit.ChannelSend{To: wit.Conversation{ID: room, Thread: &asked}, Text: "in a thread", IdempotencyKey: "k3", Silent: true})
	g.Send(wit.ChannelSend{To: wit.Conversation{ID: room, Thread: &asked}, Text: "to one of it", ReplyTo: &ids[0], IdempotencyKey: "k4"})
	g.Send(wit.ChannelSend{To: to(room), Text: "  ", IdempotencyKey: "k5"})
	got := g.sent(room, "m.room.message")
	in := func(id string) content { return content{"m.in_reply_to": content{"event_id": id}} }
	nobody := content{}
	for i, want := range []content{
		{"msgtype": "m.text", "body": "12 it is, @ann:test.local!", "format": "org.matrix.custom.html", "formatted_body": "<b>12</b> it is", "m.mentions": content{"user_ids": []string{ann.ID}}},
		{"msgtype": "m.text", "body": "a reply", "m.mentions": nobody, "m.relates_to": in(asked)},
		{"msgtype": "m.notice", "body": "in a thread", "m.mentions": nobody, "m.relates_to": content{"rel_type": "m.thread", "event_id": asked, "is_falling_back": true, "m.in_reply_to": content{"event_id": asked}}},
		{"msgtype": "m.text", "body": "to one of it", "m.mentions": nobody, "m.relates_to": content{"rel_type": "m.thread", "event_id": asked, "m.in_reply_to": content{"event_id": ids[0]}}},
	} {
		if len(got) != 4 {
			t.Fatalf("%d texts: %v", len(got), got)
		}
		same(t, got[i], want)
	}
}

func TestSentFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	t.Parallel()
	g, _, room := connected(t, matrixtest.Config{UploadLimit: 1000})
	g.keep("p", "p.png", "image/png", []byte("PNG!"))
	g.keep("v", "v.ogg", "audio/ogg", []byte("OggS"))
	g.keep("big", "big.bin", "application/octet-stream", []byte(strings.Repeat("x", 1001)))
	attached := func(a ...wit.Attachment) []wit.Attachment { return a }
	ids := g.Send(wit.ChannelSend{To: to(room), Text: "look", Formatted: new("<i>look</i>"), IdempotencyKey: "1",
		Attachments: attached(wit.Attachment{Kind: wit.AttachmentKindImage, Media: new("p"), Name: new("p.png"), Width: new(uint32(640)), Height: new(uint32(480))})})
	if len(ids) != 1 {
		t.Errorf("%q", ids)
	}
	g.Send(wit.ChannelSend{To: to(room), Text: "listen", IdempotencyKey: "2", Attachments: attached(wit.Attachment{Kind: wit.AttachmentKindVoice, Media: new("v"), Duration: new(int64(6500))})})
	g.Send(wit.ChannelSend{To: to(room), Text: "too much", IdempotencyKey: "3", Attachments: attached(wit.Attachment{Kind: wit.AttachmentKindDocument, Media: new("big"), Name: new("big.bin")})})
	g.Send(wit.ChannelSend{To: to(room), IdempotencyKey: "4", Attachments: attached(
		wit.Attachment{Kind: wit.AttachmentKindDocument, Fetch: &wit.HTTPRequest{URL: "https://example.org/f.pdf"}},
		wit.Attachment{Kind: wit.AttachmentKindLocation, Name: new("Here"), Caption: new("52.5, 13.4")})})
	got := g.sent(room, "m.room.message")
	if len(got) != 6 {
		t.Fatalf("%d events: %v", len(got), got)
	}
	name, kind, data := g.server.File(fmt.Sprint(got[0]["url"]))
	if name != "p.png" || kind != "image/png" || string(data) != "PNG!" {
		t.Errorf("uploaded %q %q %q", name, kind, data)
	}
	voice := got[1]["url"]
	delete(got[0], "url")
	delete(got[1], "url")
	for i, want := range []content{
		{"msgtype": "m.image", "filename": "p.png", "info": content{"mimetype": "image/png", "size": 4, "w": 640, "h": 480}, "body": "look", "format": "org.matrix.custom.html",
			"formatted_body": "<i>look</i>", "m.mentions": content{}},
		{"msgtype": "m.audio", "filename": "voice", "body": "voice", "info": content{"mimetype": "audio/ogg", "size": 4, "duration": 6500}, "org.matrix.msc3245.voice": content{},
			"org.matrix.msc1767.audio": content{"duration": 6500}, "m.mentions": content{}},
		{"msgtype": "m.text", "body": "listen", "m.mentions": content{}},
		{"msgtype": "m.text", "body": "too much\n\n[big.bin could not be sent]", "m.mentions": content{}},
		{"msgtype": "m.text", "body": "https://example.org/f.pdf", "m.mentions": content{}},
		{"msgtype": "m.location", "body": "Here", "geo_uri": "geo:52.5,13.4"},
	} {
		same(t, got[i], want)
	}
	if _, _, data := g.server.File(fmt.Sprint(voice)); string(data) != "OggS" {
		t.Errorf("uploaded %q", data)
	}
	if _, err := g.TrySend(wit.ChannelSend{To: to(room), IdempotencyKey: "5", Attachments: attached(wit.Attachment{Kind: wit.AttachmentKindDocument, Media: new("big")})}); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("a file without a text that is too large: %v", err)
	}
}

// TestPolls: a question under the names that programs know and those of the specification, and what people choose, by both; of other
// polls that is not told.
func TestPolls(t *testing.T) {
	channeltest.Proves(t, channeltest.Polls)
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	ask := func(options ...string) (*wit.Sent, error) {
		return matrix.New().(channel.Poller).Poll(g.Host.SDK(), &wit.ChannelPoll{Config: g.Config, State: g.State(), To: to(room), Question: "Tea?", Options: options, IdempotencyKey: "k"})
	}
	sent, err := ask("green", "black")
	if again, e := ask("green", "black"); err != nil || e != nil || len(sent.IDs) != 1 || !slices.Equal(sent.IDs, again.IDs) {
		t.Fatalf("asked %+v, %v, and again %+v, %v", sent, err, again, e)
	}
	text := func(s string) []content { return []content{{"body": s}} }
	const words = "Tea?\n1. green\n2. black"
	same(t, g.sent(room, "org.matrix.msc3381.poll.start")[0], content{
		"org.matrix.msc3381.poll.start": content{
			"question": content{"org.matrix.msc1767.text": "Tea?"}, "kind": "org.matrix.msc3381.poll.disclosed", "max_selections": 1,
			"answers": []content{{"id": "carapace:green", "org.matrix.msc1767.text": "green"}, {"id": "carapace:black", "org.matrix.msc1767.text": "black"}},
		},
		"org.matrix.msc1767.text": words,
		"m.poll": content{
			"question": content{"m.text": text("Tea?")}, "kind": "m.disclosed", "max_selections": 1,
			"answers": []content{{"m.id": "carapace:green", "m.text": text("green")}, {"m.id": "carapace:black", "m.text": text("black")}},
		},
		"m.text": text(words),
	})
	vote := func(kind string, c content) {
		c["m.relates_to"] = content{"rel_type": "m.reference", "event_id": sent.IDs[0]}
		ann.Send(room, kind, c)
	}
	before := func(answers ...string) content {
		return content{"org.matrix.msc3381.poll.response": content{"answers": append([]string{}, answers...)}}
	}
	vote("org.matrix.msc3381.poll.response", before("carapace:green"))
	vote("m.poll.response", content{"m.selections": []string{"carapace:green", "carapace:black"}})
	vote("org.matrix.msc3381.poll.response", before("another"))
	vote("org.matrix.msc3381.poll.response", before())
	ann.Say(room, "done")
	got := g.Messages(4)
	for i, want := range []string{"[voted in a poll: green]", "[voted in a poll: green, black]", "[took back the vote in a poll]", "done"} {
		if got[i].Text != want || i < 3 && (got[i].Kind != wit.MessageKindService || got[i].ReplyTo.ID != sent.IDs[0] || got[i].Sender.ID != ann.ID) {
			t.Errorf("told %s, want %s", wit.Marshal(&got[i]), want)
		}
	}
	for _, n := range []int{0, 21} {
		if _, err := ask(make([]string, n)...); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%d options: %v", n, err)
		}
	}
}

func TestChangesOfWhatWasSent(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut, channeltest.ReactionsOut, channeltest.TypingOut)
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	p, host, state := matrix.New(), g.Host.SDK(), g.State()
	asked := ann.Say(room, "hello")
	ann.Send(room, "m.reaction", content{"m.relates_to": content{"rel_type": "m.annotation", "event_id": asked, "key": "👀"}})
	id := g.Send(wit.ChannelSend{To: to(room), Text: "draft", IdempotencyKey: "k"})[0]
	must := func(_ *wit.Sent, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{"one", "two", "one"} {
		must(p.(channel.Editor).Edit(host, &wit.ChannelEdit{Config: g.Config, State: state, To: to(room), ID: id, Text: text, Formatted: new("<p>" + text + "</p>")}))
	}
	edits := g.sent(room, "m.room.message")
	if len(edits) != 4 {
		t.Fatalf("%d edits", len(edits)-1)
	}
	same(t, edits[3], content{"msgtype": "m.text", "body": "* one", "m.mentions": content{}, "m.relates_to": content{"rel_type": "m.replace", "event_id": id},
		"m.new_content": content{"msgtype": "m.text", "body": "one", "format": "org.matrix.custom.html", "formatted_body": "<p>one</p>", "m.mentions": content{}}})
	react := func(emoji string) {
		must(p.(channel.Reactor).React(host, &wit.ChannelReaction{Config: g.Config, State: state, To: to(room), ID: asked, Emoji: emoji}))
	}
	react("👀")
	react("👀")
	react("✅")
	react("")
	var left []string
	for _, e := range g.server.Events(room, "m.reaction") {
		if !e.Redacted {
			left = append(left, e.Sender)
		}
	}
	if !slices.Equal(left, []string{ann.ID}) {
		t.Errorf("reactions of %q are left", left)
	}
	must(p.(channel.Typer).Typing(host, &wit.ChannelTyping{Config: g.Config, State: state, To: to(room)}))
	if typing := g.server.Typing(room); !slices.Equal(typing, []string{g.bot.ID}) {
		t.Errorf("%q type", typing)
	}
	for range 2 {
		must(p.(channel.Deleter).Delete(host, &wit.ChannelDelete{Config: g.Config, State: state, To: to(room), ID: id}))
	}
	must(p.(channel.Deleter).Delete(host, &wit.ChannelDelete{Config: g.Config, State: state, To: to(room), ID: "$gone"}))
	for _, e := range g.server.Events(room, "m.room.message") {
		if e.ID == id && !e.Redacted {
			t.Error("the message is still there")
		}
	}
	if _, err := p.(channel.Deleter).Delete(host, &wit.ChannelDelete{Config: g.Config, State: state, To: to(room), ID: "5"}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("what is no message: %v", err)
	}
}

// TestRefusedAsItIs: what the server does not take in one form is sent in another.
func TestRefusedAsItIs(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals, channeltest.LongText, channeltest.Limits)
	t.Parallel()
	g, _, room := connected(t, matrixtest.Config{})
	tooLarge := matrixtest.Fault{Call: "send", Status: 413, Errcode: "M_TOO_LARGE"}
	long := strings.Repeat("word ", 800)
	for name, c := range map[string]struct {
		faults []matrixtest.Fault
		send   wit.ChannelSend
		texts  []string
	}{
		"without formatting":       {[]matrixtest.Fault{tooLarge}, wit.ChannelSend{Text: "x", Formatted: new("<b>x</b>")}, []string{"x"}},
		"in halves":                {[]matrixtest.Fault{tooLarge, tooLarge}, wit.ChannelSend{Text: long, Formatted: new("<b>x</b>")}, []string{long[:2000], long[2000:]}},
		"without its thread":       {nil, wit.ChannelSend{To: wit.Conversation{Thread: new("$none")}, Text: "y"}, []string{"y"}},
		"larger than an event, so": {nil, wit.ChannelSend{Text: "z", Formatted: new(strings.Repeat("z", 70_000))}, []string{"z"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(g.sent(room, "m.room.message"))
			g.server.Fail(c.faults...)
			c.send.To.ID, c.send.IdempotencyKey = room, name
			ids := g.Send(c.send)
			var texts []string
			for _, e := range g.sent(room, "m.room.message")[before:] {
				texts = append(texts, e["body"].(string))
			}
			if !slices.Equal(texts, c.texts) || len(ids) != len(texts) {
				t.Errorf("sent as %.60q, %d ids", texts, len(ids))
			}
		})
	}
}

// TestRefusals: an error says what it is, whether it passes, and what to do.
func TestRefusals(t *testing.T) {
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	for name, c := range map[string]struct {
		fault      matrixtest.Fault
		code       wit.Code
		retryable  bool
		retryAfter int64
		says       string
	}{
		"too fast":     {matrixtest.Fault{Status: 429, Errcode: "M_LIMIT_EXCEEDED", RetryAfter: 2500}, wit.CodeRateLimited, true, 2500, ""},
		"token":        {matrixtest.Fault{Status: 401, Errcode: "M_UNKNOWN_TOKEN", SoftLogout: true}, wit.CodeUnauthorized, true, 0, "new access token"},
		"forbidden":    {matrixtest.Fault{Status: 403, Errcode: "M_FORBIDDEN", Error: "not in room"}, wit.CodeForbidden, false, 0, "invite the bot"},
		"out of order": {matrixtest.Fault{Status: 503, Errcode: "M_UNKNOWN"}, wit.CodeUnavailable, true, 0, ""},
		"proxy":        {matrixtest.Fault{Status: 502, Body: "<html>"}, wit.CodeUnavailable, true, 0, "homeserver"},
		"cut":          {matrixtest.Fault{Cut: true}, wit.CodeUnavailable, true, 0, ""},
		"terms":        {matrixtest.Fault{Status: 403, Errcode: "M_CONSENT_NOT_GIVEN"}, wit.CodeForbidden, false, 0, "terms"},
		"gone":         {matrixtest.Fault{Status: 404, Errcode: "M_NOT_FOUND"}, wit.CodeNotFound, false, 0, ""},
		"wrong":        {matrixtest.Fault{Status: 400, Errcode: "M_BAD_JSON"}, wit.CodeInvalid, false, 0, ""},
	} {
		g.server.Mend()
		c.fault.Call, c.fault.Times = "send", -1
		g.server.Fail(c.fault)
		_, err := g.TrySend(wit.ChannelSend{To: to(room), Text: "x", IdempotencyKey: name})
		e := wit.AsError(err)
		if err == nil || e.Code != c.code || e.Retryable != c.retryable || (e.RetryAfter != nil) != (c.retryAfter > 0) || e.RetryAfter != nil && *e.RetryAfter != c.retryAfter || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: %+v", name, e)
		}
	}
	g.server.Mend()
	ann.Mute(room, g.bot.ID)
	if _, err := g.TrySend(wit.ChannelSend{To: to(room), Text: "x", IdempotencyKey: "muted"}); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("muted: %v", err)
	}
	for _, id := range []string{"", "ann", "@ann", "#none:test.local", "!none:test.local"} {
		if _, err := g.TrySend(wit.ChannelSend{To: to(id), Text: "x", IdempotencyKey: "to " + id}); err == nil || wit.AsError(err).Retryable {
			t.Errorf("to %q: %v", id, err)
		}
	}
}

// TestADirectRoomIsOpened for somebody of whom only the id is known, once.
func TestADirectRoomIsOpened(t *testing.T) {
	channeltest.Proves(t, channeltest.Direct)
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	bob := g.server.Register("bob", "Bob")
	ann.Say(room, "hello")
	g.Last(1)
	g.Send(wit.ChannelSend{To: to(ann.ID), Text: "to Ann", IdempotencyKey: "a"})
	if got := g.sent(room, "m.room.message"); len(got) != 1 {
		t.Errorf("Ann reads %v", got)
	}
	old := g.State() // of before the room
	for i, text := range []string{"to Bob", "to Bob again"} {
		s := wit.ChannelSend{Account: "default", Config: g.Config, State: old, To: to(bob.ID), Text: text, IdempotencyKey: fmt.Sprint("b", i)}
		if _, err := matrix.New().Send(g.Host.SDK(), &s); err != nil {
			t.Fatal(err)
		}
	}
	rooms := g.server.Rooms(g.bot.ID)
	if len(rooms) != 2 {
		t.Fatalf("it is in %q", rooms)
	}
	texts := g.sent(rooms[1], "m.room.message")
	if len(texts) != 2 || len(g.server.Events(rooms[1], "m.room.encryption")) > 0 {
		t.Errorf("Bob reads %v", texts)
	}
	bob.Join(rooms[1])
	bob.Say(rooms[1], "thanks")
	if m := g.Last(2); m.Text != "thanks" || m.Conversation.ID != rooms[1] || m.Conversation.Kind != wit.ConversationKindDirect {
		t.Errorf("%+v", m)
	}
}

func TestDirectory(t *testing.T) {
	channeltest.Proves(t, channeltest.Directory)
	t.Parallel()
	g, ann, _ := connected(t, matrixtest.Config{})
	bob := g.server.Register("bob", "Bob")
	kitchen := ann.CreateRoom(matrixtest.RoomOptions{Name: "Kitchen", Alias: "#kitchen:test.local", Invite: []string{g.bot.ID}})
	g.Until("it comes", func() bool { return slices.Contains(g.server.Members(kitchen), g.bot.ID) })
	hidden := ann.CreateRoom(matrixtest.RoomOptions{Name: "Hidden"})
	group, direct := wit.ConversationKindGroup, wit.ConversationKindDirect
	for _, c := range []struct {
		query string
		kind  *wit.ConversationKind
		want  []wit.DirectoryEntry
	}{
		{"bob", nil, []wit.DirectoryEntry{{Kind: direct, ID: bob.ID, Name: new("Bob")}}},
		{bob.ID, nil, []wit.DirectoryEntry{{Kind: direct, ID: bob.ID, Name: new("Bob")}}},
		{bob.ID, &group, nil},
		{"@carol:test.local", nil, nil},
		{"#kitchen:test.local", nil, []wit.DirectoryEntry{{Kind: group, ID: kitchen, Name: new("Kitchen")}}},
		{kitchen, &group, []wit.DirectoryEntry{{Kind: group, ID: kitchen, Name: new("Kitchen")}}},
		{"#none:test.local", nil, nil},
		{hidden, nil, nil},
		{"", nil, nil},
	} {
		got, err := matrix.New().(channel.Finder).Directory(g.Host.SDK(), &wit.DirectoryQuery{Config: g.Config, Query: c.query, Kind: c.kind})
		if err != nil || len(got.Entries)+len(c.want) > 0 && !reflect.DeepEqual(got.Entries, c.want) {
			t.Errorf("%q: %+v, %v", c.query, got, err)
		}
	}
}

func TestManifest(t *testing.T) {
	if f := channeltest.Manifest(t, matrix.New()); !f.Deduplicates || f.LengthUnit != wit.LengthUnitBytes || f.MaxLength > 16_000 {
		t.Errorf("%+v", f)
	}
}
