package examples_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/pdk-examples/go-smtp/toysmtp"
	"github.com/carapace-gateway/carapace/wit"
)

// certificate is one of this machine's, and trust what a gateway needs that is to believe it.
func certificate(t *testing.T) (config *tls.Config, trust kerneltest.Option) {
	t.Helper()
	borrowed := httptest.NewUnstartedServer(http.NotFoundHandler())
	borrowed.StartTLS()
	t.Cleanup(borrowed.Close)
	roots := borrowed.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return &tls.Config{Certificates: borrowed.TLS.Certificates}, func(o *kernel.Options) { o.Egress.TLS = &tls.Config{RootCAs: roots} }
}

// mailServer is one with a certificate, and trust what a gateway needs that is to believe it.
func mailServer(t *testing.T) (server *toysmtp.Server, trust kerneltest.Option) {
	t.Helper()
	config, trust := certificate(t)
	server, err := toysmtp.Listen(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server, trust
}

func mailConfig(s *toysmtp.Server) string {
	return online("go-smtp", fmt.Sprintf(`"server":%q,"from":"bot@example.org","user":%q`, s.URL(), toysmtp.User), "")
}

// mails waits until so many were taken.
func mails(t *testing.T, s *toysmtp.Server, n int) []toysmtp.Mail {
	t.Helper()
	timeout := time.After(kerneltest.Patience)
	for {
		list, changed := s.Mails()
		if len(list) >= n {
			return list
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("the server has taken %+v, and not %d", list, n)
		}
	}
}

func write(t *testing.T, l *kerneltest.Listener, key, text string) error {
	return l.Call(t.Context(), "send", map[string]any{"channel": "go-smtp", "to": "ann@example.org", "message": text, "idempotencyKey": key}, nil)
}

// TestSMTP: a mail goes out encrypted and with the password, also on the second attempt; what the server says is told.
func TestSMTP(t *testing.T) {
	t.Parallel()
	server, trust := mailServer(t)
	l := start(t, []string{"go-smtp"}, kerneltest.Config(t, mailConfig(server)), trust).Listen()
	configure(l, "go-smtp", "home", "password", "wrong-password")
	if err := write(t, l, "s1", "first"); err != nil {
		t.Errorf("with a wrong password it waits: %v", err)
	}
	configure(l, "go-smtp", "home", "password", toysmtp.Password)
	server.Refuse("450 later")
	got := mails(t, server, 1)
	if got[0].To != "ann@example.org" || got[0].Text != "first" || !got[0].Encrypted {
		t.Errorf("the server has taken %+v", got)
	}
	server.Refuse("550 there is no ann")
	if err := write(t, l, "s2", "second"); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "there is no ann") {
		t.Errorf("to nobody: %v", err)
	}
	if err := write(t, l, "s3", "third"); err != nil {
		t.Error(err)
	}
	if got := mails(t, server, 2); len(got) != 2 || got[1].Text != "third" {
		t.Errorf("the server has taken %+v", got)
	}
}

// TestSMTPTrust: no password goes to who has no certificate of the host's, or has somebody on the way who says more.
func TestSMTPTrust(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(s *toysmtp.Server, trust kerneltest.Option) kerneltest.Option{
		"not trusted": func(*toysmtp.Server, kerneltest.Option) kerneltest.Option { return func(*kernel.Options) {} },
		"sly": func(s *toysmtp.Server, trust kerneltest.Option) kerneltest.Option {
			s.Sly()
			return trust
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, trust := mailServer(t)
			l := start(t, []string{"go-smtp"}, kerneltest.Config(t, mailConfig(server)), spoil(server, trust)).Listen()
			configure(l, "go-smtp", "home", "password", toysmtp.Password)
			if err := write(t, l, "s1", "secret"); err != nil {
				t.Errorf("it waits: %v", err)
			}
			var list struct {
				Messages []struct{ Error *wit.Error }
			}
			l.MustCall("delivery.list", map[string]any{"state": "queued"}, &list)
			if len(list.Messages) != 1 || list.Messages[0].Error == nil {
				t.Errorf("%+v", list)
			}
			if got, _ := server.Mails(); len(got) > 0 {
				t.Errorf("the server has taken %+v", got)
			}
		})
	}
}

// TestSMTPKilled: the gateway is killed while the server has taken a mail and not said so. It hands it over again, under
// the same Message-ID.
func TestSMTPKilled(t *testing.T) {
	t.Parallel()
	server, err := toysmtp.Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	dir := t.TempDir()
	drop(t, filepath.Join(dir, "plugins", "go-smtp"), "go-smtp")
	boot := func() *kerneltest.Kernel {
		return kerneltest.Start(t, kerneltest.Config(t, mailConfig(server)), kerneltest.Plugin(kerneltest.Echo("echo")),
			kerneltest.StateDir(dir), kerneltest.Compiled(t))
	}
	k := boot()
	l := k.Listen()
	configure(l, "go-smtp", "home", "password", toysmtp.Password)
	server.Refuse("450 later", "450 later", "450 later", "450 later", "450 later", "450 later", "450 later", "450 later")
	if err := write(t, l, "s1", "hello"); err != nil {
		t.Fatal(err)
	}
	k.Stop()
	server.Refuse()
	server.Mute(true)
	v := startVictim(t, dir, "go-smtp", mailConfig(server))
	mails(t, server, 1)
	v.kill()
	server.Mute(false)
	l = boot().Listen()
	finished(l, "sent", 1)
	if got := mails(t, server, 2); len(got) != 2 || got[0].ID == "" || got[0] != got[1] {
		t.Errorf("the server has taken %+v", got)
	}
}
