package irc_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/irc"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, irc.New(), "testdata/*.jsonl") }

func TestManifest(t *testing.T) { channeltest.Manifest(t, irc.New()) }

const config = `{"server":"tls://irc.example.org:6697","nick":"bot","channels":["#Home","#staff sesame"],"account":"botty","alternatives":["bot2"]}`

const allCaps = "sasl message-tags server-time account-tag batch labeled-response echo-message chghost draft/chathistory"

// bot plays the kernel for one account: it keeps the state and the clock.
type bot struct {
	t      *testing.T
	host   *sdktest.Host
	config string
	state  wit.JSON
	now    int64
	known  map[string]bool
}

func newBot(t *testing.T) *bot {
	return &bot{t: t, config: config, now: 1_000_000, known: map[string]bool{},
		host: &sdktest.Host{Credentials: map[string]string{"password": "pw"}}}
}

func (b *bot) event(e wit.ChannelEvent) *wit.ChannelAnswer {
	b.t.Helper()
	e.Account, e.Config, e.State, e.Now = "home", wit.JSON(b.config), b.state, b.now
	answer, err := irc.New().Event(b.host.SDK(), &e)
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

// hears hands lines in and returns what the answers to all of them say together.
func (b *bot) hears(lines ...string) *wit.ChannelAnswer {
	b.t.Helper()
	all := &wit.ChannelAnswer{}
	for _, line := range lines {
		a := b.event(wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{Connection: "irc", Text: &line}})
		all.Frames = append(all.Frames, a.Frames...)
		all.Messages = append(all.Messages, a.Messages...)
		all.Confirmed = append(all.Confirmed, a.Confirmed...)
		all.Timers = append(all.Timers, a.Timers...)
		all.Receipts = append(all.Receipts, a.Receipts...)
		all.Close = append(all.Close, a.Close...)
		if a.Status != nil {
			all.Status = a.Status
		}
	}
	return all
}

func (b *bot) fires(timer string) *wit.ChannelAnswer {
	b.t.Helper()
	return b.event(wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &timer})
}

func (b *bot) send(to, text string, more ...func(*wit.ChannelSend)) (*wit.Sent, error) {
	send := &wit.ChannelSend{Account: "home", Config: wit.JSON(b.config), State: b.state, To: wit.Conversation{ID: to}, Text: text, IdempotencyKey: "k1"}
	for _, m := range more {
		m(send)
	}
	return irc.New().Send(b.host.SDK(), send)
}

// in is a bot that the server has let in, with these capabilities.
func in(t *testing.T, caps string) *bot {
	t.Helper()
	b := newBot(t)
	b.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	b.event(wit.ChannelEvent{Kind: wit.EventKindOpened, Opened: &wit.Opened{Secured: true}})
	if !strings.Contains(caps, "sasl") {
		b.config = strings.Replace(b.config, `"account":"botty",`, "", 1)
	}
	b.hears(":irc CAP * LS :"+caps, ":irc CAP * ACK :"+caps, "AUTHENTICATE +", ":irc 903 bot :ok",
		":irc 001 bot :Welcome bot!~bot@host.example", ":irc 005 bot CASEMAPPING=rfc1459 CHANTYPES=# :are supported", ":bot!~bot@host.example JOIN #Home", ":irc BATCH +h chathistory #Home", ":irc BATCH -h")
	return b
}

func lines(frames []wit.Frame) string {
	var list []string
	for _, f := range frames {
		if f.Text != nil {
			list = append(list, *f.Text)
		} else {
			list = append(list, string(f.Bytes)+"…")
		}
	}
	return strings.Join(list, "\n")
}

func TestLogin(t *testing.T) {
	b := newBot(t)
	opens := b.event(wit.ChannelEvent{Kind: wit.EventKindStart}).Open
	if len(opens) != 1 || opens[0].Transport != wit.TransportTLS || opens[0].URL != "tls://irc.example.org:6697" {
		t.Fatalf("it opens %+v", opens)
	}
	if got := lines(b.event(wit.ChannelEvent{Kind: wit.EventKindOpened}).Frames); got != "CAP LS 302\nNICK bot\nUSER bot 0 * :bot" {
		t.Errorf("it says %q", got)
	}
	if _, err := b.send("#home", "early"); wit.CodeOf(err) != wit.CodeUnavailable || !wit.AsError(err).Retryable {
		t.Errorf("before the server has let it in: %v", err)
	}
	if got := lines(b.hears(":irc CAP * LS * :sasl=PLAIN,EXTERNAL multi-prefix", ":irc CAP * LS :server-time").Frames); got != "CAP REQ :sasl server-time" {
		t.Errorf("it asks for %q", got)
	}
	if got := lines(b.hears(":irc CAP * ACK :sasl server-time").Frames); got != "AUTHENTICATE PLAIN" {
		t.Errorf("it says %q", got)
	}
	frames := b.hears("AUTHENTICATE +").Frames
	if lines(frames) != "AUTHENTICATE …\nbotty\x00botty\x00{{credential:password}}" || !frames[1].Fill || !frames[1].Base64 {
		t.Errorf("it says %+v", frames)
	}
	if got := lines(b.hears(":irc 903 bot :ok").Frames); got != "CAP END" {
		t.Errorf("it says %q", got)
	}
	welcome := b.hears(":irc 001 bot :Welcome to IRC bot!~bot@host")
	if got := lines(welcome.Frames); got != "JOIN #staff,#Home sesame" {
		t.Errorf("it says %q", got)
	}
	if welcome.Status == nil || welcome.Status.State != wit.ConnectionStateConnected {
		t.Errorf("the status is %+v", welcome.Status)
	}
}

// TestLoginByScram: where the server has it the password is not said, also in pieces, and a server that does not know it is left.
func TestLoginByScram(t *testing.T) {
	said := func(text string) string { return "AUTHENTICATE " + base64.StdEncoding.EncodeToString([]byte(text)) }
	begun := func() *bot {
		b := newBot(t)
		b.event(wit.ChannelEvent{Kind: wit.EventKindStart})
		b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
		if got := lines(b.hears(":irc CAP * LS :sasl=PLAIN,SCRAM-SHA-256", ":irc CAP * ACK :sasl").Frames); !strings.HasSuffix(got, "AUTHENTICATE SCRAM-SHA-256") {
			t.Fatalf("it says %q", got)
		}
		if got := lines(b.hears("AUTHENTICATE +").Frames); got != said("n,,n=botty,r=a-nonce-of-the-test-host") {
			t.Fatalf("it says %q", got)
		}
		return b
	}
	long := "r=a-nonce-of-the-test-host" + strings.Repeat("-and-more", 40) + ",s=c2FsdA==,i=4096"
	b, challenge := begun(), strings.TrimPrefix(said(long), "AUTHENTICATE ")
	if got := lines(b.hears("AUTHENTICATE " + challenge[:400]).Frames); got != "" {
		t.Errorf("to the first piece it says %q", got)
	}
	answer := strings.Split(lines(b.hears("AUTHENTICATE "+challenge[400:]).Frames), "\n")
	if len(answer) != 2 || len(answer[0]) != len("AUTHENTICATE ")+400 || !strings.HasPrefix(answer[0], said("c=biws,r=a-nonce-of-the-test-host")[:50]) || strings.Contains(answer[1], "credential") {
		t.Errorf("it says %q", answer)
	}
	for name, c := range map[string][]string{
		"a success that comes too early": {":irc 903 bot :ok"},
		"another's proof":                {said(long[:26] + "x,s=c2FsdA==,i=4096"), said("v=AAAA")},
		"what is no base64":              {"AUTHENTICATE ?"},
		"too much":                       {"AUTHENTICATE " + strings.Repeat("A", 400*11)},
	} {
		a := begun().hears(c...)
		if a.Status == nil || a.Status.State == wit.ConnectionStateConnecting || !strings.Contains(*a.Status.Message, "the login to botty fails") || len(a.Close) != 1 {
			t.Errorf("%s: %+v", name, a.Status)
		}
	}
}

// TestRefusedLogin: each way in which a server lets nobody in is told with what to do, and tried again later.
func TestRefusedLogin(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	for line, want := range map[string]struct {
		state wit.ConnectionState
		says  string
	}{
		":irc 904 bot :SASL authentication failed":        {wit.ConnectionStateNeedsLogin, "carapace setup irc"},
		":irc 464 bot :Password incorrect":                {wit.ConnectionStateNeedsLogin, "serverPassword"},
		":irc 465 bot :You are banned":                    {wit.ConnectionStateFailed, "banned"},
		":irc 432 * bot :Erroneous nickname":              {wit.ConnectionStateFailed, "choose another"},
		":irc CAP * LS :server-time":                      {wit.ConnectionStateFailed, "SCRAM or PLAIN"},
		":irc CAP * LS :sasl=EXTERNAL":                    {wit.ConnectionStateFailed, "SCRAM or PLAIN"},
		"ERROR :Closing Link: bot (Too many connections)": {wit.ConnectionStateDisconnected, "Too many connections"},
		":irc CAP * NAK :sasl":                            {wit.ConnectionStateFailed, "SCRAM or PLAIN"},
	} {
		b := newBot(t)
		b.event(wit.ChannelEvent{Kind: wit.EventKindStart})
		b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
		a := b.hears(line)
		if a.Status == nil || a.Status.State != want.state || a.Status.Message == nil || !strings.Contains(*a.Status.Message, want.says) {
			t.Errorf("%s: %+v", line, a.Status)
		}
		if strings.HasPrefix(line, "ERROR") {
			continue
		}
		if len(a.Close) != 1 {
			t.Errorf("%s: the connection stays open", line)
		}
		if again := b.fires("connect"); len(again.Open) != 1 {
			t.Errorf("%s: it is not tried again", line)
		}
	}
	b := newBot(t)
	b.host.Credentials = nil
	if a := b.event(wit.ChannelEvent{Kind: wit.EventKindStart}); len(a.Open) != 0 || a.Status.State != wit.ConnectionStateNeedsLogin {
		t.Errorf("without a password: %+v", a)
	}
	b.host.Credentials = map[string]string{"password": "x", "serverPassword": "y"}
	if a := b.fires("connect"); len(a.Open) != 1 {
		t.Errorf("with a password: %+v", a)
	}
	if got := b.event(wit.ChannelEvent{Kind: wit.EventKindOpened}).Frames[0]; *got.Text != "PASS :{{credential:serverPassword}}" || !got.Fill {
		t.Errorf("it says %+v first", got)
	}
}

func TestNicks(t *testing.T) {
	b := newBot(t)
	b.config = strings.Replace(b.config, `"account":"botty",`, "", 1)
	b.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
	for _, want := range []string{"bot2", "bot_", "bot__", "bot___"} {
		if got := lines(b.hears(":irc 433 * x :Nickname is already in use").Frames); got != "NICK "+want {
			t.Errorf("it says %q, want %s", got, want)
		}
	}
	if a := b.hears(":irc 433 * x :in use"); a.Status == nil || a.Status.State != wit.ConnectionStateFailed {
		t.Errorf("without a nick: %+v", a.Status)
	}
	b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
	b.hears(":irc 433 * bot :in use")
	a := b.hears(":irc 001 bot2 :Welcome")
	if a.Status == nil || a.Status.Message == nil || !strings.Contains(*a.Status.Message, "called bot2") {
		t.Errorf("the owner is told %+v", a.Status)
	}
	b.now += 60_000
	if got := lines(b.fires("nick").Frames); !strings.Contains(got, "NICK bot") {
		t.Errorf("after a while it says %q", got)
	}
	b.hears(":irc 433 bot2 bot :in use") // still taken
	if got := lines(b.hears(":BOT!b@h QUIT :bye").Frames); got != "NICK bot" {
		t.Errorf("when the nick is free it says %q", got)
	}
	if a := b.hears(":bot2!b@h NICK :bot"); a.Status == nil || a.Status.Message != nil {
		t.Errorf("with its nick: %+v", a.Status)
	}
	m := b.hears(":ann!a@h PRIVMSG #home :bot: hi").Messages
	if len(m) != 1 || !m[0].Mentioned || m[0].Text != "hi" {
		t.Errorf("it hears %+v", m)
	}
}

func TestHears(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.RepliesIn, channeltest.ReactionsIn, channeltest.Unreactions, channeltest.Direct, channeltest.Groups, channeltest.Mentions)
	b := in(t, allCaps)
	for line, want := range map[string]string{
		"@msgid=1;time=2026-11-29T12:00:00.000Z;account=Ann :ann!a@h PRIVMSG #Home :hello":   "group #home ann:false hello 1",
		"@msgid=2 :ann!a@h PRIVMSG bot :hello":                                               "direct ann ~ann:true hello 2",
		"@msgid=3 :ann!a@h PRIVMSG #home :BOT, what now?":                                    "group #home ~ann:true what now? 3",
		"@msgid=4 :ann!a@h PRIVMSG #home :say bot!":                                          "group #home ~ann:true say bot! 4",
		"@msgid=5 :ann!a@h PRIVMSG #home :robots and botany, bot-like":                       "group #home ~ann:false robots and botany, bot-like 5",
		"@msgid=6 :ann!a@h PRIVMSG @#home :for ops":                                          "group #home ~ann:false for ops 6",
		"@msgid=7 :ann!a@h PRIVMSG bot :\x01ACTION waves\x01":                                "direct ann ~ann:true * ann waves 7",
		"@msgid=8 :ann!a@h PRIVMSG bot :\x02bold\x02 \x0304,12red\x03 \x1dx\x0f \x04ff00aab": "direct ann ~ann:true bold red x b 8",
		"@msgid=9 :[x]!a@h PRIVMSG bot :brackets":                                            "direct {x} ~{x}:true brackets 9",
		"@msgid=10;account=~bob :bob!a@h PRIVMSG bot :x":                                     "direct bob ~bob:true x 10",
	} {
		m := b.hears(line).Messages
		if len(m) != 1 {
			t.Errorf("%q: %d messages", line, len(m))
			continue
		}
		got := fmt.Sprintf("%s %s %s:%t %s %s", m[0].Conversation.Kind, m[0].Conversation.ID, m[0].Sender.ID, m[0].Mentioned, m[0].Text, m[0].ID)
		if got != want {
			t.Errorf("%q\n got  %s\n want %s", line, got, want)
		}
	}
	for _, line := range []string{
		":irc NOTICE bot :*** Looking up your hostname", ":irc.example.org PRIVMSG bot :x", ":ann!a@h PRIVMSG bot :", ":ann!a@h PRIVMSG bot : \x02\x02 ",
		":ann!a@h PRIVMSG $* :to all", ":bot!b@h PRIVMSG #home :me", ":ann!a@h PRIVMSG other :not for us",
	} {
		if a := b.hears(line); len(a.Messages) != 0 {
			t.Errorf("%q: %+v", line, a.Messages)
		}
	}
	if m := b.hears("@msgid=20 :ann!a@h NOTICE #home :bot: hi").Messages; len(m) != 1 || m[0].Kind != wit.MessageKindService {
		t.Errorf("a notice is %+v", m)
	}
	if m := b.hears("@msgid=21;+draft/reply=20 :ann!a@h PRIVMSG #home :yes").Messages; len(m) != 1 || m[0].ReplyTo == nil || m[0].ReplyTo.ID != "20" {
		t.Errorf("a reply is %+v", m)
	}
	m := b.hears("@msgid=22;+draft/reply=20;+draft/react=👍 :ann!a@h TAGMSG #home").Messages
	if len(m) != 1 || m[0].Kind != wit.MessageKindReaction || m[0].Text != "👍" || m[0].Target == nil || *m[0].Target != "20" {
		t.Errorf("a reaction is %+v", m)
	}
	m = b.hears("@msgid=23;+draft/reply=20;+draft/unreact=👍 :ann!a@h TAGMSG #home").Messages
	if len(m) != 1 || m[0].Kind != wit.MessageKindReaction || m[0].Text != "" || m[0].Target == nil || *m[0].Target != "20" {
		t.Errorf("a reaction that was taken back is %+v", m)
	}
	latin := b.event(wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{Bytes: []byte(":ann!a@h PRIVMSG bot :gr\xfc\xdfe")}})
	if len(latin.Messages) != 1 || latin.Messages[0].Text != "grüße" {
		t.Errorf("Latin-1 is %+v", latin.Messages)
	}
}

// TestIDs: what comes again is known, with a msgid or with a time; without either each is another one, also over a start.
func TestIDs(t *testing.T) {
	b := in(t, "server-time")
	id := func(line string) string {
		t.Helper()
		m := b.hears(line).Messages
		if len(m) != 1 {
			t.Fatalf("%q: %+v", line, m)
		}
		return m[0].ID
	}
	const timed = "@time=2026-11-29T12:00:00.000Z :ann!a@h PRIVMSG bot :hello"
	if a, again, other := id(timed), id(timed), id(strings.Replace(timed, "hello", "bye", 1)); a != again || a == other {
		t.Errorf("with a time: %s, %s, %s", a, again, other)
	}
	const bare = ":ann!a@h PRIVMSG bot :hello"
	first, second := id(bare), id(bare)
	b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
	b.hears(":irc 001 bot :Welcome")
	if third := id(bare); first == second || third == first || third == second {
		t.Errorf("without: %s, %s, %s", first, second, third)
	}
}

func TestCTCP(t *testing.T) {
	b := in(t, "server-time")
	for question, want := range map[string]string{
		"VERSION":                         "NOTICE ann :\x01VERSION carapace\x01",
		"PING 123":                        "NOTICE ann :\x01PING 123\x01",
		"ping " + strings.Repeat("x", 99): "NOTICE ann :\x01PING " + strings.Repeat("x", 64) + "\x01",
		"DCC SEND x":                      "",
	} {
		b.now += 10_000
		a := b.hears(":ann!a@h PRIVMSG bot :\x01" + question + "\x01")
		if got := lines(a.Frames); got != want || len(a.Messages) != 0 {
			t.Errorf("%s: %q, %+v", question, got, a.Messages)
		}
	}
	if again := b.hears(":ann!a@h PRIVMSG bot :\x01PING 1\x01", ":ann!a@h PRIVMSG bot :\x01PING 2\x01"); len(again.Frames) > 1 {
		t.Errorf("many questions: %q", lines(again.Frames))
	}
	b.now += 10_000
	if a := b.hears(":ann!a@h NOTICE bot :\x01VERSION x\x01", ":ann PRIVMSG bot :\x01VERSION\x01"); len(a.Frames)+len(a.Messages) != 0 {
		t.Errorf("an answer is answered: %+v", a)
	}
}

func TestRooms(t *testing.T) {
	b := in(t, allCaps)
	hints := map[string]string{"473": "/invite", "474": "banned", "475": "key", "471": "full", "477": "account"}
	for numeric, hint := range hints {
		a := b.hears(":irc " + numeric + " bot #staff :Cannot join")
		if a.Status == nil || a.Status.State != wit.ConnectionStateConnected || a.Status.Message == nil || !strings.Contains(*a.Status.Message, hint) {
			t.Errorf("%s: %+v", numeric, a.Status)
		}
	}
	if got := lines(b.fires("rooms").Frames); got != "" {
		t.Errorf("at once it says %q", got)
	}
	b.now += 300_000
	if got := lines(b.fires("rooms").Frames); got != "JOIN #staff sesame" {
		t.Errorf("later it says %q", got)
	}
	if a := b.hears(":bot!b@h JOIN #staff"); a.Status == nil || a.Status.Message != nil || len(a.Receipts) != 1 || a.Receipts[0].Kind != wit.ReceiptKindJoined {
		t.Errorf("when it is in: %+v", a)
	}
	if a := b.hears(":op!o@h KICK #staff bot :go away"); len(a.Receipts) != 1 || a.Receipts[0].Kind != wit.ReceiptKindLeft || !strings.Contains(*a.Status.Message, "go away") {
		t.Errorf("put out: %+v", a)
	}
	b.now += 10_000
	if got := lines(b.fires("rooms").Frames); got != "JOIN #staff sesame" {
		t.Errorf("after a while it says %q", got)
	}
	if got := lines(b.hears(":ann!a@h INVITE bot #STAFF", ":ann!a@h INVITE bot #other", ":ann!a@h INVITE other #staff").Frames); got != "JOIN #staff sesame" {
		t.Errorf("invited it says %q", got)
	}
	b.config = strings.Replace(b.config, `{`, `{"joinOnInvite":true,`, 1)
	if got := lines(b.hears(":ann!a@h INVITE bot #other").Frames); got != "JOIN #other" {
		t.Errorf("invited it says %q", got)
	}
}

// TestAlive: a silent server is asked, and given up when it does not answer.
func TestAlive(t *testing.T) {
	b := in(t, allCaps)
	b.now += 30_000
	if a := b.fires("alive"); len(a.Frames) != 0 {
		t.Errorf("too early: %q", lines(a.Frames))
	}
	b.now += 60_000
	if a := b.fires("alive"); !strings.HasPrefix(lines(a.Frames), "PING :alive-") || len(a.Timers) != 1 {
		t.Errorf("it says %q", lines(a.Frames))
	}
	b.hears(":irc PONG irc :alive-x")
	b.now += 60_000
	if a := b.fires("alive"); len(a.Open) != 0 {
		t.Errorf("an answer is not heard: %+v", a)
	}
	b.now += 60_000
	if a := b.fires("alive"); len(a.Open) != 1 || a.Status.State != wit.ConnectionStateDisconnected {
		t.Errorf("without an answer: %+v", a)
	}
	if got := lines(b.hears("PING :x y").Frames); got != "PONG :x y" {
		t.Errorf("it says %q", got)
	}
}

// TestHistory: what was missed is asked for, page by page.
func TestHistory(t *testing.T) {
	b := in(t, allCaps)
	b.hears("@msgid=1;time=2026-11-29T12:00:00.500Z :ann!a@h PRIVMSG #home :hello")
	b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
	if _, err := b.send("#home", "x"); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("without a connection: %v", err)
	}
	b.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
	b.hears(":irc CAP * LS :"+allCaps, ":irc CAP * ACK :"+allCaps)
	if got := lines(b.hears(":irc 001 bot :Welcome").Frames); !strings.Contains(got, "CHATHISTORY TARGETS timestamp=2026-11-29T12:00:00.499Z") {
		t.Errorf("it says %q", got)
	}
	if got := lines(b.hears(":bot!b@h JOIN #home").Frames); got != "CHATHISTORY AFTER #home timestamp=2026-11-29T12:00:00.499Z 100" {
		t.Errorf("it says %q", got)
	}
	page := []string{":irc BATCH +p chathistory #home"}
	for i := range 100 {
		page = append(page, fmt.Sprintf("@batch=p;msgid=h%d;time=2026-11-29T13:00:00.%03dZ :ann!a@h PRIVMSG #home :missed %d", i, i, i))
	}
	a := b.hears(append(page, ":irc BATCH -p")...)
	if len(a.Messages) != 100 || lines(a.Frames) != "CHATHISTORY AFTER #home timestamp=2026-11-29T13:00:00.098Z 100" {
		t.Errorf("%d messages, and then it says %q", len(a.Messages), lines(a.Frames))
	}
	if got := lines(b.hears(":irc CHATHISTORY TARGETS ann 2026-11-29T12:30:00.000Z", ":irc CHATHISTORY TARGETS #home 2026-11-29T12:30:00.000Z").Frames); got != "CHATHISTORY AFTER ann timestamp=2026-11-29T12:00:00.499Z 100" {
		t.Errorf("it says %q", got)
	}
}

// TestAnyLine: whatever a server says, the answer is within the bounds.
func TestAnyLine(t *testing.T) {
	for _, caps := range []string{allCaps, "server-time"} {
		b := in(t, caps)
		for _, line := range []string{
			"", " ", ":", "@", "@a", "@a=b", "@a=b :x", ": :", "PRIVMSG", ":ann PRIVMSG", ":ann!a@h PRIVMSG", ":ann!a@h PRIVMSG #home", "CAP", "CAP * NAK", "CAP * LS", "433", "001", "005",
			"BATCH", "BATCH +", "BATCH -", "KICK", "KICK #home bot", "INVITE bot", "JOIN", ":bot!b@h JOIN", ":bot!b@h JOIN " + strings.Repeat("x", 9000), ":bot NICK", "PONG", "PONG :sent-", "401", "401 bot " + strings.Repeat("x", 9000) + " :x",
			"CHATHISTORY TARGETS", "FAIL", "FAIL X", "@label= FAIL", "AUTHENTICATE", "396 bot " + strings.Repeat("h", 999), "CHGHOST a",
			":" + strings.Repeat("n", 9000) + "!a@h PRIVMSG bot :x", "@msgid=" + strings.Repeat("m", 5000) + " :ann!a@h PRIVMSG bot :x", "@time=yesterday :ann!a@h PRIVMSG bot :x",
			":ann!a@h PRIVMSG bot :" + strings.Repeat("\x03", 9000), strings.Repeat("x ", 8000),
		} {
			b.hears(line)
		}
		for i := range 400 {
			b.hears(fmt.Sprintf("BATCH +r%d chathistory #x%d", i, i), fmt.Sprintf("474 bot #r%d :banned", i), fmt.Sprintf("404 bot #r%d :%s", i, strings.Repeat("w", 5000)), fmt.Sprintf(":bot!b@h JOIN #%d%s", i, strings.Repeat("x", 100)))
		}
		if len(b.state) > 64<<10 {
			t.Errorf("the state has %d bytes", len(b.state))
		}
	}
}
