package xmpp_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/xmpp"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, xmpp.New(), "testdata/*.jsonl") }

func TestManifest(t *testing.T) { channeltest.Manifest(t, xmpp.New()) }

const config = `{"jid":"Bot@example.org","server":"tcp://example.org:5222","rooms":["home@rooms.example.org sesame"],"files":["https://pictures.example/","https://files.example.org"]}`

// bot plays the kernel for one account: it keeps the state and the clock.
type bot struct {
	t      *testing.T
	host   *sdktest.Host
	config string
	state  wit.JSON
	now    int64
}

func newBot(t *testing.T) *bot {
	return &bot{t: t, config: config, now: 1_764_000_000_000, host: &sdktest.Host{Credentials: map[string]string{"password": "pw"}}}
}

func (b *bot) event(e wit.ChannelEvent) *wit.ChannelAnswer {
	b.t.Helper()
	e.Account, e.Config, e.State, e.Now = "home", wit.JSON(b.config), b.state, b.now
	answer, err := xmpp.New().Event(b.host.SDK(), &e)
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

// hears hands elements in and returns what the answers to all of them say together.
func (b *bot) hears(elements ...string) *wit.ChannelAnswer {
	b.t.Helper()
	all := &wit.ChannelAnswer{}
	for _, element := range elements {
		a := b.event(wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{Connection: "xmpp", Text: &element}})
		all.Frames = append(all.Frames, a.Frames...)
		all.Messages = append(all.Messages, a.Messages...)
		all.Confirmed = append(all.Confirmed, a.Confirmed...)
		all.Timers = append(all.Timers, a.Timers...)
		all.Receipts = append(all.Receipts, a.Receipts...)
		all.Close = append(all.Close, a.Close...)
		all.Secure = append(all.Secure, a.Secure...)
		if a.Status != nil {
			all.Status = a.Status
		}
	}
	return all
}

// said is all that frames write.
func said(frames []wit.Frame) string {
	var b strings.Builder
	for _, f := range frames {
		if f.Text != nil {
			b.WriteString(*f.Text)
		}
	}
	return b.String()
}

const (
	header   = "<stream:stream from='example.org' id='1' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
	tlsOffer = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
	plain    = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
	scrams   = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism><mechanism>SCRAM-SHA-256</mechanism></mechanisms></stream:features>"
	success  = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
	managed  = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>"
	bound    = "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>bot@example.org/carapace</jid></bind></iq>"
	enabled  = "<enabled xmlns='urn:xmpp:sm:3' id='sm1' resume='true'/>"
	archive  = "<iq type='result' id='info' from='bot@example.org'><query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:mam:2'/></query></iq>"
	noInfo   = "<iq type='error' id='info' from='bot@example.org'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
	inRoom   = "<presence from='home@rooms.example.org/bot'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' role='participant'/><status code='110'/></x></presence>"
	subject  = "<message type='groupchat' from='home@rooms.example.org'><subject/></message>"
)

// opens opens the connection, encrypted.
func (b *bot) opens() string {
	b.t.Helper()
	return said(b.event(wit.ChannelEvent{Kind: wit.EventKindOpened, Opened: &wit.Opened{Secured: true}}).Frames)
}

// session is how often the connection was opened, as the bot writes it.
func (b *bot) in(session string) *wit.ChannelAnswer {
	b.t.Helper()
	return b.hears("<iq type='result' id='in-" + session + "' from='example.org'/>")
}

// in is a bot that is on its server, and in its room.
func in(t *testing.T) *bot {
	t.Helper()
	b := newBot(t)
	b.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	b.opens()
	b.hears(header, plain, success, header, managed, bound, enabled, archive)
	b.hears("<presence from='home@rooms.example.org/ann'><x xmlns='http://jabber.org/protocol/muc#user'><item jid='Ann@people.example/phone'/></x></presence>", inRoom, subject)
	if a := b.in("1"); a.Status == nil || a.Status.State != wit.ConnectionStateConnected || a.Status.Message != nil {
		t.Fatalf("it is not in: %+v", a.Status)
	}
	return b
}

func TestLogin(t *testing.T) {
	b := newBot(t)
	opens := b.event(wit.ChannelEvent{Kind: wit.EventKindStart}).Open
	if len(opens) != 1 || opens[0].Transport != wit.TransportTCP || opens[0].URL != "tcp://example.org:5222" || opens[0].Framing != wit.StreamFramingElements {
		t.Fatalf("it opens %+v", opens)
	}
	if got := said(b.event(wit.ChannelEvent{Kind: wit.EventKindOpened, Opened: &wit.Opened{}}).Frames); !strings.Contains(got, "to='example.org'") || strings.Contains(got, "from=") {
		t.Errorf("it says %q", got)
	}
	if got := said(b.hears(header, tlsOffer).Frames); got != "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" {
		t.Errorf("it says %q", got)
	}
	if a := b.hears("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"); !slices.Equal(a.Secure, []string{"xmpp"}) {
		t.Errorf("it does not go on encrypted: %+v", a)
	}
	if got := b.opens(); !strings.Contains(got, "from='bot@example.org'") {
		t.Errorf("it says %q", got)
	}
	frames := b.hears(header, plain).Frames
	if len(frames) != 3 || *frames[0].Text != "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" || *frames[1].Text != "\x00bot\x00{{credential:password}}" ||
		!frames[1].Fill || !frames[1].Base64 || *frames[2].Text != "</auth>" {
		t.Errorf("it says %+v", frames)
	}
	if got := said(b.hears(success, header, managed).Frames); !strings.Contains(got, "<resource>carapace</resource>") {
		t.Errorf("it says %q", got)
	}
	if got := said(b.hears(bound).Frames); !strings.HasPrefix(got, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>") || strings.Contains(got, "<presence") {
		t.Errorf("it says %q", got)
	}
	if _, err := b.send("ann@people.example", "early"); wit.CodeOf(err) != wit.CodeUnavailable || !wit.AsError(err).Retryable {
		t.Errorf("before it is in: %v", err)
	}
	got := said(b.hears(enabled, noInfo).Frames)
	if !strings.Contains(got, "<presence/>") || !strings.Contains(got, "to='home@rooms.example.org/bot'") || !strings.Contains(got, "<password>sesame</password><history maxstanzas='0'/>") {
		t.Errorf("it says %q", got)
	}
	if a := b.in("7"); a.Status != nil {
		t.Errorf("somebody else's answer: %+v", a.Status)
	}
	if a := b.in("2"); a.Status == nil || a.Status.State != wit.ConnectionStateConnected || a.Status.Self.ID != "bot@example.org" {
		t.Errorf("the status is %+v", a.Status)
	}
}

// saying is an element of a login with something in base64.
func saying(element, text string) string {
	return "<" + element + " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + base64.StdEncoding.EncodeToString([]byte(text)) + "</" + element + ">"
}

// TestLoginByScram: where the server has it the password is not said, and a server that does not know it is left, whenever it gives
// itself away.
func TestLoginByScram(t *testing.T) {
	const challenge = "r=a-nonce-of-the-test-host-and-more,s=c2FsdA==,i=4096"
	begun := func() *bot {
		b := newBot(t)
		b.event(wit.ChannelEvent{Kind: wit.EventKindStart})
		b.opens()
		first := base64.StdEncoding.EncodeToString([]byte("n,,n=bot,r=a-nonce-of-the-test-host"))
		if got := said(b.hears(header, scrams).Frames); got != "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>"+first+"</auth>" {
			t.Fatalf("it says %q", got)
		}
		return b
	}
	b := begun()
	response := said(b.hears(saying("challenge", challenge)).Frames)
	encoded, _ := strings.CutPrefix(response, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>")
	last, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, "</response>"))
	if err != nil || !strings.HasPrefix(string(last), "c=biws,r=a-nonce-of-the-test-host-and-more,p=") || strings.Contains(response, "credential") {
		t.Fatalf("it says %q", response)
	}
	for name, elements := range map[string][]string{
		"a success that comes too early":      {saying("success", "")},
		"a success without a word":            {saying("challenge", challenge), saying("success", "")},
		"a success with another's proof":      {saying("challenge", challenge), saying("success", "v=AAAA")},
		"a last challenge with another's":     {saying("challenge", challenge), saying("challenge", "v=AAAA")},
		"a success that is its own challenge": {saying("success", challenge)},
		"what is no base64":                   {"<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>?</challenge>"},
	} {
		a := begun().hears(elements...)
		if a.Status == nil || a.Status.State == wit.ConnectionStateConnecting || !strings.Contains(*a.Status.Message, "the login as bot@example.org fails") || len(a.Close) != 1 {
			t.Errorf("%s: %+v", name, a.Status)
		}
	}
}

// TestRefusedLogin: each way in which a server lets nobody in is told with what to do, and tried again later.
func TestRefusedLogin(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	failure := func(condition string) string {
		return "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><" + condition + "/></failure>"
	}
	for element, want := range map[string]struct {
		state wit.ConnectionState
		says  string
	}{
		failure("not-authorized"):                      {wit.ConnectionStateNeedsLogin, "carapace setup xmpp"},
		failure("account-disabled"):                    {wit.ConnectionStateNeedsLogin, "locked"},
		failure("temporary-auth-failure"):              {wit.ConnectionStateDisconnected, "for the moment"},
		strings.ReplaceAll(plain, "PLAIN", "EXTERNAL"): {wit.ConnectionStateFailed, "SCRAM or PLAIN"},
		"<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>": {wit.ConnectionStateFailed, "check `jid`"},
		"<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>":     {wit.ConnectionStateFailed, "another program"},
	} {
		b := newBot(t)
		b.event(wit.ChannelEvent{Kind: wit.EventKindStart})
		b.opens()
		a := b.hears(header, element)
		if a.Status == nil || a.Status.State != want.state || a.Status.Message == nil || !strings.Contains(*a.Status.Message, want.says) {
			t.Errorf("%s: %+v", element, a.Status)
		}
		if len(a.Close) != 1 {
			t.Errorf("%s: the connection stays open", element)
		}
		connect := "connect"
		if again := b.event(wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &connect}); len(again.Open) != 1 {
			t.Errorf("%s: it is not tried again", element)
		}
	}
	b := newBot(t)
	b.host.Credentials = nil
	if a := b.event(wit.ChannelEvent{Kind: wit.EventKindStart}); len(a.Open) != 0 || a.Status.State != wit.ConnectionStateNeedsLogin {
		t.Errorf("without a password: %+v", a.Status)
	}
	b = newBot(t)
	b.event(wit.ChannelEvent{Kind: wit.EventKindOpened, Opened: &wit.Opened{}})
	if a := b.hears(header, plain); a.Status == nil || a.Status.State != wit.ConnectionStateFailed || strings.Contains(said(a.Frames), "credential") {
		t.Errorf("without encryption: %+v, %q", a.Status, said(a.Frames))
	}
}

// TestManagement: what came is counted and acknowledged; a broken stream is resumed, where that can be, and else the archive is asked.
func TestManagement(t *testing.T) {
	b := in(t)
	if got := said(b.hears("<r xmlns='urn:xmpp:sm:3'/>").Frames); got != "<a xmlns='urn:xmpp:sm:3' h='5'/>" {
		t.Errorf("it says %q", got)
	}
	b.hears("<message from='ann@people.example/phone' id='first-of-her-messages'><body>1</body><stanza-id xmlns='urn:xmpp:sid:0' by='bot@example.org' id='a1'/></message>",
		"<message from='ann@people.example/phone'><broken></message>", "<presence from='eve@people.example' type='subscribe'/>")
	b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
	if _, err := b.send("ann@people.example", "x"); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("while it is broken: %v", err)
	}
	b.opens()
	if got := said(b.hears(header, plain, success, header, managed).Frames); !strings.HasSuffix(got, "<resume xmlns='urn:xmpp:sm:3' previd='sm1' h='8'/>") {
		t.Errorf("it says %q", got)
	}
	if got := said(b.hears("<resumed xmlns='urn:xmpp:sm:3' previd='sm1' h='3'/>").Frames); !strings.Contains(got, "<after>a1</after>") || strings.Contains(got, "<presence/>") {
		t.Errorf("it says %q", got)
	}
	fin := "<iq type='result' id='mam'><fin xmlns='urn:xmpp:mam:2' complete='true'/></iq>"
	if got := said(b.hears(fin).Frames); !strings.Contains(got, "id='in-2'") {
		t.Errorf("it says %q", got)
	}
	if a := b.in("2"); a.Status == nil || a.Status.State != wit.ConnectionStateConnected {
		t.Errorf("it is %+v", a.Status)
	}
	b.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
	b.opens()
	failed := "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
	if got := said(b.hears(header, plain, success, header, managed, failed).Frames); !strings.HasSuffix(got, "</bind></iq>") {
		t.Errorf("it says %q", got)
	}
	if got := said(b.hears(bound, enabled, archive).Frames); !strings.Contains(got, "<after>a1</after>") || strings.Contains(got, "<presence/>") {
		t.Errorf("it says %q", got)
	}
	result := func(from, id, inside string) string {
		return fmt.Sprintf("<message from='%s'><result xmlns='urn:xmpp:mam:2' queryid='mam' id='%s'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2025-11-20T10:00:00Z'/>%s</forwarded></result></message>", from, id, inside)
	}
	missed := "<message xmlns='jabber:client' from='ann@people.example/phone' type='chat' id='second-of-her-messages'><body>2</body><request xmlns='urn:xmpp:receipts'/></message>"
	a := b.hears(result("bot@example.org", "a2", missed), result("eve@people.example", "a3", missed), result("example.org", "a4", missed))
	if len(a.Messages) != 1 || a.Messages[0].Text != "2" || a.Messages[0].ID != "second-of-her-messages" || a.Messages[0].Time != 1763632800000 || len(a.Frames) != 0 {
		t.Errorf("the archive tells %+v", a)
	}
	page := "<iq type='result' id='mam'><fin xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><last>a2</last></set></fin></iq>"
	if got := said(b.hears(page).Frames); !strings.Contains(got, "<after>a2</after>") {
		t.Errorf("it says %q", got)
	}
	gone := "<iq type='error' id='mam'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
	if got := said(b.hears(gone).Frames); !strings.Contains(got, "var='start'") {
		t.Errorf("it says %q", got)
	}
	if got := said(b.hears(fin).Frames); !strings.HasPrefix(got, "<presence/>") || !strings.Contains(got, "<history since='2025-11-24T") {
		t.Errorf("it says %q", got)
	}
}

// TestAlive: a server that is silent is asked, and given up.
func TestAlive(t *testing.T) {
	b := in(t)
	alive := "alive"
	b.now += 60_000
	if a := b.event(wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &alive}); !strings.Contains(said(a.Frames), "urn:xmpp:ping") || len(a.Open) != 0 {
		t.Errorf("after a minute: %+v", a)
	}
	b.hears("<iq type='result' id='alive' from='example.org'/>")
	b.now += 60_000
	if a := b.event(wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &alive}); len(a.Open) != 0 {
		t.Errorf("it has answered: %+v", a)
	}
	b.now += 60_000
	if a := b.event(wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &alive}); len(a.Open) != 1 || a.Status.State != wit.ConnectionStateDisconnected {
		t.Errorf("it is silent: %+v", a)
	}
}

// TestQuietRoom: a room where nobody says anything is asked whether the bot is still there.
func TestQuietRoom(t *testing.T) {
	b := in(t)
	alive := "alive"
	b.hears("<iq type='result' id='x' from='example.org'/>")
	b.now += 600_000
	b.hears("<iq type='result' id='x' from='example.org'/>")
	if got := said(b.event(wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &alive}).Frames); !strings.Contains(got, "to='home@rooms.example.org/bot' id='self:home@rooms.example.org'") {
		t.Errorf("it says %q", got)
	}
	answer := "<iq type='error' id='self:home@rooms.example.org' from='%s'><error type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
	if a := b.hears(fmt.Sprintf(answer, "eve@people.example")); len(a.Timers) != 0 {
		t.Errorf("somebody else: %+v", a)
	}
	if a := b.hears(fmt.Sprintf(answer, "home@rooms.example.org/bot")); len(a.Timers) != 1 || a.Status == nil || !strings.Contains(*a.Status.Message, "forgotten") {
		t.Errorf("it is not there any more: %+v", a)
	}
}

// TestAnswers: what anybody asks is answered.
func TestAnswers(t *testing.T) {
	b := in(t)
	for question, want := range map[string]string{
		"<iq type='get' id='1' from='a@b/c'><ping xmlns='urn:xmpp:ping'/></iq>":                          "<iq type='result' to='a@b/c' id='1'/>",
		"<iq type='get' id='2' from='a@b/c'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>": "urn:xmpp:reply:0",
		"<iq type='get' id='3' from='a@b/c'><query xmlns='jabber:iq:version'/></iq>":                     "<name>carapace</name>",
		"<iq type='set' id='4' from='a@b/c'><query xmlns='jabber:iq:roster'/></iq>":                      "service-unavailable",
		"<iq type='set' id='5' from='bot@example.org'><query xmlns='jabber:iq:roster'/></iq>":            "<iq type='result'",
		"<iq type='get' id='&apos;&gt;' from='a@b/c'><x xmlns='y'/></iq>":                                "id='&apos;&gt;'",
		"<presence from='eve@people.example/x' type='subscribe'/>":                                       "<presence to='eve@people.example' type='subscribed'/>",
	} {
		if got := said(b.hears(question).Frames); !strings.Contains(got, want) {
			t.Errorf("%s: it says %q", question, got)
		}
	}
	b.config = strings.Replace(b.config, "{", `{"acceptContacts":false,`, 1)
	if got := said(b.hears("<presence from='eve@people.example/x' type='subscribe'/>", "<presence from='eve@people.example/x'/>").Frames); got != "" {
		t.Errorf("it says %q", got)
	}
	logout := b.event(wit.ChannelEvent{Kind: wit.EventKindCommand, Command: &wit.Command{Name: "logout"}})
	if !strings.HasSuffix(said(logout.Frames), "</stream:stream>") || len(logout.Close) != 1 {
		t.Errorf("logged out: %+v", logout)
	}
}
