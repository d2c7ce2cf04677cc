package kernel_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// upgraded is a channel over lines that goes on encrypted before it logs in.
func upgraded() plugintest.Fake {
	fake := kerneltest.Channel("chat", func(m *wit.Manifest) {
		m.Config = wit.JSON(`{"type":"object","properties":{"server":{"type":"string"},"token":{"type":"string","x-secret":true}}}`)
		m.Permissions.HTTP.Hosts = []string{"config:server"}
	})
	say := func(text string) []wit.Frame { return []wit.Frame{{Connection: "line", Text: &text, Fill: true}} }
	fake.Exports["channel_event"] = kerneltest.Export(func(_ context.Context, e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
		var config struct{ Server string }
		if err := json.Unmarshal(e.Config, &config); err != nil {
			return nil, wit.Errorf(wit.CodeInvalid, "config: %w", err)
		}
		switch {
		case e.Kind == wit.EventKindStart:
			return &wit.ChannelAnswer{Open: []wit.OpenConnection{{Connection: "line", Transport: wit.TransportTCP, URL: config.Server}}}, nil
		case e.Kind == wit.EventKindOpened && !e.Opened.Secured:
			return &wit.ChannelAnswer{Frames: say("STARTTLS")}, nil
		case e.Kind == wit.EventKindMessage && strings.HasPrefix(*e.Message.Text, "220"):
			return &wit.ChannelAnswer{Secure: []string{"line"}, Frames: say("LOGIN {{credential:token}}")}, nil
		case e.Kind == wit.EventKindMessage:
			return &wit.ChannelAnswer{Messages: []wit.Message{{ID: *e.Message.Text, Text: *e.Message.Text, Sender: wit.Person{ID: "ann"},
				Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: "ann"}}}}, nil
		}
		return &wit.ChannelAnswer{}, nil
	})
	fake.Exports["channel_send"] = kerneltest.Export(func(_ context.Context, s *wit.ChannelSend) (*wit.Sent, error) {
		return &wit.Sent{Frames: say("SAY " + s.Text)}, nil
	})
	return fake
}

// TestAConnectionGoesOnEncrypted: the password goes to a server whose certificate is good, and never in plain text: not
// where it is another's, nor where somebody on the way has said more behind the agreement.
func TestAConnectionGoesOnEncrypted(t *testing.T) {
	t.Parallel()
	borrowed := httptest.NewUnstartedServer(http.NotFoundHandler())
	borrowed.StartTLS()
	defer borrowed.Close()
	roots := borrowed.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for name, c := range map[string]struct {
		agreement string
		trusted   bool
	}{
		"trusted":     {"220 go\r\n", true},
		"not trusted": {"220 go\r\n", false},
		"injected":    {"220 go\r\n250 hello from the way\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := make(chan string, 100) // under "plain" and "tls"
			l := listen(t, func(conn net.Conn) {
				hear(conn, "plain", said, c.agreement)
				secure := tls.Server(conn, &tls.Config{Certificates: borrowed.TLS.Certificates})
				defer secure.Close()
				if err := secure.Handshake(); err != nil {
					said <- "refused"
					return
				}
				hear(secure, "tls", said, "hello\r\n")
				hear(secure, "tls", said, "")
			})
			k := kerneltest.Start(t, kerneltest.Config(t, fmt.Sprintf(`{"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","config":{"server":"tcp://%s"}}}}}}`, l)),
				kerneltest.Plugin(upgraded(), kerneltest.Echo("echo")), func(o *kernel.Options) {
					if c.trusted {
						o.Egress.TLS = &tls.Config{RootCAs: roots}
					}
				})
			setToken(k.Listen())
			last := "tls SAY you said: hello"
			if name != "trusted" {
				last = "refused"
			}
			timeout := time.After(kerneltest.Patience)
			for {
				select {
				case got := <-said:
					if strings.HasPrefix(got, "plain") && got != "plain STARTTLS" {
						t.Errorf("in plain text the server has heard %q", got)
					}
					if got == last {
						return
					}
					if strings.HasPrefix(got, "tls SAY") || name != "trusted" && strings.HasPrefix(got, "tls") {
						t.Errorf("the server has heard %q", got)
					}
				case <-timeout:
					t.Fatalf("waited in vain for %q", last)
				}
			}
		})
	}
}

// hear notes what comes under a name, and answers it.
func hear(conn net.Conn, name string, said chan<- string, answer string) {
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil {
		said <- name + " " + strings.TrimSpace(line)
		_, _ = conn.Write([]byte(answer))
	}
}

// listen serves each connection to an address of this machine.
func listen(t *testing.T, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}
