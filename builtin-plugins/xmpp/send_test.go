package xmpp_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/xmpp"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func (b *bot) send(to, text string, more ...func(*wit.ChannelSend)) (*wit.Sent, error) {
	send := &wit.ChannelSend{Account: "home", Config: wit.JSON(b.config), State: b.state, To: wit.Conversation{ID: to}, Text: text, IdempotencyKey: "k1"}
	for _, m := range more {
		m(send)
	}
	sent, err := xmpp.New().Send(b.host.SDK(), send)
	if err == nil {
		if bad := sent.Validate(); bad != nil {
			b.t.Error(bad)
		}
	}
	return sent, err
}

func TestSendsDirect(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.RepliesOut, channeltest.Markup)
	b := in(t)
	sent, err := b.send("Ann@people.example", "a <b> & 😀\x01", func(s *wit.ChannelSend) { s.ReplyTo = new("the-first-message") })
	if err != nil || sent.Awaits == nil || !slices.Equal(sent.IDs, []string{sent.Awaits.Token}) {
		t.Fatalf("%+v, %v", sent, err)
	}
	token, got := sent.Awaits.Token, said(sent.Frames)
	for _, want := range []string{"<message type='chat' to='ann@people.example' id='" + token + "'>", "<body>a &lt;b&gt; &amp; 😀</body>", "<unstyled ", "urn:xmpp:receipts",
		"<reply xmlns='urn:xmpp:reply:0' id='the-first-message' to='ann@people.example'/>", "<iq type='get' to='example.org' id='sent-" + token + "'><ping"} {
		if !strings.Contains(got, want) {
			t.Errorf("it says %q, without %q", got, want)
		}
	}
	marked, err := b.send("ann@people.example", "bold", func(s *wit.ChannelSend) { s.Formatted = new("*bold*") })
	if got := said(marked.Frames); err != nil || !strings.Contains(got, "<body>*bold*</body>") || strings.Contains(got, "unstyled") || marked.Awaits.Token != token {
		t.Errorf("with marks: %q, %v", got, err)
	}
	for _, answer := range []string{"<iq type='result' id='sent-" + token + "' from='example.org'/>", "<iq type='error' id='sent-" + token + "'><error type='cancel'/></iq>"} {
		if a := b.hears(answer); len(a.Confirmed) != 1 || a.Confirmed[0].Token != token || a.Confirmed[0].Error != nil {
			t.Errorf("%s: %+v", answer, a.Confirmed)
		}
	}
	if again, err := b.send("ann@people.example", "a"); err != nil || len(again.Frames) != 0 || !slices.Equal(again.IDs, []string{token}) {
		t.Errorf("a send that was taken: %+v, %v", again, err)
	}
	if nothing, err := b.send("ann@people.example", " \n", func(s *wit.ChannelSend) { s.IdempotencyKey = "k2" }); err != nil || len(nothing.Frames) != 0 {
		t.Errorf("nothing: %+v, %v", nothing, err)
	}
	for _, to := range []string{"", "ann", "@x", "a@b@c", "a b@c", "a'b@c", strings.Repeat("x", 2000) + "@y"} {
		if _, err := b.send(to, "x"); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("to %.40q: %v", to, err)
		}
	}
}

// TestRefusedSends: what comes back has a code, and words that say what to do.
func TestRefusedSends(t *testing.T) {
	b := in(t)
	sent, _ := b.send("ann@people.example", "x")
	for condition, want := range map[string]struct {
		code      wit.Code
		retryable bool
	}{
		"type='cancel'><service-unavailable":     {wit.CodeNotFound, false},
		"type='cancel'><remote-server-not-found": {wit.CodeNotFound, false},
		"type='wait'><remote-server-timeout":     {wit.CodeUnavailable, true},
		"type='auth'><forbidden":                 {wit.CodeForbidden, false},
		"type='wait'><policy-violation":          {wit.CodeRateLimited, true},
		"type='wait'><resource-constraint":       {wit.CodeRateLimited, true},
		"type='modify'><policy-violation":        {wit.CodeForbidden, false},
		"type='modify'><bad-request":             {wit.CodeInvalid, false},
	} {
		a := b.hears("<message type='error' from='ann@people.example' id='" + sent.Awaits.Token + "'><error " + condition + " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>why not</text></error></message>")
		if len(a.Confirmed) != 1 || a.Confirmed[0].Error == nil || a.Confirmed[0].Error.Code != want.code || a.Confirmed[0].Error.Retryable != want.retryable || !strings.Contains(a.Confirmed[0].Error.Message, "why not") {
			t.Errorf("%s: %+v", condition, a.Confirmed)
		}
	}
}

func TestSendsToRooms(t *testing.T) {
	b := in(t)
	sent, err := b.send("home@rooms.example.org", "hello", func(s *wit.ChannelSend) { s.ReplyTo = new("r1") })
	if err != nil {
		t.Fatal(err)
	}
	token, got := sent.Awaits.Token, said(sent.Frames)
	if !strings.Contains(got, "<message type='groupchat' to='home@rooms.example.org' id='"+token+"'>") || !strings.Contains(got, "<reply xmlns='urn:xmpp:reply:0' id='r1'/>") || strings.Contains(got, "ping") {
		t.Errorf("it says %q", got)
	}
	if a := b.hears(group("eve", token, "r6", "<body>hello</body>")); len(a.Confirmed) != 0 {
		t.Errorf("somebody else's: %+v", a.Confirmed)
	}
	a := b.hears(group("bot", token, "r5", "<body>hello</body>"))
	if len(a.Confirmed) != 1 || a.Confirmed[0].Token != token || !slices.Equal(a.Confirmed[0].IDs, []string{"r5"}) || len(a.Messages) != 0 {
		t.Errorf("its reflection: %+v", a)
	}
	if _, err := b.send("other@rooms.example.org", "x", func(s *wit.ChannelSend) { s.To.Kind = wit.ConversationKindGroup }); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("to a room where it is not: %v", err)
	}
	a = b.hears("<message type='error' from='home@rooms.example.org' id='c-1'><error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
	if len(a.Confirmed) != 1 || a.Confirmed[0].Error == nil || !a.Confirmed[0].Error.Retryable || len(a.Timers) != 1 {
		t.Errorf("a room that has forgotten it: %+v", a)
	}
}

// TestTakenWhileAway: a send whose word was lost is not written again, when the server is heard to have taken it.
func TestTakenWhileAway(t *testing.T) {
	b := in(t)
	sent, err := b.send("ann@people.example", "hello")
	if err != nil {
		t.Fatal(err)
	}
	b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
	b.opens()
	own := "<message from='bot@example.org'><result xmlns='urn:xmpp:mam:2' queryid='mam' id='a9'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='bot@example.org/carapace' to='ann@people.example' id='" +
		sent.Awaits.Token + "'><body>hello</body></message></forwarded></result></message>"
	a := b.hears(header, plain, success, header, managed, "<resumed xmlns='urn:xmpp:sm:3' previd='sm1' h='3'/>", own, "<iq type='result' id='mam'><fin xmlns='urn:xmpp:mam:2' complete='true'/></iq>")
	if len(a.Messages) != 0 {
		t.Errorf("its own words: %+v", a.Messages)
	}
	b.in("2")
	if again, err := b.send("ann@people.example", "hello"); err != nil || len(again.Frames) != 0 || len(again.IDs) != 1 {
		t.Errorf("it is said again: %+v, %v", again, err)
	}
	if other, err := b.send("ann@people.example", "hello", func(s *wit.ChannelSend) { s.IdempotencyKey = "k9" }); err != nil || len(other.Frames) == 0 {
		t.Errorf("another one: %+v, %v", other, err)
	}
}

func TestChangesOut(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut, channeltest.ReactionsOut, channeltest.TypingOut)
	b := in(t)
	plugin, home := xmpp.New(), wit.Conversation{ID: "home@rooms.example.org"}
	b.hears(group("bot", "c-first", "r5", "<body>hello</body>"), group("ann", "hers", "r6", "<body>x</body>"))
	var awaits *wit.Awaited
	edit := func(to wit.Conversation, id string) (string, error) {
		sent, err := plugin.(channel.Editor).Edit(b.host.SDK(), &wit.ChannelEdit{Account: "home", Config: wit.JSON(b.config), State: b.state, To: to, ID: id, Text: "better", Formatted: new("*better*")})
		if err != nil {
			return "", err
		}
		if awaits = sent.Awaits; awaits == nil || len(sent.IDs) != 1 || sent.IDs[0] != id || !strings.Contains(said(sent.Frames), "id='"+awaits.Token+"'") {
			t.Errorf("an edit of %s: %+v", id, sent)
		}
		return said(sent.Frames), nil
	}
	if got, err := edit(home, "r5"); err != nil || !strings.Contains(got, "type='groupchat'") || !strings.Contains(got, "<body>*better*</body><replace xmlns='urn:xmpp:message-correct:0' id='c-first'/>") {
		t.Errorf("an edit in a room: %q, %v", got, err)
	}
	if a := b.hears(group("bot", awaits.Token, "r7", "<body>*better*</body><replace xmlns='urn:xmpp:message-correct:0' id='c-first'/>")); len(a.Confirmed) != 1 || a.Confirmed[0].Token != awaits.Token || len(a.Confirmed[0].IDs) != 0 {
		t.Errorf("it is confirmed: %+v", a.Confirmed)
	}
	for range 100 { // as a long answer has, which crowd nobody's messages out
		b.hears(group("bot", awaits.Token, "r8", "<body>*better*</body><replace xmlns='urn:xmpp:message-correct:0' id='c-first'/>"))
	}
	if _, err := edit(home, "r5"); err != nil {
		t.Error(err)
	}
	for _, id := range []string{"r6", "old"} {
		if _, err := edit(home, id); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("an edit of %s: %v", id, err)
		}
	}
	ann := wit.Conversation{ID: "ann@people.example"}
	if got, err := edit(ann, "c-7"); err != nil || !strings.Contains(got, "id='c-7'/>") || !strings.Contains(got, "id='sent-"+awaits.Token+"'") {
		t.Errorf("an edit: %q, %v", got, err)
	}
	if a := b.hears("<iq type='result' from='example.org' id='sent-" + awaits.Token + "'/>"); len(a.Confirmed) != 1 || a.Confirmed[0].Token != awaits.Token {
		t.Errorf("it is confirmed: %+v", a.Confirmed)
	}
	gone, err := plugin.(channel.Deleter).Delete(b.host.SDK(), &wit.ChannelDelete{Account: "home", Config: wit.JSON(b.config), State: b.state, To: ann, ID: "c-7"})
	if err != nil || !strings.Contains(said(gone.Frames), "<retract xmlns='urn:xmpp:message-retract:1' id='c-7'/>") {
		t.Errorf("a deletion: %+v, %v", gone, err)
	}
	for emoji, want := range map[string]string{"👍": "<reactions xmlns='urn:xmpp:reactions:0' id='r6'><reaction>👍</reaction></reactions>", "": "<reactions xmlns='urn:xmpp:reactions:0' id='r6'/>"} {
		sent, err := plugin.(channel.Reactor).React(b.host.SDK(), &wit.ChannelReaction{Account: "home", Config: wit.JSON(b.config), State: b.state, To: home, ID: "r6", Emoji: emoji})
		if err != nil || !strings.Contains(said(sent.Frames), want) {
			t.Errorf("the reaction %q: %+v, %v", emoji, sent, err)
		}
	}
	typing, err := plugin.(channel.Typer).Typing(b.host.SDK(), &wit.ChannelTyping{Account: "home", Config: wit.JSON(b.config), State: b.state, To: ann})
	if err != nil || !strings.Contains(said(typing.Frames), "<composing ") {
		t.Errorf("typing: %+v, %v", typing, err)
	}
}

// TestFilesOut: a place is asked for, the file is put there, and its address is sent; what cannot be put is told in words.
func TestFilesOut(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	b := in(t)
	file := func(s *wit.ChannelSend) {
		s.Attachments = []wit.Attachment{{Kind: wit.AttachmentKindDocument, Media: new("m1"), Name: new("a b.txt"), Mime: new("text/plain")}}
	}
	b.host.Media = map[string]wit.MediaInfo{"m1": {Media: "m1", Size: 8, Mime: "text/plain"}}
	if sent, err := b.send("ann@people.example", "here", file); err != nil || !strings.Contains(said(sent.Frames), "here\n[a b.txt cannot be sent: the server has no place for files]") {
		t.Errorf("without a service: %+v, %v", sent, err)
	}
	web := func(s *wit.ChannelSend) {
		s.Attachments = []wit.Attachment{{Kind: wit.AttachmentKindImage, Fetch: &wit.HTTPRequest{URL: "https://pictures.example/cat.jpg"}}}
	}
	if sent, err := b.send("ann@people.example", "", web); err != nil || !strings.Contains(said(sent.Frames), "<body>https://pictures.example/cat.jpg</body><x xmlns='jabber:x:oob'>") {
		t.Errorf("a file on the web: %+v, %v", sent, err)
	}
	b.hears("<iq type='result' id='info:up.example.org' from='up.example.org'><query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:http:upload:0'/><x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE'><value>urn:xmpp:http:upload:0</value></field><field var='max-file-size'><value>100</value></field></x></query></iq>")
	large := func(s *wit.ChannelSend) {
		file(s)
		s.Attachments[0].Size = new(int64(101))
	}
	if sent, err := b.send("ann@people.example", "here", large); err != nil || !strings.Contains(said(sent.Frames), "100 bytes at most") {
		t.Errorf("too large: %+v, %v", sent, err)
	}
	asks, err := b.send("ann@people.example", "here", file)
	if err != nil || asks.Awaits == nil || len(asks.IDs) != 0 {
		t.Fatalf("%+v, %v", asks, err)
	}
	id := asks.Awaits.Token
	if got := said(asks.Frames); got != "<iq type='get' to='up.example.org' id='"+id+"'><request xmlns='urn:xmpp:http:upload:0' filename='a b.txt' size='8' content-type='text/plain'/></iq>" {
		t.Errorf("it asks %q", got)
	}
	a := b.hears("<iq type='error' id='" + id + "' from='up.example.org'><error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
	if len(a.Confirmed) != 1 || a.Confirmed[0].Token != id || a.Confirmed[0].Error.Retryable {
		t.Errorf("refused: %+v", a.Confirmed)
	}
	a = b.hears("<iq type='result' id='" + id + "' from='up.example.org'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://files.example.org/1/a%20b.txt'><header name='Authorization'>Basic x</header><header name='Host'>evil</header></put><get url='https://files.example.org/1/a%20b.txt'/></slot></iq>")
	if len(a.Confirmed) != 1 || a.Confirmed[0].Error == nil || !a.Confirmed[0].Error.Retryable {
		t.Errorf("a place: %+v", a.Confirmed)
	}
	status := http.StatusCreated
	b.host.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method != http.MethodPut || r.Header.Get("Authorization") != "Basic x" || r.URL.Path != "/1/a b.txt" || r.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("it puts %s %s %v", r.Method, r.URL, r.Header)
		}
		w.WriteHeader(status)
	})
	sent, err := b.send("ann@people.example", "here", file)
	if err != nil || sent.Awaits == nil {
		t.Fatalf("%+v, %v", sent, err)
	}
	got := said(sent.Frames)
	if !strings.Contains(got, "id='"+sent.Awaits.Token+".0'><body>https://files.example.org/1/a%20b.txt</body><x xmlns='jabber:x:oob'><url>https://files.example.org/1/a%20b.txt</url></x>") || !strings.Contains(got, "<body>here</body>") {
		t.Errorf("it says %q", got)
	}
	status = http.StatusForbidden
	if sent, err := b.send("ann@people.example", "here", file); err != nil || !strings.Contains(said(sent.Frames), "cannot be sent: the place for the file answers 403") {
		t.Errorf("a place that refuses: %+v, %v", sent, err)
	}
	status = http.StatusServiceUnavailable
	if _, err := b.send("ann@people.example", "here", file); wit.CodeOf(err) != wit.CodeUnavailable || !wit.AsError(err).Retryable {
		t.Errorf("a place that is away: %v", err)
	}
}
