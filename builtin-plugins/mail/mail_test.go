package mail_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mail"
	"github.com/carapace-gateway/carapace/builtin-plugins/mail/mailtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, mail.New(), "testdata/*.jsonl") }

func TestManifest(t *testing.T) {
	data, err := os.ReadFile("plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	var m wit.Manifest
	if err := wit.UnmarshalStrict(data, &m); err != nil {
		t.Fatal(err)
	}
}

const config = `{"address":"bot@example.org","imap":"tls://imap.example.org:993","smtp":"tcp://smtp.example.org:587","authserv":"mx.example.org"}`

// letter is a mail of ann's with these fields and this body.
func letter(fields, body string) string {
	return "From: Ann Li <Ann@Example.org>\r\nMessage-ID: <1@example.org>\r\n" + fields + "\r\n" + body
}

// TestReads: text in all usual forms, whoever has written it with whatever.
func TestReads(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Direct)
	for name, tt := range map[string]struct{ letter, text, files string }{
		"plain":             {letter("", "hello\r\nyou"), "hello\nyou", ""},
		"subject":           {letter("Subject: =?iso-8859-1?Q?Gr=FC=DFe?= =?utf-8?B?IGFu?=\r\n =?utf-8?Q?_alle?=\r\n", "hello"), "Grüße an alle\n\nhello", ""},
		"quoted-printable":  {letter("Content-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n", "Gr=C3=BC=C3=9Fe =\r\nan alle =3D\r\n"), "Grüße an alle =", ""},
		"base64":            {letter("Content-Type: text/plain; charset=windows-1252\r\nContent-Transfer-Encoding: base64\r\n", "gJNh\r\nlA==\r\n"), "€“a”", ""},
		"latin-9":           {letter("Content-Type: text/plain; charset=iso-8859-15\r\n", "5 \xa4"), "5 €", ""},
		"alternative":       {letter("Content-Type: multipart/alternative; boundary=\"x y\"\r\n", "preamble\r\n--x y\r\nContent-Type: text/plain\r\n\r\nplain\r\n--x y\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--x y--\r\nepilogue"), "plain", ""},
		"html":              {letter("Content-Type: text/html; charset=utf-8\r\n", "<html><head><style>p{}</style></head><body><p>Hello&nbsp;&amp; <b>good</b>\r\nbye</p><ul><li>one<li>two</ul><a href=\"https://example.org/x\">here</a></body></html>"), "Hello & good bye\n\n• one\n• two\nhere (https://example.org/x)", ""},
		"a file":            {letter("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\n\r\nsee the plan\r\n--b\r\nContent-Type: application/pdf; name=\"x.pdf\"\r\nContent-Disposition: attachment;\r\n filename*0*=utf-8''pl%C3%A4ne; filename*1=\" x.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b\r\nContent-Type: image/png; name=a.png\r\n\r\nxx\r\n--b--"), "see the plan", "document pläne x.pdf, image a.png"},
		"numbered":          {letter("Content-Type: text/html\r\n", "<p>do:</p><ol><li>one<li>two<ul><li>a</li></ul></li></ol><p>end <img alt=\"a cat\" src=x></p>"), "do:\n\n1. one\n2. two\n  • a\n\nend [a cat]", ""},
		"cyrillic":          {letter("Content-Type: text/plain; charset=koi8-r\r\n", "\xd0\xd2\xc9\xd7\xc5\xd4"), "привет", ""},
		"windows-1251":      {letter("Content-Type: text/plain; charset=\"Windows-1251\"\r\n", "\xef\xf0\xe8\xe2\xe5\xf2"), "привет", ""},
		"latin-2":           {letter("Content-Type: text/plain; charset=iso-8859-2\r\n", "za\xbf\xf3\xb3\xe6"), "zażółć", ""},
		"unknown letters":   {letter("Content-Type: text/plain; charset=gb2312\r\n", "\xc4\xe3\xba\xc3"), "[what it says is in the charset gb2312, which is not read here: see the file]", "document mail.txt"},
		"escaped letters":   {letter("Content-Type: text/plain; charset=iso-2022-jp\r\n", "\x1b$B$3\x1b(B"), "[what it says is in the charset iso-2022-jp, which is not read here: see the file]", "document mail.txt"},
		"a mail in it":      {letter("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\n\r\nsee\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nnot said\r\n--b--"), "see", "document inner.eml"},
		"a signed one":      {letter("Content-Type: multipart/signed; boundary=b\r\n", "--b\r\n\r\nsigned\r\n--b\r\nContent-Type: application/pgp-signature; name=signature.asc\r\n\r\nxx\r\n--b--"), "signed", ""},
		"a counting pixel":  {letter("Content-Type: multipart/related; boundary=b\r\n", "--b\r\nContent-Type: text/html\r\n\r\n<p>hi</p>\r\n--b\r\nContent-Type: image/gif\r\nContent-ID: <p>\r\n\r\nGIF89a\r\n--b--"), "hi", ""},
		"both names":        {letter("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pdf; name=\"=?utf-8?Q?pl=C3=A4n?=.pdf\"\r\nContent-Disposition: attachment; filename=plain.pdf;\r\n filename*1*=%FCr.pdf; filename*0*=iso-8859-1'de'f\r\n\r\nxx\r\n--b--"), "x", "document für.pdf"},
		"two that are said": {letter("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\nContent-Type: text/html\r\n\r\n<p>one</p>\r\n--b\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--b--"), "one\ntwo", ""},
		"also to others":    {letter("To: bot@example.org, \"Li, Bo\" <bo@example.org>\r\nCc: Ann@example.org; cy@example.org, bo@example.org\r\n", "hi"), "hi\n\n[also to bo@example.org, cy@example.org]", ""},
		"cut off":           {letter("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8gd29ybGQ"), "hello world", ""},
	} {
		m, why := mail.Read(config, tt.letter)
		if m == nil {
			t.Errorf("%s: %s", name, why)
			continue
		}
		var files []string
		for _, a := range m.Attachments {
			files = append(files, string(a.Kind)+" "+*a.Name)
		}
		if m.Text != tt.text || strings.Join(files, ", ") != tt.files {
			t.Errorf("%s: %q with %q, want %q", name, m.Text, files, tt.text)
		}
		if m.ID != "<1@example.org>" || m.Sender.ID != "~ann@example.org" || *m.Sender.Name != "Ann Li" || m.Conversation.ID != "ann@example.org" || !m.Mentioned {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// TestThreads: mails of a thread have its first one in common, however deep they are.
func TestThreads(t *testing.T) {
	channeltest.Proves(t, channeltest.Threads, channeltest.RepliesIn)
	for fields, want := range map[string]string{
		"":                                 "<1@example.org>",
		"In-Reply-To: <0@example.org>\r\n": "<0@example.org>",
		"References: <a@b> <0@example.org>\r\nIn-Reply-To: <0@example.org>\r\n":             "<a@b>",
		"References: broken <a@b\r\n":                                                       "<1@example.org>",
		"References: <a@b>\r\n\t<c@d>\r\nSubject: Re: x\r\nIn-Reply-To: nobody's <c@d>\r\n": "<a@b>",
	} {
		m, why := mail.Read(config, letter(fields, "x"))
		if m == nil || m.Conversation.Thread == nil || *m.Conversation.Thread != want {
			t.Errorf("%q: %+v %s", fields, m, why)
		}
		if answers := want != "<1@example.org>"; m != nil && (m.ReplyTo != nil) != answers {
			t.Errorf("%q answers %+v", fields, m.ReplyTo)
		}
	}
}

// TestNeverAnswered: what no person waits for.
func TestNeverAnswered(t *testing.T) {
	for _, fields := range []string{
		"Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated", "Precedence: bulk", "Precedence: List", "List-Id: <x>", "List-Unsubscribe: <mailto:x@y>", "Return-Path: <>",
		"X-Auto-Response-Suppress: All", "Content-Type: multipart/report; boundary=x",
	} {
		if m, why := mail.Read(config, letter(fields+"\r\n", "x")); m != nil || why == "" {
			t.Errorf("%s: %+v", fields, m)
		}
	}
	for _, from := range []string{"bot@example.org", "Bot <BOT@example.org>", "MAILER-DAEMON@example.org", "no-reply@example.org", "", "nobody", "<a@b@c>", "a b"} {
		if m, why := mail.Read(config, "From: "+from+"\r\n\r\nx"); m != nil || why == "" {
			t.Errorf("from %q: %+v", from, m)
		}
	}
	if m, why := mail.Read(config, letter("Auto-Submitted: no\r\nPrecedence: first-class\r\n", "x")); m == nil {
		t.Errorf("a person's: %s", why)
	}
}

// TestProven: who a mail is from is believed on the owner's own server's word alone.
func TestProven(t *testing.T) {
	for fields, want := range map[string]bool{
		"": false,
		"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=x; dmarc=pass (p=none) header.from=example.org\r\n":                    true,
		"Authentication-Results: mx.example.org 1;\r\n dkim=pass header.d=example.org header.s=x\r\n":                                          true,
		"Authentication-Results: mx.example.org; dkim=pass header.d=other.org\r\n":                                                             false,
		"Authentication-Results: mx.example.org; dmarc=fail header.from=example.org; dkim=fail header.d=example.org\r\n":                       false,
		"Authentication-Results: evil.org; dmarc=pass header.from=example.org\r\n":                                                             false,
		"Authentication-Results: evil.org; none\r\nAuthentication-Results: mx.example.org; dmarc=pass header.from=example.org\r\n":             false,
		"Authentication-Results: mx.example.org; dmarc=fail\r\nAuthentication-Results: mx.example.org; dmarc=pass header.from=example.org\r\n": false,
		"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=example.org\r\n":                                                       false,
	} {
		m, _ := mail.Read(config, fields+letter("", "x"))
		if m == nil || (m.Sender.ID == "ann@example.org") != want || !want && m.Sender.ID != "~ann@example.org" {
			t.Errorf("%q: %+v", fields, m)
		}
	}
	without := strings.Replace(config, `,"authserv":"mx.example.org"`, "", 1)
	if m, _ := mail.Read(without, "Authentication-Results: mx.example.org; dmarc=pass header.from=example.org\r\n"+letter("", "x")); m.Sender.ID != "~ann@example.org" {
		t.Errorf("without authserv: %s", m.Sender.ID)
	}
}

func TestSaid(t *testing.T) {
	for text, want := range map[string]string{
		"yes\n\n-- \nAnn\nphone": "yes",
		"yes\n\nOn Sunday, 29 Nov 2026 at 12:00, Bot <bot@example.org> wrote:\n> no?\n>> maybe\n": "yes",
		"yes\n\nOn Sunday, 29 Nov 2026,\nBot <bot@example.org>\nwrote:\n\n> no?":                  "yes",
		"yes\n\nAm 29.11.2026 um 12:00 schrieb Bot:\n> nein?":                                     "yes",
		"yes\n\n-----Original Message-----\nFrom: Bot\n\nno?":                                     "yes",
		"> first?\nyes\n> second?\nno":                                                            "> first?\nyes\n> second?\nno",
		"> only quoted":                                                                           "> only quoted",
		"Note:\nall is well":                                                                      "Note:\nall is well",
		"":                                                                                        "",
		"-- \nAnn":                                                                                "--\nAnn",
	} {
		if got := mail.Said(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := mail.Said(mail.PlainOf("<div>yes</div><div>On Sunday Bot wrote:</div><blockquote><p>no?</p><p>really</p></blockquote>")); got != "yes" {
		t.Errorf("in HTML: %q", got)
	}
}

// TestEncodings: what is written is what the standard library reads.
func TestEncodings(t *testing.T) {
	for _, text := range []string{"", "a", "..", ".\n..", "=", "a ", "a\t\n b", "grüße 😀", strings.Repeat("lang ", 100), strings.Repeat("ü", 500), strings.Repeat(".", 200)} {
		written := mail.QuotedPrintable(text)
		read, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(written)))
		if err != nil || strings.ReplaceAll(string(read), "\r\n", "\n") != text {
			t.Errorf("%q is %q, read %q, %v", text, written, read, err)
		}
		for line := range strings.SplitSeq(written, "\r\n") {
			if len(line) > 76 || strings.HasPrefix(line, ".") {
				t.Errorf("a line of %d bytes: %q", len(line), line)
			}
		}
	}
	for _, text := range []string{"plain", "Grüße", "=?x?=", "a <b>, c", strings.Repeat("ünïcödé ", 40)} {
		written := mail.EncodedWord(text)
		read, err := new(mime.WordDecoder).DecodeHeader(strings.ReplaceAll(written, "\r\n", ""))
		if err != nil || read != text || mail.Words(strings.ReplaceAll(written, "\r\n", "")) != text {
			t.Errorf("%q is %q, read %q, %v", text, written, read, err)
		}
	}
}

// send sends through a server.
func send(t *testing.T, s *mailtest.Server, password string, change func(*wit.ChannelSend), more ...func(*sdktest.Host)) (*wit.Sent, error) {
	t.Helper()
	host := &sdktest.Host{Credentials: map[string]string{"password": password}, Dial: func(url string) (net.Conn, error) {
		return net.Dial("tcp", strings.TrimPrefix(url, "tcp://"))
	}}
	message := &wit.ChannelSend{
		Account: "home", Config: wit.JSON(fmt.Sprintf(`{"address":%q,"name":"Bött","imap":%q,"smtp":%q}`, mailtest.User, s.IMAP(), s.SMTP())),
		To: wit.Conversation{ID: "ann@people.test"}, Text: "hello\n.\n..grüße", IdempotencyKey: "k1",
	}
	if change != nil {
		change(message)
	}
	for _, fn := range more {
		fn(host)
	}
	return mail.New().Send(host.SDK(), message)
}

func TestSends(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.Markup, channeltest.RepliesOut, channeltest.LongText)
	s, err := mailtest.Listen(mailtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	thread := func(m *wit.ChannelSend) {
		m.To.Thread, m.ReplyTo, m.Formatted = new("<root@people.test>"), new("<last@people.test>"), new("<p>hello <b>you</b></p>")
		m.State = wit.JSON(`{"threads":[{"root":"<root@people.test>","last":"<older@people.test>","subject":"Lunch, maybe?"}]}`)
	}
	sent, err := send(t, s, mailtest.Password, thread)
	if err != nil || len(sent.IDs) != 1 {
		t.Fatalf("%+v, %v", sent, err)
	}
	got := s.Sent()[0]
	m, err := got.Message()
	if err != nil || mailtest.Plain(m) != "hello\n.\n..grüße" || !bytes.Contains(got.Text, []byte("<b>you</b>")) {
		t.Errorf("%v\n%s", err, got.Text)
	}
	subject, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	from, _ := m.Header.AddressList("From")
	if subject != "Re: Lunch, maybe?" || len(from) != 1 || from[0].Name != "Bött" || m.Header.Get("In-Reply-To") != "<last@people.test>" ||
		m.Header.Get("References") != "<root@people.test> <last@people.test>" || m.Header.Get("Message-Id") != sent.IDs[0] || m.Header.Get("Date") == "" {
		t.Errorf("%q %v", subject, m.Header)
	}
	long := strings.Repeat("a long text. ", 5000)
	again, err := send(t, s, mailtest.Password, func(m *wit.ChannelSend) { m.Text = long })
	if err != nil || again.IDs[0] != sent.IDs[0] {
		t.Errorf("the same key: %+v, %v", again, err)
	}
	if m, err = s.Sent()[1].Message(); err != nil || mailtest.Plain(m) != strings.TrimSpace(long) || !strings.HasPrefix(m.Header.Get("Subject"), "=?utf-8?") {
		t.Errorf("a long one: %v, %v", err, m.Header)
	}
	if nothing, err := send(t, s, mailtest.Password, func(m *wit.ChannelSend) { m.Text = " \n" }); err != nil || len(nothing.IDs) != 0 || len(s.Sent()) != 2 {
		t.Errorf("nothing: %+v, %v", nothing, err)
	}
}

// TestWhoIsAnswered: where the sender wants it, but only one who is proven; everybody where the owner wants that; and in nobody
// else's thread.
func TestWhoIsAnswered(t *testing.T) {
	s, err := mailtest.Listen(mailtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const passed = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.org\r\n"
	fields := "To: bot@example.org, bo@example.org\r\nReply-To: Desk <desk@example.org>\r\nReferences: <root@example.org>\r\n"
	for name, c := range map[string]struct {
		letter, config, asker string
		to                    []string
	}{
		"proven":         {passed + letter(fields, "x"), "", "ann@example.org", []string{"desk@example.org"}},
		"not proven":     {letter(fields, "x"), "", "ann@example.org", []string{"ann@example.org"}},
		"everybody":      {passed + letter(fields, "x"), `,"replyAll":true`, "ann@example.org", []string{"desk@example.org", "bo@example.org"}},
		"another's mail": {passed + letter(fields, "x"), `,"replyAll":true`, "cy@example.org", []string{"cy@example.org"}},
	} {
		state := mail.StateAfter(config, c.letter)
		before := len(s.Sent())
		_, err := send(t, s, mailtest.Password, func(m *wit.ChannelSend) {
			m.To.ID, m.To.Thread, m.State = c.asker, new("<root@example.org>"), state
			m.Config = wit.JSON(strings.TrimSuffix(string(m.Config), "}") + c.config + "}")
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := s.Sent()[before]
		m, err := got.Message()
		if err != nil || !slices.Equal(got.To, c.to) || m.Header.Get("To") != "<"+c.to[0]+">" || (m.Header.Get("Cc") != "") != (len(c.to) > 1) || m.Header.Get("Auto-Submitted") != "auto-replied" {
			t.Errorf("%s: it goes to %q: %v %v", name, got.To, m.Header, err)
		}
	}
	if _, err := send(t, s, mailtest.Password, nil); err != nil {
		t.Fatal(err)
	}
	if m, err := s.Sent()[len(s.Sent())-1].Message(); err != nil || m.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("what answers nothing: %v, %v", m.Header, err)
	}
}

// TestFilesThatDoNotFit: what is said arrives, and what becomes of the files stands in it.
func TestFilesThatDoNotFit(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	files := []wit.Attachment{
		{Media: new("m1"), Name: new("large.bin"), Mime: new("application/x-large")}, {Media: new("m2"), Name: new("small <1>.txt"), Mime: new("text/plain")},
		{Fetch: &wit.HTTPRequest{URL: "https://example.org/x?a&b"}, Name: new("web.pdf")}, {Media: new("gone"), Name: new("gone.txt")},
	}
	for name, c := range map[string]struct {
		config mailtest.Config
		public string
		files  int
		words  []string
	}{
		"both fit":         {mailtest.Config{}, "", 2, []string{"web.pdf: https://example.org/x?a&b", "gone.txt is no longer kept"}},
		"one is too large": {mailtest.Config{MaxSize: 100_000}, "", 1, []string{"large.bin is too large for a mail (196 KB)"}},
		"with a link":      {mailtest.Config{MaxSize: 100_000}, "https://gateway.example", 1, []string{"large.bin is too large for a mail (196 KB): https://gateway.example/media/m1"}},
		"it takes less":    {mailtest.Config{MaxSize: 5_000, SaysSize: 1_000_000}, "", 0, []string{"large.bin is too large", "small <1>.txt is too large"}},
	} {
		s, err := mailtest.Listen(c.config)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		large := strings.Repeat("0123456789", 20_000)
		sent, err := send(t, s, mailtest.Password, func(m *wit.ChannelSend) { m.Text, m.Formatted, m.Attachments = "hello", new("<p>hello</p>"), files },
			func(h *sdktest.Host) {
				h.Public = c.public
				h.Media = map[string]wit.MediaInfo{"m1": {Size: int64(len(large))}, "m2": {Size: 5}}
				h.Files = map[string][]byte{"m1": []byte(large), "m2": []byte("small")}
			})
		if err != nil || len(sent.IDs) != 1 || len(s.Sent()) != 1 {
			t.Errorf("%s: %+v, %v", name, sent, err)
			continue
		}
		m, err := s.Sent()[0].Message()
		if err != nil {
			t.Fatal(err)
		}
		text := mailtest.Plain(m)
		for _, words := range append(c.words, "hello", "web.pdf") {
			if !strings.Contains(text, words) {
				t.Errorf("%s: %q is not said: %q", name, words, text)
			}
		}
		got := filesIn(t, s.Sent()[0])
		if len(got) != c.files || len(got) > 0 && (got[len(got)-1].data != "small" || got[len(got)-1].name != "small <1>.txt") {
			t.Errorf("%s: %d files", name, len(got))
		}
		if c.public != "" && !strings.Contains(string(s.Sent()[0].Text), "<a href=3D") {
			t.Errorf("%s: there is no link to click on: %s", name, s.Sent()[0].Text)
		}
	}
}

// TestRefused: what the server refuses is told by the contract's codes, with what to do.
func TestRefused(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	s, err := mailtest.Listen(mailtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for reply, want := range map[string]wit.Error{
		"450 4.2.0 later":   {Code: wit.CodeUnavailable, Retryable: true},
		"550 5.1.1 nobody":  {Code: wit.CodeNotFound},
		"550 5.7.1 no":      {Code: wit.CodeForbidden},
		"552 5.3.4 too big": {Code: wit.CodeTooLarge},
		"555 5.5.4 odd":     {Code: wit.CodeInvalid},
		"nonsense":          {Code: wit.CodeUnavailable, Retryable: true},
	} {
		s.Refuse(reply)
		if _, err := send(t, s, mailtest.Password, nil); wit.CodeOf(err) != want.Code || wit.AsError(err).Retryable != want.Retryable {
			t.Errorf("%s: %v", reply, err)
		}
	}
	if _, err := send(t, s, "wrong", nil); wit.CodeOf(err) != wit.CodeUnauthorized || !wit.AsError(err).Retryable {
		t.Errorf("a wrong password: %v", err)
	}
	s.CutAfter(1)
	if _, err := send(t, s, mailtest.Password, nil); wit.CodeOf(err) != wit.CodeTimeout {
		t.Errorf("an acceptance that was lost: %v", err)
	}
	for _, to := range []string{"", "ann", "@", "a@b@c", "ann@example.org>\r\nRCPT TO:<bob@example.org", "a b@c", "ü@example.org"} {
		if _, err := send(t, s, mailtest.Password, func(m *wit.ChannelSend) { m.To.ID = to }); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("to %q: %v", to, err)
		}
	}
}

// TestAnyMail: whatever comes, there is an answer, within the bounds.
func TestAnyMail(t *testing.T) {
	for _, text := range []string{
		"", "\r\n", "From:", "From: a@b\r\nContent-Type: multipart/mixed; boundary=\r\n\r\n--\r\n--\r\n", "From: a@b\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat("--x\r\n", 5000),
		"From: a@b\r\nSubject: =?x?q?=?=\r\n\r\n=", "From: a@b\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("<blockquote>", 3000), "From: a@b\r\nContent-Type: text/html\r\n\r\n<", "From: a@b\r\nContent-Type: text/html\r\n\r\n&#xffffffff;&#0;<a href=",
		"From: a@b\r\n" + strings.Repeat("X: y\r\n", 5000) + "\r\nx", "From: a@b\r\n" + strings.Repeat(" folded", 5000), "From: \"" + strings.Repeat("\\", 5000),
		"From: a@b\r\nContent-Type: text/plain; x*=';;y=\"\\\r\n\r\nx", "From: a@b\r\n\r\n\xff\xfe\x00",
	} {
		if m, _ := mail.Read(config, text); m != nil {
			if m.ID == "" {
				m.ID = "x"
			}
			if err := (&wit.ChannelAnswer{Messages: []wit.Message{*m}}).Validate(); err != nil {
				t.Errorf("%.60q: %v", text, err)
			}
		}
	}
}
