package mail_test

import (
	"context"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/mail/mailtest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// until waits for something on a server.
func until(t *testing.T, s *mailtest.Server, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := s.Wait(ctx, ok); err != nil {
		t.Fatalf("waited in vain until %s; sent were %q", what, texts(s))
	}
}

// texts are the mails that were sent, as "to: text".
func texts(s *mailtest.Server) (list []string) {
	for _, sent := range s.Sent() {
		m, err := sent.Message()
		if err != nil {
			list = append(list, "unreadable: "+err.Error())
			continue
		}
		list = append(list, sent.To[0]+": "+mailtest.Plain(m))
	}
	return list
}

func has(s *mailtest.Server, text string) func() bool {
	return func() bool { return slices.Contains(texts(s), text) }
}

// TestConversation: what somebody writes is answered in its thread, also on a server without IDLE; what a program has written is
// not; a mailbox that counts anew brings nothing twice.
func TestConversation(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]mailtest.Config{"idle": {}, "polled": {NoIdle: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := mailtest.Listen(config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			s.DeliverAt(mailtest.Letter("old@people.test", mailtest.User, "from before"), time.Now().Add(-time.Hour))
			l := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo")),
				kerneltest.Config(t, `{"secrets":{"keyring":false}}`)).Listen()
			l.MustCall("plugins.configure", map[string]any{
				"id": "mail", "account": "home", "access": map[string]any{"dmPolicy": "open"}, "secrets": map[string]string{"password": mailtest.Password},
				"config": map[string]any{"address": mailtest.User, "imap": s.IMAP(), "smtp": s.SMTP(), "pollSeconds": 5},
			}, nil)
			until(t, s, "the bot has opened its folder", func() bool { return s.Selected() > 0 && (config.NoIdle || s.Listening()) })
			s.Deliver(mailtest.Letter("ann@people.test", mailtest.User, "hello, *is* that you? grüße\r\n\r\n-- \r\nAnn", "Subject", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Message-ID", "<1@people.test>"))
			until(t, s, "ann is answered", has(s, "ann@people.test: you said: Grüße\n\nhello, is that you? grüße"))
			m, _ := s.Sent()[0].Message()
			if m.Header.Get("In-Reply-To") != "<1@people.test>" || m.Header.Get("References") != "<1@people.test>" || m.Header.Get("Auto-Submitted") == "" {
				t.Errorf("the answer's header is %v", m.Header)
			}
			if !strings.Contains(string(s.Sent()[0].Text), "<em>is</em>") {
				t.Errorf("it has no HTML: %s", s.Sent()[0].Text)
			}
			s.Deliver(mailtest.Letter("list@people.test", mailtest.User, "news", "List-Id", "<news.people.test>"))
			s.Deliver(mailtest.Letter("bob@people.test", mailtest.User, "I am away", "Auto-Submitted", "auto-replied"))
			s.Renumber()
			s.Deliver(mailtest.Letter("ann@people.test", mailtest.User, "and now?\r\n\r\nOn Sunday, bot wrote:\r\n> you said: hello", "Subject", "Re: Hi", "Message-ID", "<2@people.test>",
				"In-Reply-To", m.Header.Get("Message-ID"), "References", "<1@people.test> "+m.Header.Get("Message-ID")))
			until(t, s, "ann is answered again", has(s, "ann@people.test: you said: and now?"))
			if got := texts(s); len(got) != 2 {
				t.Errorf("sent were %q", got)
			}
			s.Refuse("550 5.1.1 <nobody@people.test>: Recipient address rejected")
			err = l.Call(t.Context(), "send", map[string]any{"channel": "mail", "to": "nobody@people.test", "message": "x", "idempotencyKey": "s1"}, nil)
			if err == nil || !strings.Contains(err.Error(), "no such mailbox") {
				t.Errorf("to nobody: %v", err)
			}
		})
	}
}

// TestStorm: a crowd writes while the server does badly, the plugin is upgraded and the gateway starts again.
func TestStorm(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Outages, channeltest.Limits)
	storm.Run(t, crowd(t), "..", storm.Options{})
}

func crowd(t *testing.T) *mailtest.Crowd {
	t.Helper()
	seed := rand.Uint64()
	t.Log("seed", seed)
	c, err := mailtest.NewCrowd(seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestUpgrade: the plugin is replaced while mails go through; the connection stays, and nothing is lost or comes twice.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Upgrades)
	c, state := crowd(t), t.TempDir()
	g := storm.Start(t, c, "..", state, "")
	var oracle channeltest.Oracle
	stop, done := make(chan struct{}), make(chan struct{})
	const ahead = 10 // questions that are not answered yet
	const people = 20
	go func() {
		defer close(done)
		for i := 0; ; {
			select {
			case <-stop:
				return
			case <-time.After(60 * time.Millisecond):
				if i < len(c.Heard())+ahead {
					c.Say(i%people, oracle.Ask(i%people))
					i++
				}
			}
		}
	}()
	goesOn := func() {
		before := len(c.Heard())
		until(t, c.Server, "answers go on", func() bool { return len(c.Heard()) > before+5 })
	}
	for _, version := range []string{"2.0.0", "3.0.0"} {
		goesOn()
		g.Upgrade("..", state, "mail", version)
	}
	goesOn()
	close(stop)
	<-done
	until(t, c.Server, "all are answered", func() bool { return len(oracle.Count(c.Heard()).Lost) == 0 })
	if got := oracle.Count(c.Heard()); len(got.Doubled())+len(got.Wrong)+got.Disordered > 0 {
		t.Errorf("%d came twice, %d are wrong, %d not in order", len(got.Doubled()), len(got.Wrong), got.Disordered)
	}
	if n := c.Opened(); n != 1 {
		t.Errorf("there were %d connections by IMAP", n)
	}
}

// TestFilesAreAttached: a mail has its text, and behind it each file with its name and type, also of a mail without a text.
func TestFilesAreAttached(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.MediaOut)
	s, err := mailtest.Listen(mailtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	l := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Config(t, `{"secrets":{"keyring":false}}`)).Listen()
	l.MustCall("plugins.configure", map[string]any{
		"id": "mail", "account": "home", "secrets": map[string]string{"password": mailtest.Password},
		"config": map[string]any{"address": mailtest.User, "imap": s.IMAP(), "smtp": s.SMTP()},
	}, nil)
	until(t, s, "the bot has opened its folder", func() bool { return s.Selected() > 0 })
	data := strings.Repeat("line of a file\n", 10_000)
	for n, text := range []string{"see this", ""} {
		l.MustCall("send", map[string]any{"channel": "mail", "to": "ann@people.test", "message": text, "buffer": base64.StdEncoding.EncodeToString([]byte(data)),
			"filename": "grüße \"x\".txt", "contentType": "text/plain", "forceDocument": true, "idempotencyKey": "file " + strconv.Itoa(n)}, nil)
		until(t, s, "the mail is there", func() bool { return len(s.Sent()) > n })
		files := filesIn(t, s.Sent()[n])
		if len(files) != 1 || files[0].name != "grüße 'x'.txt" || files[0].data != data {
			t.Errorf("%d files: %.80q", len(files), files)
		}
		if !strings.Contains(string(s.Sent()[n].Text), text) {
			t.Errorf("the text %q is missing", text)
		}
	}
}

// attached is a file in a mail.
type attached struct{ name, data string }

// filesIn are the files of a mail that was sent.
func filesIn(t *testing.T, sent mailtest.Sent) (files []attached) {
	t.Helper()
	m, err := sent.Message()
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.FileName() == "" {
			continue
		}
		name, err := new(mime.WordDecoder).DecodeHeader(p.FileName())
		data, bad := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		if err != nil || bad != nil {
			t.Fatal(err, bad)
		}
		files = append(files, attached{name, string(data)})
	}
}
