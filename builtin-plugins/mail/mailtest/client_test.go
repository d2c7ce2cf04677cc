package mailtest_test

import (
	"context"
	"io"
	"net/mail"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/client"

	"github.com/carapace-gateway/carapace/builtin-plugins/mail/mailtest"
)

// patience only bounds a test that fails.
const patience = time.Minute

// TestClientLibrary: a library that mail programs are written with takes the server for one of IMAP's: it logs in, opens the
// mailbox, is told of new mail while it waits, finds and fetches it.
func TestClientLibrary(t *testing.T) {
	s, err := mailtest.Listen(mailtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Deliver(mailtest.Letter("ann@people.test", mailtest.User, "first"))
	c, err := client.Dial(strings.TrimPrefix(s.IMAP(), "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(mailtest.User, "wrong"); err == nil {
		t.Error("a wrong password is right")
	}
	if err := c.Login(mailtest.User, mailtest.Password); err != nil {
		t.Fatal(err)
	}
	box, err := c.Select("INBOX", false)
	if err != nil || box.Messages != 1 || box.UidNext != 2 || box.UidValidity != 1 {
		t.Fatalf("the mailbox is %+v, %v", box, err)
	}
	updates := make(chan client.Update, 16)
	c.Updates = updates
	stop, idle := make(chan struct{}), make(chan error, 1)
	go func() { idle <- c.Idle(stop, nil) }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Wait(ctx, s.Listening); err != nil {
		t.Fatal("it does not wait for mail")
	}
	s.Deliver(mailtest.Letter("ann@people.test", mailtest.User, "second", "Subject", "News"))
	for told := false; !told; {
		select {
		case u := <-updates:
			m, ok := u.(*client.MailboxUpdate)
			told = ok && m.Mailbox.Messages == 2
		case <-ctx.Done():
			t.Fatal("it is not told of new mail")
		}
	}
	close(stop)
	if err := <-idle; err != nil {
		t.Fatal(err)
	}
	fetchNews(t, c)
	fetchParts(t, s, c)
	if err := c.Logout(); err != nil {
		t.Error(err)
	}
}

// fetchNews has the library find and fetch the second mail.
func fetchNews(t *testing.T, c *client.Client) {
	t.Helper()
	criteria := imap.NewSearchCriteria()
	criteria.Uid = new(imap.SeqSet)
	criteria.Uid.AddRange(2, 0)
	found, err := c.UidSearch(criteria)
	if err != nil || len(found) != 1 || found[0] != 2 {
		t.Fatalf("it finds %v, %v", found, err)
	}
	section := &imap.BodySectionName{Peek: true, Partial: []int{0, 1 << 16}}
	messages := make(chan *imap.Message, 4)
	if err := c.UidFetch(criteria.Uid, []imap.FetchItem{imap.FetchUid, imap.FetchInternalDate, imap.FetchRFC822Size, section.FetchItem()}, messages); err != nil {
		t.Fatal(err)
	}
	got := <-messages
	m, err := mail.ReadMessage(got.GetBody(section))
	if err != nil || got.Uid != 2 || m.Header.Get("Subject") != "News" || mailtest.Plain(m) != "second" || got.InternalDate.IsZero() || got.Size == 0 {
		t.Errorf("it fetches %+v, %v", got, err)
	}
}

// fetchParts has the library read what the parts of a mail are, and one of them.
func fetchParts(t *testing.T, s *mailtest.Server, c *client.Client) {
	t.Helper()
	s.Deliver("Message-ID: <parts@people.test>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n" +
		"--b\r\nContent-Type: image/png; name=\"grün.png\"\r\nContent-ID: <x>\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: inline\r\n\r\nAAAA\r\n--b--\r\n")
	criteria := imap.NewSearchCriteria()
	criteria.Header.Set("Message-ID", "<parts@people.test>")
	found, err := c.UidSearch(criteria)
	if err != nil || len(found) != 1 || found[0] != 3 {
		t.Fatalf("it finds %v, %v", found, err)
	}
	set := new(imap.SeqSet)
	set.AddNum(3)
	section := &imap.BodySectionName{Peek: true, BodyPartName: imap.BodyPartName{Path: []int{3}}}
	messages := make(chan *imap.Message, 4)
	if err := c.UidFetch(set, []imap.FetchItem{imap.FetchUid, imap.FetchBodyStructure, section.FetchItem()}, messages); err != nil {
		t.Fatal(err)
	}
	got := <-messages
	parts := got.BodyStructure.Parts
	if len(parts) != 3 || parts[0].MIMESubType != "plain" || parts[0].Size != 5 || parts[1].MIMESubType != "rfc822" || parts[2].Encoding != "base64" || parts[2].Disposition != "inline" || parts[2].Params["name"] != "grün.png" {
		t.Errorf("its parts are %+v", parts)
	}
	if data, err := io.ReadAll(got.GetBody(section)); err != nil || string(data) != "AAAA" {
		t.Errorf("the part is %q, %v", data, err)
	}
}

// TestSubmission: the standard library's client hands a mail over, and is told what is refused.
func TestSubmission(t *testing.T) {
	s, err := mailtest.Listen(mailtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := strings.TrimPrefix(s.SMTP(), "tcp://")
	auth := smtp.PlainAuth("", mailtest.User, mailtest.Password, "127.0.0.1")
	letter := []byte(mailtest.Letter(mailtest.User, "ann@people.test", "hello\r\n.\r\n..", "Subject", "Hi"))
	if err := smtp.SendMail(at, auth, mailtest.User, []string{"ann@people.test"}, letter); err != nil {
		t.Fatal(err)
	}
	sent := s.Sent()
	if len(sent) != 1 || sent[0].To[0] != "ann@people.test" {
		t.Fatalf("%+v", sent)
	}
	m, err := sent[0].Message()
	if err != nil || mailtest.Plain(m) != "hello\n.\n.." {
		t.Errorf("%s, %v", sent[0].Text, err)
	}
	_, _ = io.Copy(io.Discard, m.Body)
	if err := smtp.SendMail(at, smtp.PlainAuth("", mailtest.User, "wrong", "127.0.0.1"), mailtest.User, []string{"ann@people.test"}, letter); err == nil {
		t.Error("a wrong password is right")
	}
	s.Refuse("550 5.1.1 nobody")
	if err := smtp.SendMail(at, auth, mailtest.User, []string{"nobody@people.test"}, letter); err == nil {
		t.Error("a recipient that is not there is")
	}
}
