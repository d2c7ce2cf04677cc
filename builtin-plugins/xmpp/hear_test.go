package xmpp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func direct(id, inside string) string {
	return "<message from='Ann@people.example/phone' to='bot@example.org' type='chat' id='" + id + "'>" + inside + "</message>"
}

func group(nick, id, by, inside string) string {
	if by != "" {
		inside += "<stanza-id xmlns='urn:xmpp:sid:0' by='home@rooms.example.org' id='" + by + "'/>"
	}
	return "<message from='home@rooms.example.org/" + nick + "' to='bot@example.org' type='groupchat' id='" + id + "'>" + inside + "</message>"
}

// one is the only message that comes of an element, nil where none does.
func (b *bot) one(element string) *wit.Message {
	b.t.Helper()
	a := b.hears(element)
	if len(a.Messages) > 1 {
		b.t.Errorf("%s: %d messages", element, len(a.Messages))
	}
	if len(a.Messages) == 0 {
		return nil
	}
	return &a.Messages[0]
}

func TestDirect(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Direct)
	b := in(t)
	m := b.one(direct("a-long-enough-id", "<body>hello &lt;&amp;&gt; 😀\nyou</body><active xmlns='http://jabber.org/protocol/chatstates'/>"))
	if m == nil || m.ID != "a-long-enough-id" || m.Text != "hello <&> 😀\nyou" || m.Sender.ID != "ann@people.example" || m.Conversation.ID != "ann@people.example" ||
		m.Conversation.Kind != wit.ConversationKindDirect || !m.Mentioned || m.Time != b.now || m.Kind != wit.MessageKindText {
		t.Errorf("%+v", m)
	}
	stored := "<stanza-id xmlns='urn:xmpp:sid:0' by='bot@example.org' id='a7'/><stanza-id xmlns='urn:xmpp:sid:0' by='eve@people.example' id='e'/>"
	if m := b.one(direct("12", "<body>x</body>"+stored)); m == nil || m.ID != "a7" {
		t.Errorf("an id that is no good: %+v", m)
	}
	first, second := b.one(direct("12", "<body>x</body>")), b.one(direct("12", "<body>x</body>"))
	if first == nil || second == nil || first.ID == second.ID {
		t.Errorf("ids that are no good: %+v, %+v", first, second)
	}
	late := b.one(direct("late-message-of-ann", "<body>x</body><delay xmlns='urn:xmpp:delay' stamp='2025-11-20T10:00:00Z'/>"))
	if late == nil || late.Time != 1763632800000 {
		t.Errorf("late: %+v", late)
	}
	for _, nothing := range []string{direct("x", ""), direct("x", "<body/>"), direct("x", "<body>  </body>"), "<message from='bot@example.org/other' type='chat'><body>x</body></message>",
		"<message type='chat'><body>x</body></message>", "<message from='example.org'><body>x</body></message>", group("eve", "x", "", ""), "<message type='groupchat' from='other@rooms.example.org/x'><body>x</body></message>"} {
		if m := b.one(nothing); m != nil {
			t.Errorf("%s: %+v", nothing, m)
		}
	}
	if m := b.one("<message from='news@people.example' type='headline'><body>x</body></message>"); m == nil || m.Kind != wit.MessageKindService {
		t.Errorf("news: %+v", m)
	}
	if m := b.one(direct("a-secret-message", "<body>This message is encrypted</body><encryption xmlns='urn:xmpp:eme:0' name='OMEMO' namespace='x'/>")); m == nil || !strings.Contains(m.Text, "cannot read") {
		t.Errorf("a secret: %+v", m)
	}
	if m := b.one("<message from='home@rooms.example.org/eve' type='chat' id='aside-from-somebody'><body>psst</body></message>"); m == nil || m.Conversation.ID != "home@rooms.example.org/eve" || m.Sender.ID != "~home@rooms.example.org/eve" {
		t.Errorf("aside: %+v", m)
	}
}

func TestChangesIn(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsIn, channeltest.DeletionsIn, channeltest.ReactionsIn, channeltest.Unreactions)
	b := in(t)
	m := b.one(direct("the-second-message", "<body>better</body><replace xmlns='urn:xmpp:message-correct:0' id='the-first-message'/>"))
	if m == nil || m.Kind != wit.MessageKindEdited || *m.Target != "the-first-message" || m.Text != "better" {
		t.Errorf("an edit: %+v", m)
	}
	m = b.one(direct("the-third-message", "<body>taken back</body><retract xmlns='urn:xmpp:message-retract:1' id='the-first-message'/>"))
	if m == nil || m.Kind != wit.MessageKindDeleted || *m.Target != "the-first-message" || m.Text != "" {
		t.Errorf("a deletion: %+v", m)
	}
	emojis := "<reactions xmlns='urn:xmpp:reactions:0' id='the-first-message'><reaction>👍</reaction><reaction>🎉</reaction></reactions>"
	a := b.hears(direct("the-fourth-message", emojis))
	if len(a.Messages) != 2 || a.Messages[0].Text != "👍" || a.Messages[1].Text != "🎉" || a.Messages[0].ID == a.Messages[1].ID || a.Messages[0].Kind != wit.MessageKindReaction {
		t.Errorf("reactions: %+v", a.Messages)
	}
	if m := b.one(direct("the-fifth-message", "<reactions xmlns='urn:xmpp:reactions:0' id='the-first-message'/>")); m == nil || m.Text != "" || m.Kind != wit.MessageKindReaction {
		t.Errorf("none any more: %+v", m)
	}

	b.one(group("ann", "hers", "r1", "<body>x</body>"))
	if m := b.one(group("ann", "hers2", "r2", "<body>y</body><replace xmlns='urn:xmpp:message-correct:0' id='hers'/>")); m == nil || *m.Target != "r1" {
		t.Errorf("an edit in a room: %+v", m)
	}
	for _, wrong := range []string{"<replace xmlns='urn:xmpp:message-correct:0' id='hers'/><body>z</body>", "<retract xmlns='urn:xmpp:message-retract:1' id='r1'/>"} {
		if m := b.one(group("eve", "eves", "r3", wrong)); m != nil {
			t.Errorf("somebody else's: %+v", m)
		}
	}
	if m := b.one(group("eve", "eves", "r4", strings.ReplaceAll(emojis, "the-first-message", "r1")[:len(emojis)-len("the-first-message")+2-len("<reaction>🎉</reaction></reactions>")]+"</reactions>")); m == nil || *m.Target != "r1" || m.Text != "👍" {
		t.Errorf("a reaction in a room: %+v", m)
	}
	moderated := "<message from='home@rooms.example.org%s' type='groupchat' id='m'><retract xmlns='urn:xmpp:message-retract:1' id='r1'><moderated xmlns='urn:xmpp:message-moderate:1'/></retract></message>"
	if m := b.one(fmt.Sprintf(moderated, "")); m == nil || m.Kind != wit.MessageKindDeleted || *m.Target != "r1" {
		t.Errorf("by a moderator: %+v", m)
	}
	if m := b.one(fmt.Sprintf(moderated, "/eve")); m != nil {
		t.Errorf("by somebody: %+v", m)
	}
}

func TestRepliesIn(t *testing.T) {
	channeltest.Proves(t, channeltest.RepliesIn)
	b := in(t)
	m := b.one(direct("an-answer-of-anns", "<body>&gt; grüße 😀\n&gt; and more\nyes</body><reply xmlns='urn:xmpp:reply:0' to='bot@example.org' id='c-1'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='21'/></fallback>"))
	if m == nil || m.Text != "yes" || m.ReplyTo == nil || m.ReplyTo.ID != "c-1" || *m.ReplyTo.Text != "grüße 😀\nand more" {
		t.Errorf("%+v %+v", m, m.ReplyTo)
	}
	for _, odd := range []string{"start='5' end='2'", "start='-1' end='x'", "start='0' end='99999999999'", ""} {
		if m := b.one(direct("an-odd-answer-"+odd[:min(7, len(odd))], "<body>yes</body><reply xmlns='urn:xmpp:reply:0' id='c-1'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body "+odd+"/></fallback>")); m != nil && (m.ReplyTo == nil || m.Text != "yes") {
			t.Errorf("%s: %+v", odd, m)
		}
	}
	b.hears(group("bot", "c-mine", "r9", "<body>mine</body>"))
	if m := b.one(group("eve", "e", "r10", "<body>yes</body><reply xmlns='urn:xmpp:reply:0' id='r9'/>")); m == nil || !m.Mentioned {
		t.Errorf("to the bot in a room: %+v", m)
	}
	if m := b.one(group("eve", "e", "r11", "<body>yes</body><reply xmlns='urn:xmpp:reply:0' id='r10'/>")); m == nil || m.Mentioned {
		t.Errorf("to somebody else: %+v", m)
	}
}

func TestGroups(t *testing.T) {
	channeltest.Proves(t, channeltest.Groups, channeltest.Mentions)
	b := in(t)
	m := b.one(group("ann", "x", "r1", "<body>hello all</body>"))
	if m == nil || m.ID != "r1" || m.Sender.ID != "ann@people.example" || m.Conversation.ID != "home@rooms.example.org" || m.Conversation.Kind != wit.ConversationKindGroup || m.Mentioned {
		t.Errorf("%+v", m)
	}
	if m := b.one(group("eve", "x", "r2", "<body>x</body>")); m == nil || m.Sender.ID != "~home@rooms.example.org/eve" {
		t.Errorf("somebody whose account is not told: %+v", m)
	}
	for text, want := range map[string]string{"Bot: do it": "do it", "do it, bot!": "do it, bot!", "bot, please": "please", "robot": "", "bottle": "", "bot-2": ""} {
		m := b.one(group("ann", "x", "r-"+text, "<body>"+text+"</body>"))
		if m == nil || m.Mentioned != (want != "") || want != "" && m.Text != want {
			t.Errorf("%q: %+v", text, m)
		}
	}
	b.hears("<presence from='home@rooms.example.org/ann' type='unavailable'/>")
	if m := b.one(group("ann", "x", "r3", "<body>x</body>")); m == nil || m.Sender.ID != "~home@rooms.example.org/ann" {
		t.Errorf("somebody else with her nick: %+v", m)
	}
}

// TestRooms: how the bot comes into rooms, is put out, and is called otherwise.
func TestRooms(t *testing.T) {
	b := in(t)
	self := func(kind, inside string) string {
		return "<presence from='home@rooms.example.org/bot' type='" + kind + "'><x xmlns='http://jabber.org/protocol/muc#user'>" + inside + "<status code='110'/></x></presence>"
	}
	a := b.hears(self("unavailable", "<item><actor nick='eve'/></item><status code='307'/>"))
	if a.Status == nil || !strings.Contains(*a.Status.Message, "eve has put it out") || len(a.Receipts) != 1 || a.Receipts[0].Kind != wit.ReceiptKindLeft {
		t.Errorf("put out: %+v", a)
	}
	if _, err := b.send("home@rooms.example.org", "x"); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("a send meanwhile: %v", err)
	}
	rooms := "rooms"
	b.now += 10_000
	if got := said(b.event(wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &rooms}).Frames); !strings.Contains(got, "to='home@rooms.example.org/bot'") || !strings.Contains(got, "since=") {
		t.Errorf("it does not come back: %q", got)
	}
	refusal := func(condition string) string {
		return "<presence from='home@rooms.example.org/bot' type='error'><error type='auth'><" + condition + " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
	}
	if got := said(b.hears(refusal("conflict")).Frames); !strings.Contains(got, "to='home@rooms.example.org/bot_'") {
		t.Errorf("its nick is taken: %q", got)
	}
	b.hears(strings.Replace(inRoom, "/bot'", "/bot_'", 1))
	if a := b.hears(subject); a.Status == nil || !strings.Contains(*a.Status.Message, "it is called bot_") || len(a.Receipts) != 1 {
		t.Errorf("with another nick: %+v", a)
	}
	b = in(t)
	b.hears(self("unavailable", "<status code='301'/>"))
	for condition, want := range map[string]string{"not-authorized": "another password", "registration-required": "for members", "undefined": "undefined"} {
		if a := b.hears(refusal(condition)); a.Status == nil || !strings.Contains(*a.Status.Message, want) {
			t.Errorf("%s: %+v", condition, a.Status)
		}
	}
	if _, err := b.send("home@rooms.example.org", "x"); wit.CodeOf(err) != wit.CodeForbidden || wit.AsError(err).Retryable {
		t.Errorf("a send to a closed room: %v", err)
	}
	if got := said(b.hears(self("", "<status code='201'/>")).Frames); !strings.Contains(got, "muc#owner") {
		t.Errorf("a new room: %q", got)
	}
	invitation := "<message from='ann@people.example'><x xmlns='jabber:x:conference' jid='other@rooms.example.org'/></message>"
	if got := said(b.hears(invitation).Frames); got != "" {
		t.Errorf("invited: %q", got)
	}
	b.config = strings.Replace(b.config, "{", `{"joinOnInvite":true,`, 1)
	if got := said(b.hears(invitation).Frames); !strings.Contains(got, "to='other@rooms.example.org/bot'") {
		t.Errorf("invited: %q", got)
	}
}

func TestSignsOfLife(t *testing.T) {
	channeltest.Proves(t, channeltest.TypingIn)
	b := in(t)
	for inside, want := range map[string]wit.ReceiptKind{
		"<composing xmlns='http://jabber.org/protocol/chatstates'/>": wit.ReceiptKindTyping,
		"<received xmlns='urn:xmpp:receipts' id='c-1'/>":             wit.ReceiptKindDelivered,
		"<displayed xmlns='urn:xmpp:chat-markers:0' id='c-1'/>":      wit.ReceiptKindRead,
	} {
		a := b.hears(direct("x", inside))
		if len(a.Receipts) != 1 || a.Receipts[0].Kind != want || len(a.Messages) != 0 || want != wit.ReceiptKindTyping && *a.Receipts[0].ID != "c-1" {
			t.Errorf("%s: %+v", inside, a.Receipts)
		}
	}
	if got := said(b.hears(direct("who-wants-a-receipt", "<body>x</body><request xmlns='urn:xmpp:receipts'/>")).Frames); !strings.Contains(got, "<received xmlns='urn:xmpp:receipts' id='who-wants-a-receipt'/>") || !strings.Contains(got, "to='Ann@people.example/phone'") {
		t.Errorf("it says %q", got)
	}
}

func TestFilesIn(t *testing.T) {
	b := in(t)
	oob := func(body, url string) string {
		return direct("a-file-of-anns-"+url, "<body>"+body+"</body><x xmlns='jabber:x:oob'><url>"+url+"</url></x>")
	}
	m := b.one(oob("https://files.example.org/1/cat.jpg", "https://files.example.org/1/cat.jpg"))
	if m == nil || m.Text != "" || len(m.Attachments) != 1 || m.Attachments[0].Kind != wit.AttachmentKindImage || *m.Attachments[0].Name != "cat.jpg" || m.Attachments[0].Fetch.URL != "https://files.example.org/1/cat.jpg" {
		t.Errorf("%+v", m)
	}
	if m := b.one(oob("look", "https://pictures.example/x")); m == nil || m.Text != "look" || len(m.Attachments) != 1 {
		t.Errorf("%+v", m)
	}
	for _, elsewhere := range []string{"https://files.example.org.evil.example/1/cat.jpg", "https://other.example/cat.jpg", "http://127.0.0.1/x"} {
		if m := b.one(oob("look", elsewhere)); m == nil || m.Text != "look\n"+elsewhere || len(m.Attachments) != 0 {
			t.Errorf("%+v", m)
		}
	}
}

// TestHostile: what no server says breaks nothing, and bounds hold.
func TestHostile(t *testing.T) {
	b := in(t)
	long := strings.Repeat("x", 2000)
	for _, element := range []string{
		"", "<", "x", "<message", "</stream:stream>", "<message from='" + long + "@a/b'><body>x</body></message>", "<iq/>", "<iq type='get'/>", "<iq type='result' id='bind'/>",
		"<iq type='result' id='in-1' from='eve@people.example'/>", "<iq type='result' id='sent-c-1' from='eve@people.example'/>", "<iq type='result' id='slot:c-1' from='eve@people.example'/>",
		"<presence type='error'/>", "<presence from='home@rooms.example.org'/>", "<message type='error' id='x'/>", "<message><result xmlns='urn:xmpp:mam:2'/></message>",
		"<message><body>&undefined;</body></message>", "<!DOCTYPE x>", "<resumed xmlns='urn:xmpp:sm:3'/>", "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
		strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100), "<message from='a@b/c'>" + strings.Repeat("<x/>", 10_000) + "</message>",
	} {
		a := b.hears(element)
		if len(a.Messages)+len(a.Confirmed)+len(a.Secure)+len(a.Close) != 0 {
			t.Errorf("%.80s: %+v", element, a)
		}
	}
	for i := range 210 {
		b.hears(fmt.Sprintf("<presence from='home@rooms.example.org/p%d%s'><x xmlns='http://jabber.org/protocol/muc#user'><item jid='p%d@people.example'/></x></presence>", i, long[:150], i))
	}
	for i := range 70 {
		b.hears(group("eve", fmt.Sprint(long[:90], i), fmt.Sprint(long[:90], i), "<body>x</body>"), "<message type='groupchat' id='c-"+fmt.Sprint(i)+"' from='home@rooms.example.org/bot'><body>x</body></message>")
	}
	if len(b.state) > wit.ChannelAnswerStateMax {
		t.Errorf("the state has %d bytes", len(b.state))
	}
	if !slices.ContainsFunc(b.hears("<r xmlns='urn:xmpp:sm:3'/>").Frames, func(f wit.Frame) bool { return strings.Contains(*f.Text, "h='") }) {
		t.Error("it does not count any more")
	}
}
