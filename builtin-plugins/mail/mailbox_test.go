package mail_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mail"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// mailbox is an account that has asked for the mail with UID 7.
type mailbox struct {
	t     testing.TB
	state wit.JSON
	now   int64
	asked string // what it has written since the last event
	wants int64  // when it connects again, in milliseconds
	got   []wit.Message
}

func newMailbox(t testing.TB) *mailbox {
	return &mailbox{t: t, now: 1, state: wit.JSON(`{"step":"fetch","validity":1,"found":1,"last":6,"queue":[7,8]}`)}
}

// event hands one to the account, and checks that the answer is within the contract's bounds.
func (b *mailbox) event(e wit.ChannelEvent) {
	b.t.Helper()
	b.now++
	e.Account, e.Config, e.State, e.Now, e.Connection = "home", wit.JSON(config), b.state, b.now, new("imap")
	host := &sdktest.Host{Credentials: map[string]string{"password": "x"}}
	answer, err := mail.New().Event(host.SDK(), &e)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := answer.Validate(); err != nil {
		b.t.Fatal(err)
	}
	if len(answer.State) > 0 {
		b.state = answer.State
	}
	b.asked, b.wants = "", -1
	for _, f := range answer.Frames {
		b.asked += *f.Text
	}
	for _, timer := range answer.Timers {
		if timer.ID == "connect" && timer.After > 0 {
			b.wants = timer.After
		}
	}
	b.got = append(b.got, answer.Messages...)
}

// says has the server say something, in pieces of n bytes.
func (b *mailbox) says(text string, n int) {
	b.t.Helper()
	for text != "" {
		piece := text[:min(n, len(text))]
		text = text[len(piece):]
		b.event(wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{Connection: "imap", Bytes: []byte(piece)}})
	}
}

// connects has the account connect anew and find the mails that it does not know.
func (b *mailbox) connects(found string) {
	b.t.Helper()
	b.event(wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: new("connect")})
	b.event(wit.ChannelEvent{Kind: wit.EventKindOpened, Opened: &wit.Opened{Secured: true}})
	b.says("* PREAUTH hello\r\n", 1<<20)
	b.says("* OK [UIDVALIDITY 1] ok\r\nselect OK done\r\n", 1<<20)
	b.says("* SEARCH "+found+"\r\nsearch OK done\r\n", 1<<20)
}

func given(uid int, more, text string) string {
	return fmt.Sprintf("* 1 FETCH (UID %d INTERNALDATE \"29-Nov-2026 12:00:00 +0000\" RFC822.SIZE %d%s BODY[]<0> {%d}\r\n%s)\r\nfetch OK done\r\n", uid, len(text), more, len(text), text)
}

// TestMailsThatServersDoNotGive: each is asked for some times, and the one behind it is read.
func TestMailsThatServersDoNotGive(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	b := newMailbox(t)
	for n := range 2 {
		b.says("fetch NO [UNAVAILABLE] not now\r\n", 1<<20)
		if b.wants < 1000 {
			t.Fatalf("the %d. time it connects after %d ms: %s", n+1, b.wants, b.asked)
		}
		b.connects("7 8")
		if !strings.Contains(b.asked, "UID FETCH 7 ") {
			t.Fatalf("the %d. time it asks %q", n+1, b.asked)
		}
	}
	b.says("fetch NO [UNAVAILABLE] not now\r\n", 1<<20)
	if !strings.Contains(b.asked, "UID FETCH 8 ") {
		t.Errorf("at last it asks %q", b.asked)
	}
	b.says(given(8, "", letter("", "hello")), 1<<20)
	if len(b.got) != 1 || b.got[0].Text != "hello" {
		t.Errorf("%+v", b.got)
	}
}

// TestMailsThatAreTooMuch: what a server sends of a mail is bounded; the mail is read without what its parts are, or else passed
// over, and the one behind it is read.
func TestMailsThatAreTooMuch(t *testing.T) {
	for name, much := range map[string]string{
		"parts":   "* 1 FETCH (UID 7 BODYSTRUCTURE (" + strings.Repeat(`("a" "b")`, 10_000),
		"literal": "* 1 FETCH (UID 7 BODY[]<0> {99999999}\r\n" + strings.Repeat("x", 60_000),
		"line":    "* 1 FETCH (UID 7 " + strings.Repeat("x", 60_000),
	} {
		b := newMailbox(t)
		b.says(much, 1000)
		b.connects("7 8")
		if !strings.Contains(b.asked, "UID FETCH 7 ") || strings.Contains(b.asked, "BODYSTRUCTURE") {
			t.Errorf("%s: it asks %q", name, b.asked)
		}
		b.says(much, 1000)
		b.connects("7 8")
		if !strings.Contains(b.asked, "UID FETCH 8 ") || !strings.Contains(b.asked, "BODYSTRUCTURE") {
			t.Errorf("%s: then it asks %q", name, b.asked)
		}
		b.says(given(8, "", letter("", "hello")), 7)
		if len(b.got) != 1 || b.got[0].Text != "hello" {
			t.Errorf("%s: %+v", name, b.got)
		}
	}
}

// TestGoneInBetween: a mail that somebody has deleted since it was found is passed over, also while its parts are asked for.
func TestGoneInBetween(t *testing.T) {
	b := newMailbox(t)
	b.says("fetch OK done\r\n", 1<<20)
	if !strings.Contains(b.asked, "UID FETCH 8 ") {
		t.Fatalf("it asks %q", b.asked)
	}
	mixed := letter("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\nContent-Type: image/png\r\n\r\n"+strings.Repeat("x", 20_000))
	b.says(strings.Replace(given(8, ` BODYSTRUCTURE (("IMAGE" "PNG" NIL NIL NIL "7BIT" 90000)("TEXT" "PLAIN" ("CHARSET" {5}`+"\r\nutf-8"+`) NIL NIL "7BIT" 5 1) "MIXED")`, mixed), "RFC822.SIZE", "RFC822.SIZE 99999 X", 1), 100)
	if !strings.Contains(b.asked, "UID FETCH 8 ") || !strings.Contains(b.asked, "BODY.PEEK[2]<0.") || len(b.got) > 0 {
		t.Fatalf("it asks %q", b.asked)
	}
	b.says("fetch OK done\r\n", 1<<20)
	if strings.Contains(b.asked, "FETCH") || !strings.Contains(b.asked, "idle IDLE") && len(b.got) > 0 {
		t.Errorf("it asks %q, and has %+v", b.asked, b.got)
	}
}

// TestALongMailIsCut: between two characters; it says that it goes on, and all of it is a file.
func TestALongMailIsCut(t *testing.T) {
	b := newMailbox(t)
	text := letter("Content-Type: text/plain\r\n", strings.Repeat("ü", 500)+"\xc3")
	said := strings.Replace(given(7, ` BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "8BIT" 90000 1 NIL NIL NIL)`, text), "RFC822.SIZE", "RFC822.SIZE 90000 X", 1)
	b.says(said, 33)
	if len(b.got) != 1 || b.got[0].Text != strings.Repeat("ü", 500)+"\n\n[the mail goes on]" || len(b.got[0].Attachments) != 1 {
		t.Fatalf("%+v", b.got)
	}
	if file := b.got[0].Attachments[0]; file.Locator == nil || !strings.Contains(*file.Locator, `"part":"1"`) || *file.Name != "mail.txt" || *file.Size != 90_000 {
		t.Errorf("%+v", file)
	}
}

// TestWhatIsKeptIsBounded: however long what strangers write in headers is, the state fits.
func TestWhatIsKeptIsBounded(t *testing.T) {
	b := newMailbox(t)
	for i := range 60 {
		b.state = wit.JSON(strings.Replace(string(b.state), `"step":"idle"`, `"step":"fetch"`, 1))
		uid := 7 + i
		b.state = wit.JSON(strings.Replace(string(b.state), `"step":"resting"`, `"step":"fetch"`, 1))
		if !strings.Contains(string(b.state), `"queue"`) {
			b.state = wit.JSON(strings.TrimSuffix(string(b.state), "}") + fmt.Sprintf(`,"queue":[%d]}`, uid))
		}
		id := strings.Repeat(`"\`, 110) + fmt.Sprint(i)
		others := ""
		for n := range 30 {
			others += fmt.Sprintf("%s%d@example.org, ", strings.Repeat("o", 200), n)
		}
		b.says(given(uid, "", "From: "+strings.Repeat("a", 60)+"@example.org\r\nMessage-ID: <"+id+"@x>\r\nSubject: "+strings.Repeat(`"`, 500)+"\r\nTo: "+others+"\r\n\r\nx"), 1<<20)
	}
	if len(b.got) < 50 {
		t.Fatalf("%d mails were read", len(b.got))
	}
	b.state = wit.JSON(strings.Replace(strings.Replace(string(b.state), `"step":"idle"`, `"step":"fetch"`, 1), `"step":"resting"`, `"step":"fetch"`, 1))
	b.says("* 1 FETCH (UID 99 BODY[]<0> {40000}\r\n"+strings.Repeat("x", 36_000), 4000)
	if n := len(b.state); n < 45_000 || n > wit.ChannelAnswerStateMax {
		t.Errorf("the state has %d bytes", n)
	}
}

// FuzzMailbox: whatever a server says, in whatever pieces, the answers are within their bounds.
func FuzzMailbox(f *testing.F) {
	for _, text := range []string{
		given(7, ` BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1)`, letter("", "hello")), "* 1 FETCH (UID 7 BODYSTRUCTURE ((((", "fetch NO x\r\n", "* BYE\r\n", "* 1 FETCH (BODY[ (x)] \"\\", "* SEARCH 9\r\nsearch OK\r\n",
		"* 1 FETCH (UID 7 RFC822.SIZE 99 BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" (\"charset\" \"x\") \"<i>\" NIL \"base64\" 9 1 NIL (\"attachment\" (\"filename*0*\" \"utf-8''%\"))) \"mixed\") BODY[]<0> {12}\r\nFrom: a@b\r\n\r\n)\r\nfetch OK\r\n",
	} {
		f.Add(text, 5)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		b := newMailbox(t)
		b.says(text, max(n%100, len(text)/50, 1))
	})
}

// FuzzMail: whatever a mail is, its message is within the bounds.
func FuzzMail(f *testing.F) {
	for _, text := range []string{
		letter("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny\r\n--b\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename*0*=a'b'%; filename*1=c\r\n\r\nAA=A\r\n--b--"),
		letter("Content-Type: text/html; charset=koi8-r\r\n", "<ol><li>x<ul><blockquote><li><a href=x>&#9;</a><img alt='y'></ol>"),
		letter("Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: quoted-printable\r\n", "=FF=\r\n=3"), "From: \"a, <b>\" <c@d>\r\nTo: ;,\"\\\r\n\r\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, _ := mail.Read(config, text)
		if m == nil {
			return
		}
		if m.ID == "" {
			m.ID = "x"
		}
		if err := (&wit.ChannelAnswer{Messages: []wit.Message{*m}}).Validate(); err != nil {
			t.Error(err)
		}
	})
}
