package mail_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mail/mailtest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// reader is a model that says "read" to whatever it is shown, and remembers that.
type reader struct {
	mu   sync.Mutex
	seen [][]wit.Part
}

func (r *reader) answer(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, c.Turns[len(c.Turns)-1].Content)
	return kerneltest.Says("read"), nil
}

// last is what it was shown last: its text, and the other parts.
func (r *reader) last() (text string, files []wit.Part) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.seen[len(r.seen)-1] {
		if p.Text != nil {
			text += *p.Text
		}
		if p.Media != nil {
			files = append(files, p)
		}
	}
	return text, files
}

// keptAs is the id that the media store gives a file.
func keptAs(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}

// part is one of a multipart mail: its fields, an empty line and its body.
func part(kind, more string, body string) string {
	return "Content-Type: " + kind + "\r\n" + more + "\r\n" + body
}

// encoded is a file as a part has it.
func encoded(data []byte) string {
	text, out := base64.StdEncoding.EncodeToString(data), ""
	for len(text) > 76 {
		out, text = out+text[:76]+"\r\n", text[76:]
	}
	return out + text
}

// multipart is a mail of ann's with these parts.
func multipartLetter(n int, kind string, parts ...string) string {
	mark := "next" + kind
	text := strings.Replace(mailtest.Letter("ann@people.test", mailtest.User, "", "Message-ID", fmt.Sprintf("<file%d@people.test>", n), "MIME-Version", "1.0"),
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit", "Content-Type: multipart/"+kind+"; boundary=\""+mark+"\"", 1)
	for _, p := range parts {
		text += "--" + mark + "\r\n" + p + "\r\n"
	}
	return text + "--" + mark + "--\r\n"
}

const inBase64 = "Content-Transfer-Encoding: base64\r\n"

// picture is a file that is sniffed as one, of n bytes.
func picture(n int) []byte {
	return append([]byte("\xff\xd8\xff\xe0"), bytes.Repeat([]byte("x"), n)...)
}

// TestFilesComeIn: what a mail brings reaches the model, whatever it is in, however large it is and wherever it stands; and what
// cannot be read holds up nothing.
func TestFilesComeIn(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.MediaIn)
	s, err := mailtest.Listen(mailtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	model := &reader{}
	l := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Provider("brain", model.answer)),
		kerneltest.Config(t, `{"secrets":{"keyring":false}}`)).Listen()
	l.MustCall("plugins.configure", map[string]any{
		"id": "mail", "account": "home", "access": map[string]any{"dmPolicy": "open"}, "secrets": map[string]string{"password": mailtest.Password},
		"config": map[string]any{"address": mailtest.User, "imap": s.IMAP(), "smtp": s.SMTP()},
	}, nil)
	until(t, s, "the bot has opened its folder", func() bool { return s.Selected() > 0 })
	said := 0
	say := func(t *testing.T, letters ...string) (string, []wit.Part) {
		t.Helper()
		for _, letter := range letters {
			s.Deliver(letter)
		}
		said += len(letters)
		until(t, s, "it is answered", func() bool { return len(s.Sent()) >= said })
		return model.last()
	}
	kept := func(t *testing.T, want ...[]byte) {
		t.Helper()
		var list struct{ Files []struct{ ID, Name string } }
		l.MustCall("media.list", nil, &list)
		for _, data := range want {
			if !slices.ContainsFunc(list.Files, func(f struct{ ID, Name string }) bool { return f.ID == keptAs(data) }) {
				t.Errorf("%.20q… of %d bytes is not kept: %+v", data, len(data), list)
			}
		}
	}
	small, large := picture(300), picture(400_000)
	t.Run("with the mail", func(t *testing.T) {
		text, files := say(t, multipartLetter(1, "mixed", part("text/plain", "", "see this"), part("image/jpeg", inBase64+"Content-Disposition: attachment; filename=a.jpg\r\n", encoded(small))))
		kept(t, small)
		if !strings.HasPrefix(text, "see this") || len(files) != 1 || *files[0].Media != keptAs(small) {
			t.Errorf("it is shown %+v, and %q", files, text)
		}
	})
	t.Run("of all kinds", func(t *testing.T) {
		invite, inner, notes, tnef := "BEGIN:VCALENDAR\r\nEND:VCALENDAR", "Subject: inner\r\n\r\nthe inner mail", "gr=C3=BC=\r\n=C3=9Fe", append([]byte("\x78\x9f\x3e\x22"), make([]byte, 50)...)
		text, files := say(t, multipartLetter(2, "mixed",
			multipartPart("related",
				multipartPart("alternative", part("text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: quoted-printable\r\n", "sch=F6n"), part("text/html", "", "<p>sch&ouml;n</p>"), part("text/calendar; method=REQUEST", "", invite)),
				part("image/jpeg", inBase64+"Content-ID: <x@y>\r\nContent-Disposition: inline\r\n", encoded(large))),
			part("text/plain", "Content-Transfer-Encoding: quoted-printable\r\nContent-Disposition: attachment;\r\n filename*0*=utf-8''gr%C3%BC; filename*1=\"n.txt\"\r\n", notes),
			part("message/rfc822", "", inner),
			part("application/ms-tnef; name=\"winmail.dat\"", inBase64, encoded(tnef)),
		))
		kept(t, []byte(invite), large, []byte("grüße"), []byte(inner), tnef)
		for _, name := range []string{"invite.ics", "grün.txt", "inner.eml", "winmail.dat"} {
			if !strings.Contains(text, "file "+name) {
				t.Errorf("%s is not named", name)
			}
		}
		if !strings.HasPrefix(text, "schön") || len(files) != 1 || *files[0].Media != keptAs(large) {
			t.Errorf("it is shown %+v, and %q", files, text)
		}
	})
	t.Run("behind a picture", func(t *testing.T) {
		text, files := say(t, multipartLetter(3, "mixed", part("text/plain", "", "above"), part("image/jpeg", inBase64, encoded(large)), part("text/plain", "", "below")))
		if !strings.HasPrefix(text, "above\nbelow") || len(files) != 1 || *files[0].Media != keptAs(large) {
			t.Errorf("the text is %q", text)
		}
	})
	t.Run("too large", func(t *testing.T) {
		huge := make([]byte, 26<<20)
		s.Deliver(multipartLetter(4, "mixed", part("text/plain", "", "huge"), part("application/x-huge; name=huge.bin", inBase64, encodedFast(huge))))
		said++
		text, files := say(t, mailtest.Letter("bob@people.test", mailtest.User, "and me?", "Message-ID", "<bob@people.test>"))
		all := fmt.Sprint(model.texts())
		if !strings.Contains(all, "huge") || !strings.Contains(all, "huge.bin") || !strings.Contains(all, "could not be fetched") || !strings.Contains(all, "and me?") || len(files) > 0 {
			t.Errorf("the model was shown %q, at last %q", all, text)
		}
	})
	t.Run("of too many parts", func(t *testing.T) {
		parts := []string{part("text/plain", "", "so many")}
		for i := range 1500 {
			parts = append(parts, part(fmt.Sprintf("application/x-tiny; name=\"file number %d.bin\"", i), inBase64, "AAAA"))
		}
		text, _ := say(t, multipartLetter(5, "mixed", parts...))
		if !strings.HasPrefix(text, "so many\n\n[more files: ") || strings.Count(text, "[attached: file file number ") != 16 {
			t.Errorf("it is shown %q", text)
		}
		if text, _ := say(t, mailtest.Letter("bob@people.test", mailtest.User, "still there?", "Message-ID", "<bob2@people.test>")); text != "still there?" {
			t.Errorf("the next one is %q", text)
		}
	})
}

// texts are all that it was shown.
func (r *reader) texts() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, parts := range r.seen {
		for _, p := range parts {
			if p.Text != nil {
				list = append(list, *p.Text)
			}
		}
	}
	return list
}

// multipartPart is a part that consists of others.
func multipartPart(kind string, parts ...string) string {
	text := "Content-Type: multipart/" + kind + "; boundary=\"of " + kind + "\"\r\n\r\n"
	for _, p := range parts {
		text += "--of " + kind + "\r\n" + p + "\r\n"
	}
	return text + "--of " + kind + "--\r\n"
}

// encodedFast is encoded, for a file of many megabytes.
func encodedFast(data []byte) string {
	const line = 57
	var out strings.Builder
	for len(data) > 0 {
		n := min(line, len(data))
		out.WriteString(base64.StdEncoding.EncodeToString(data[:n]) + "\r\n")
		data = data[n:]
	}
	return out.String()
}

// TestSeveralAccounts: two mailboxes beside each other answer each their own, and one whose password is wrong says so, and holds
// up none of them until it is right.
func TestSeveralAccounts(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Accounts, channeltest.Health)
	l := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo")), kerneltest.Config(t, `{"secrets":{"keyring":false}}`)).Listen()
	servers := map[string]*mailtest.Server{}
	configure := func(account, password string) {
		t.Helper()
		s := servers[account]
		l.MustCall("plugins.configure", map[string]any{
			"id": "mail", "account": account, "access": map[string]any{"dmPolicy": "open"}, "secrets": map[string]string{"password": password},
			"config": map[string]any{"address": account + "@mail.test", "imap": s.IMAP(), "smtp": s.SMTP()},
		}, nil)
	}
	for _, account := range []string{"home", "work", "lost"} {
		s, err := mailtest.Listen(mailtest.Config{User: account + "@mail.test", Password: "pass of " + account})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		servers[account] = s
		if account == "lost" {
			configure(account, "wrong")
		} else {
			configure(account, "pass of "+account)
		}
	}
	status := func() map[string]string {
		var out struct {
			ChannelAccounts map[string][]map[string]any
		}
		l.MustCall("channels.status", map[string]any{}, &out)
		list := map[string]string{}
		for _, a := range out.ChannelAccounts["mail"] {
			list[fmt.Sprint(a["accountId"])] = fmt.Sprint(a)
		}
		return list
	}
	for _, account := range []string{"home", "work"} {
		until(t, servers[account], "its folder is open", servers[account].Listening)
	}
	until(t, servers["lost"], "its password was refused", func() bool { return servers["lost"].Refused() > 0 })
	l.Until("the owner is told", func([]kerneltest.Event) bool { return strings.Contains(status()["lost"], "carapace setup mail") })
	for _, account := range []string{"work", "home"} {
		servers[account].Deliver(mailtest.Letter("ann@people.test", account+"@mail.test", "to "+account, "Message-ID", "<"+account+"@people.test>"))
	}
	for _, account := range []string{"work", "home"} {
		s := servers[account]
		until(t, s, "it answers", has(s, "ann@people.test: you said: to "+account))
		if sent := s.Sent(); len(sent) != 1 || sent[0].From != account+"@mail.test" {
			t.Errorf("%s has sent %+v", account, texts(s))
		}
	}
	configure("lost", "pass of lost")
	until(t, servers["lost"], "it is let in", servers["lost"].Listening)
	servers["lost"].Deliver(mailtest.Letter("ann@people.test", "lost@mail.test", "found", "Message-ID", "<found@people.test>"))
	until(t, servers["lost"], "it answers", has(servers["lost"], "ann@people.test: you said: found"))
	if servers["home"].Opened() != 1 || servers["work"].Opened() != 1 {
		t.Errorf("the others have connected %d and %d times", servers["home"].Opened(), servers["work"].Opened())
	}
}
