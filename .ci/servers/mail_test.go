package servers_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/smtp"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mail/mailtest"
	"github.com/carapace-gateway/carapace/kernel"
)

// dovecot keeps the mailboxes, and knows the passwords.
const dovecot = `
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
protocols = imap lmtp
listen = 127.0.0.1
default_internal_user = %[2]s
default_internal_group = %[3]s
default_login_user = %[2]s
first_valid_uid = 1
mail_location = maildir:%[1]s/mail/%%u
auth_mechanisms = plain login
ssl = required
ssl_cert = <%[1]s/cert.pem
ssl_key = <%[1]s/key.pem
passdb {
  driver = passwd-file
  args = scheme=plain username_format=%%u %[1]s/users
}
userdb {
  driver = static
  args = uid=%[2]s gid=%[3]s home=%[1]s/mail/%%u
}
service anvil {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[4]d
  }
  inet_listener imaps {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    port = %[5]d
  }
}
service auth {
  inet_listener {
    port = %[6]d
  }
}
`

// postfix takes what the owner of a mailbox sends, and hands it to dovecot.
const postfix = `
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
myhostname = mail.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = mail.test
virtual_transport = lmtp:inet:127.0.0.1:%[2]d
smtputf8_enable = no
alias_maps =
local_recipient_maps =
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:%[3]d
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = %[4]s/cert.pem
smtpd_tls_key_file = %[4]s/key.pem
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
maillog_file = /var/log/carapace-test-%[5]d.log
`

const postfixServices = `
127.0.0.1:%d inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`

// certificate writes one for loopback into a directory, and returns what trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.StartTLS()
	defer s.Close()
	own := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})))
	write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
}

// TestDovecotAndPostfix: somebody's mail comes in by IMAP with STARTTLS and is answered by SMTP with STARTTLS, in its thread;
// files go both ways; a second account whose password is wrong at first goes its own way; and all goes on after Dovecot was ended
// and has come back.
func TestDovecotAndPostfix(t *testing.T) {
	t.Parallel()
	imapd, smtpd := program(t, "dovecot"), program(t, "postfix")
	if os.Getuid() != 0 {
		t.Skip("postfix is started by root; what it starts has no privileges")
	}
	dir, spool := home(t), home(t)
	roots := certificate(t, dir)
	imap, lmtp, auth, submission := port(t), port(t), port(t), port(t)
	write(t, dir, "users", "bot@mail.test:{PLAIN}pass-of-the-bot\ndesk@mail.test:{PLAIN}pass-of-the-desk\nann@mail.test:{PLAIN}pass-of-ann\n")
	config := write(t, dir, "dovecot.conf", fmt.Sprintf(dovecot, dir, "nobody", "nogroup", imap, lmtp, auth))
	start := func() *daemon { return run(t, false, imap, imapd, "-F", "-c", config) }
	keeper := start()
	startPostfix(t, smtpd, spool, dir, submission, lmtp, auth)

	trust := func(o *kernel.Options) { o.Egress.TLS = &tls.Config{RootCAs: roots} }
	l := gateway(t, `{"secrets":{"keyring":false}}`, trust).Listen()
	configure := func(account, name, password string) {
		l.MustCall("plugins.configure", map[string]any{
			"id": "mail", "account": account, "access": map[string]any{"dmPolicy": "open"}, "secrets": map[string]string{"password": password},
			"config": map[string]any{"address": name + "@mail.test", "name": "The Bot", "imap": fmt.Sprintf("tcp://127.0.0.1:%d", imap), "smtp": fmt.Sprintf("tcp://127.0.0.1:%d", submission)},
		}, nil)
	}
	configure("home", "bot", "pass-of-the-bot")
	configure("desk", "desk", "wrong")
	connected := func(account string) bool {
		var status struct {
			ChannelAccounts map[string][]struct {
				AccountID string
				Connected bool
			}
		}
		l.MustCall("channels.status", map[string]any{}, &status)
		for _, a := range status.ChannelAccounts["mail"] {
			if a.AccountID == account {
				return a.Connected
			}
		}
		return false
	}
	logs := func() string {
		text, _ := os.ReadFile(filepath.Join(dir, "log"))
		return string(text)
	}
	until(t, "the bot reads its mailbox", logs, func() bool { return connected("home") })
	hand := func(to, letter string) {
		t.Helper()
		var err error
		until(t, "ann's mail is taken", func() string { return fmt.Sprint(err) }, func() bool {
			err = submit(submission, roots, to, letter)
			return err == nil
		})
	}
	send := func(id, subject, text string, more ...string) {
		t.Helper()
		hand("bot@mail.test", mailtest.Letter("ann@mail.test", "bot@mail.test", text, append([]string{"Message-ID", id, "Subject", subject}, more...)...))
	}
	send("<one@ann.test>", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "hello\r\n..\r\n.")
	first := arrives(t, dir, logs, "you said: Grüße")
	if first.Header.Get("In-Reply-To") != "<one@ann.test>" || !strings.Contains(mailtest.Plain(first), "hello\n..\n.") {
		t.Errorf("the answer is %v %q", first.Header, mailtest.Plain(first))
	}
	long := strings.Repeat("a long word here. ", 500)
	send("<two@ann.test>", "Re: Hello", long+"end", "In-Reply-To", first.Header.Get("Message-Id"), "References", "<one@ann.test> "+first.Header.Get("Message-Id"))
	arrives(t, dir, logs, "word here. end")

	t.Run("a file comes", func(t *testing.T) {
		data := bytes.Repeat([]byte("\x00 a file \xff"), 100_000)
		hand("bot@mail.test", withFile("<file@ann.test>", "see the plan", "plän.bin", data))
		arrives(t, dir, logs, "you said: see the plan")
		var kept struct{ Files []struct{ ID, Name string } }
		l.MustCall("media.list", nil, &kept)
		id := sha256.Sum256(data)
		if len(kept.Files) != 1 || kept.Files[0].ID != hex.EncodeToString(id[:]) || kept.Files[0].Name != "plän.bin" {
			t.Errorf("%+v is kept", kept)
		}
	})
	t.Run("a file goes", func(t *testing.T) {
		data := bytes.Repeat([]byte("\x00 a file \xff"), 50_000)
		l.MustCall("send", map[string]any{"channel": "mail", "accountId": "home", "to": "ann@mail.test", "message": "here it is", "buffer": base64.StdEncoding.EncodeToString(data),
			"filename": "grün.bin", "contentType": "application/octet-stream", "idempotencyKey": "a file"}, nil)
		m := arrives(t, dir, logs, "here it is")
		if name, got := fileOf(t, m); name != "grün.bin" || !bytes.Equal(got, data) {
			t.Errorf("%d bytes arrive as %s", len(got), name)
		}
	})
	t.Run("another account", func(t *testing.T) {
		if connected("desk") {
			t.Error("it is let in with a wrong password")
		}
		configure("desk", "desk", "pass-of-the-desk")
		until(t, "the desk reads its mailbox", logs, func() bool { return connected("desk") })
		hand("desk@mail.test", mailtest.Letter("ann@mail.test", "desk@mail.test", "desk?", "Message-ID", "<desk@ann.test>"))
		m := arrives(t, dir, logs, "you said: desk?")
		if from := m.Header.Get("From"); !strings.Contains(from, "<desk@mail.test>") {
			t.Errorf("the answer is from %s", from)
		}
	})

	keeper.end()
	start()
	send("<three@ann.test>", "Re: Hello", "again", "In-Reply-To", "<one@ann.test>", "References", "<one@ann.test>")
	arrives(t, dir, logs, "you said: again")
	// Postfix delivers a mail again when Dovecot ends before it has said that it has it, so its own ids are counted.
	taken := map[string]bool{}
	list, _ := filepath.Glob(filepath.Join(dir, "mail/ann@mail.test/new/*"))
	for _, name := range list {
		text, err := os.ReadFile(name)
		id := queueID.FindSubmatch(text)
		if err != nil || id == nil {
			t.Fatalf("%v: a mail that did not come by Postfix:\n%s", err, text)
		}
		taken[string(id[1])] = true
	}
	if len(taken) != 6 {
		t.Errorf("ann was sent %d mails, of which %d arrived", len(taken), len(list))
	}
}

// queueID finds the id in the line that Postfix writes on each mail that it takes.
var queueID = regexp.MustCompile(`(?s)Received: from [^;]*\(Postfix\)[^;]* id ([0-9A-Za-z]+)`)

// withFile is a mail of ann's with a text and a file.
func withFile(id, text, name string, data []byte) string {
	encoded := ""
	for line := range slices.Chunk(data, 57) {
		encoded += base64.StdEncoding.EncodeToString(line) + "\r\n"
	}
	return "From: <ann@mail.test>\r\nTo: <bot@mail.test>\r\nMessage-ID: " + id + "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=next\r\n\r\n" +
		"--next\r\n\r\n" + text + "\r\n--next\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename*=utf-8''" +
		url.PathEscape(name) + "\r\n\r\n" + encoded + "--next--\r\n"
}

// fileOf is the file in a mail.
func fileOf(t *testing.T, m *mail.Message) (name string, data []byte) {
	t.Helper()
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if name = p.FileName(); name != "" {
			if data, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, p)); err != nil {
				t.Fatal(err)
			}
			return name, data
		}
	}
}

// submit hands over a mail of ann's.
func submit(port int, roots *x509.CertPool, to, letter string) error {
	c, err := smtp.Dial(fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.StartTLS(&tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}); err != nil {
		return err
	}
	if err := c.Auth(smtp.PlainAuth("", "ann@mail.test", "pass-of-ann", "127.0.0.1")); err != nil {
		return err
	}
	if err := errors.Join(c.Mail("ann@mail.test"), c.Rcpt(to)); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	_, _ = w.Write([]byte(letter))
	return w.Close()
}

// startPostfix starts one with a queue of its own.
func startPostfix(t *testing.T, program, spool, certificates string, submission, lmtp, auth int) {
	t.Helper()
	if err := errors.Join(os.Chown(spool, 0, 0), os.Chmod(spool, 0o755)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"main.cf":   fmt.Sprintf(postfix, spool, lmtp, auth, certificates, submission),
		"master.cf": fmt.Sprintf(postfixServices, submission),
	} {
		if err := os.WriteFile(filepath.Join(spool, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"queue", "data"} {
		if err := os.Mkdir(filepath.Join(spool, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	_ = exec.Command("chown", "postfix", filepath.Join(spool, "data")).Run()
	t.Cleanup(func() {
		_ = exec.Command(program, "-c", spool, "abort").Run()
		_ = os.Remove(fmt.Sprintf("/var/log/carapace-test-%d.log", submission))
	})
	if said, err := exec.Command(program, "-c", spool, "start").CombinedOutput(); err != nil {
		t.Fatalf("postfix: %v\n%s", err, said)
	}
}

// arrives waits for a mail in ann's mailbox with some words in its text.
func arrives(t *testing.T, dir string, otherwise func() string, words string) (found *mail.Message) {
	t.Helper()
	until(t, fmt.Sprintf("ann has a mail with %q", words), otherwise, func() bool {
		list, _ := filepath.Glob(filepath.Join(dir, "mail/ann@mail.test/new/*"))
		for _, name := range list {
			text, err := os.ReadFile(name)
			if err != nil {
				return false
			}
			read := func() *mail.Message {
				m, err := mail.ReadMessage(bytes.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			if strings.Contains(mailtest.Plain(read()), words) {
				found = read() // its body is read once
				return true
			}
		}
		return false
	})
	return found
}
