package xmpp_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/xmpp/xmpptest"
	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// until waits for something on a server.
func until(t *testing.T, s *xmpptest.Server, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := s.Wait(ctx, ok); err != nil {
		var said []string
		for _, m := range s.Said() {
			said = append(said, fmt.Sprintf("%s>%s %s %.60q", m.From, m.To, m.Kind, m.Text))
		}
		t.Fatalf("waited in vain until %s; on the server are %q, who have said\n%s", what, s.Accounts(), strings.Join(said, "\n"))
	}
}

func listen(t *testing.T, config xmpptest.Config) *xmpptest.Server {
	t.Helper()
	if config.Accounts == nil {
		config.Accounts = map[string]string{"bot": "s3cret-of-bot"}
	}
	s, err := xmpptest.Listen(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// told lists the texts that the bot has said to an address.
func told(s *xmpptest.Server, to string) (list []string) {
	for _, m := range s.Said() {
		if m.To == to && m.Text != "" && (strings.HasPrefix(m.From, xmpptest.Bot) || strings.HasSuffix(m.From, "/bot")) {
			list = append(list, m.Text)
		}
	}
	return list
}

func has(s *xmpptest.Server, to, text string) func() bool {
	return func() bool { return slices.Contains(told(s, to), text) }
}

// TestStorm: a crowd writes while the server does badly, the plugin is upgraded and the gateway starts again. Connections break off
// behind messages that were taken, too, which are not said twice.
func TestStorm(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Outages)
	storm.Run(t, storm.Crowd(t, xmpptest.NewCrowd), "..", storm.Options{})
}

const room = "home@" + xmpptest.Rooms

// TestConversation: a login, direct chats and a room, over STARTTLS, over TLS, and on a server that can do little.
func TestConversation(t *testing.T) {
	t.Parallel()
	borrowed := httptest.NewUnstartedServer(http.NotFoundHandler())
	borrowed.StartTLS()
	t.Cleanup(borrowed.Close)
	roots := borrowed.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	certificates := &tls.Config{Certificates: borrowed.TLS.Certificates}
	servers := map[string]*xmpptest.Server{
		"starttls": listen(t, xmpptest.Config{TLS: certificates, Mechanisms: []string{"PLAIN", "SCRAM-SHA-256"}}),
		"tls":      listen(t, xmpptest.Config{TLS: certificates, Direct: true, NoArchive: true, Mechanisms: []string{"SCRAM-SHA-1"}}),
		"plain":    listen(t, xmpptest.Config{NoManagement: true, NoArchive: true, Mechanisms: []string{"PLAIN"}}),
	}
	var accounts []string
	for name, s := range servers {
		accounts = append(accounts, fmt.Sprintf(`%q:{"dmPolicy":"open","groupPolicy":"open","config":{"jid":"bot@xmpp.test","server":%q,"rooms":["Home@rooms.xmpp.test sesame"],"unencrypted":%t,"files":[%q]}}`,
			name, s.URL(), name == "plain", s.Files()))
		s.Rules(room, "sesame", false, false)
	}
	settings := `{"secrets":{"keyring":false},"channels":{"xmpp":{"accounts":{` + strings.Join(accounts, ",") + `}}}}`
	l := kerneltest.Start(t, kerneltest.Config(t, settings), kerneltest.Plugin(kerneltest.Echo("echo")), kerneltest.Bundled(t, ".."), kerneltest.Compiled(t),
		func(o *kernel.Options) { o.Egress.TLS = &tls.Config{RootCAs: roots} }).Listen()
	for name, s := range servers {
		t.Run(name, func(t *testing.T) {
			channeltest.Proves(t, channeltest.Accounts, channeltest.LongText, channeltest.MediaIn, channeltest.MediaOut)
			l.MustCall("plugins.configure", map[string]any{"id": "xmpp", "account": name, "secrets": map[string]string{"password": "s3cret-of-bot"}}, nil)
			until(t, s, "the bot is in its room", func() bool { return s.In(room, "bot") })
			if want := map[string]string{"starttls": "SCRAM-SHA-256", "tls": "SCRAM-SHA-1", "plain": "PLAIN"}[name]; s.Mechanism() != want {
				t.Errorf("it has logged in by %s", s.Mechanism())
			}
			const ann = "ann@people.test"
			s.Say(ann+"/phone", xmpptest.Bot, "hello <&> 😀")
			until(t, s, "ann is answered", has(s, ann, "you said: hello <&> 😀"))
			s.Say(ann+"/phone", room, "bot: in the room")
			until(t, s, "the room is answered", func() bool {
				return slices.ContainsFunc(told(s, room), func(text string) bool { return strings.Contains(text, "in the room") })
			})
			s.Say(ann+"/phone", xmpptest.Bot, "one "+strings.Repeat("long ", 4000)+"end")
			until(t, s, "all of a long text has come", func() bool { return strings.HasSuffix(strings.Join(told(s, ann), " "), "long end") })
			send := func(key string, params map[string]any) error {
				all := map[string]any{"channel": "xmpp", "accountId": name, "to": "user:" + ann, "message": "", "idempotencyKey": key + name}
				for k, v := range params {
					all[k] = v
				}
				return l.Call(t.Context(), "send", all, nil)
			}
			if err := send("s1", map[string]any{"message": "a **bold** word\n\n- one\n- two"}); err != nil {
				t.Error(err)
			}
			until(t, s, "marks have come", has(s, ann, "a *bold* word\n\n- one\n- two"))
			s.Rules(room, "sesame", true, false)
			if err := send("s2", map[string]any{"to": "group:" + room, "message": "x"}); err == nil || !strings.Contains(err.Error(), "may not speak") {
				t.Errorf("where it may not speak: %v", err)
			}
			if err := send("s3", map[string]any{"to": "user:nobody@xmpp.test", "message": "x"}); err == nil || !strings.Contains(err.Error(), "nobody of that address") {
				t.Errorf("to nobody: %v", err)
			}
			files(t, s, ann, send)
		})
	}
}

// files: one that somebody sends is fetched, and one that the bot sends can be.
func files(t *testing.T, s *xmpptest.Server, ann string, send func(string, map[string]any) error) {
	t.Helper()
	url := s.Store("notes.txt", []byte("what was noted"))
	s.Tell(ann+"/phone", xmpptest.Bot, xmpptest.El("message", "", "type", "chat").With(xmpptest.El("body", "").Words(url),
		xmpptest.El("x", "jabber:x:oob").With(xmpptest.El("url", "jabber:x:oob").Words(url))))
	until(t, s, "the file is answered", func() bool {
		return slices.ContainsFunc(told(s, ann), func(text string) bool { return strings.Contains(text, "notes.txt") })
	})
	if err := send("f1", map[string]any{"message": "here it is", "buffer": "dGhlIGZpbGU=", "filename": "a file.txt", "contentType": "text/plain"}); err != nil {
		t.Error(err)
	}
	until(t, s, "a file has come", has(s, ann, "here it is"))
	texts := told(s, ann)
	if i := slices.Index(texts, "here it is"); i < 1 || string(s.Stored(texts[i-1])) != "the file" {
		t.Errorf("the file is %q", texts)
	}
}

// TestUpgrade: the plugin is replaced while messages go through; the connection stays, and nothing is lost or comes twice.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Upgrades)
	c := storm.Crowd(t, xmpptest.NewCrowd)
	storm.RunUpgrades(t, c, "..", 5, 40*time.Millisecond)
	if n := c.Connections(); n != 1 {
		t.Errorf("there were %d connections", n)
	}
}
