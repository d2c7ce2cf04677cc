package irc_test

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
	"github.com/carapace-gateway/carapace/builtin-plugins/irc/irctest"
	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// boot starts a gateway with one account.
func boot(t *testing.T, config string, options ...kerneltest.Option) *kerneltest.Kernel {
	t.Helper()
	return bootAccounts(t, map[string]string{"home": config}, options...)
}

// bootAccounts starts a gateway with the accounts that have these configurations.
func bootAccounts(t *testing.T, configs map[string]string, options ...kerneltest.Option) *kerneltest.Kernel {
	t.Helper()
	var accounts []string
	for name, config := range configs {
		accounts = append(accounts, fmt.Sprintf(`%q:{"dmPolicy":"open","groupPolicy":"open","config":{%s}}`, name, config))
	}
	settings := `{"secrets":{"keyring":false},"channels":{"irc":{"accounts":{` + strings.Join(accounts, ",") + `}}}}`
	return kerneltest.Start(t, append([]kerneltest.Option{kerneltest.Config(t, settings), kerneltest.Plugin(kerneltest.Echo("echo")),
		kerneltest.Bundled(t, ".."), kerneltest.Compiled(t)}, options...)...)
}

// until waits for something on a server.
func until(t *testing.T, s *irctest.Server, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := s.Wait(ctx, ok); err != nil {
		var said []string
		for _, m := range s.Said() {
			said = append(said, fmt.Sprintf("%s>%s %.60q", m.From, m.To, m.Text))
		}
		t.Fatalf("waited in vain until %s; on the server are %q, who have said\n%s", what, s.Nicks(), strings.Join(said, "\n"))
	}
}

func listen(t *testing.T, config irctest.Config) *irctest.Server {
	t.Helper()
	s, err := irctest.Listen(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// said lists what the bot has said to somebody, of messages alone.
func said(s *irctest.Server, to string) (list []string) {
	for _, m := range s.Said("bot") {
		if m.To == to && m.Command == "PRIVMSG" {
			list = append(list, m.Text)
		}
	}
	return list
}

func has(s *irctest.Server, to, text string) func() bool {
	return func() bool { return slices.Contains(said(s, to), text) }
}

// TestConversation: a login, direct chats and rooms, over TLS; and a server that knows nothing newer than RFC 2812.
func TestConversation(t *testing.T) {
	t.Parallel()
	borrowed := httptest.NewUnstartedServer(http.NotFoundHandler())
	borrowed.StartTLS()
	t.Cleanup(borrowed.Close)
	roots := borrowed.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	trust := func(o *kernel.Options) { o.Egress.TLS = &tls.Config{RootCAs: roots} }
	for name, config := range map[string]irctest.Config{
		"today": {Accounts: map[string]string{"botty": "s3cret-of-botty"}, Password: "of-the-server", TLS: &tls.Config{Certificates: borrowed.TLS.Certificates}},
		"old":   {Capabilities: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := listen(t, config)
			s.Rules("#staff", "sesame", false, false, false)
			settings := fmt.Sprintf(`"server":%q,"nick":"bot","channels":["#Home","#staff sesame"],"lineInterval":0`, s.URL())
			if config.Accounts != nil {
				settings += `,"account":"botty"`
			}
			l := boot(t, settings, trust).Listen()
			if config.Accounts != nil {
				l.MustCall("plugins.configure", map[string]any{"id": "irc", "account": "home", "secrets": map[string]string{"password": "s3cret-of-botty", "serverPassword": "of-the-server"}}, nil)
			}
			until(t, s, "the bot is in its rooms", func() bool { return s.In("#home", "bot") && s.In("#staff", "bot") })
			if config.Accounts != nil && s.Logins() == 0 {
				t.Error("it has not logged in")
			}
			if config.Accounts != nil && s.Mechanism() != "SCRAM-SHA-256" {
				t.Errorf("it has logged in by %s", s.Mechanism())
			}
			s.Person("ann", "ann")
			s.Say("ann", "bot", "hello")
			until(t, s, "ann is answered", has(s, "ann", "you said: hello"))
			s.Say("ann", "#home", "bot: in the room")
			until(t, s, "the room is answered", func() bool {
				return slices.ContainsFunc(said(s, "#home"), func(text string) bool { return strings.Contains(text, "in the room") })
			})
			if strings.Contains(strings.Join(said(s, "#staff"), " "), "in the room") {
				t.Error("another room hears it")
			}
			s.Say("ann", "bot", "one "+strings.Repeat("long ", 90)+"end")
			until(t, s, "all of a long text has come", func() bool {
				return strings.HasSuffix(strings.Join(said(s, "ann"), " "), "long end")
			})
			l.MustCall("send", map[string]any{"channel": "irc", "to": "user:ann", "message": "a **bold** word\n\n- one\n- two", "idempotencyKey": "s1"}, nil)
			until(t, s, "a list has come", has(s, "ann", "• two"))
			if !has(s, "ann", "a \x02bold\x02 word")() {
				t.Errorf("it has said %q", said(s, "ann"))
			}
			s.Rules("#staff", "sesame", false, true, false)
			err := l.Call(t.Context(), "send", map[string]any{"channel": "irc", "to": "group:#staff", "message": "x", "idempotencyKey": "s2"}, nil)
			if err == nil || !strings.Contains(err.Error(), "may not speak") {
				t.Errorf("where it may not speak: %v", err)
			}
		})
	}
}

// TestTwoNetworks: one gateway on two networks, on which the bot, a room and a person are called the same. What is said on one is answered
// on it, also after the other has broken off; the two anns are two people, of which one may log in where the other does not.
func TestTwoNetworks(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Accounts)
	east, west := listen(t, irctest.Config{}), listen(t, irctest.Config{Accounts: map[string]string{"botty": "s3cret-of-botty"}})
	l := bootAccounts(t, map[string]string{
		"east": fmt.Sprintf(`"server":%q,"nick":"bot","channels":["#home"],"lineInterval":0`, east.URL()),
		"west": fmt.Sprintf(`"server":%q,"nick":"bot","channels":["#home"],"lineInterval":0,"account":"botty"`, west.URL()),
	}).Listen()
	l.MustCall("plugins.configure", map[string]any{"id": "irc", "account": "west", "secrets": map[string]string{"password": "s3cret-of-botty"}}, nil)
	for name, s := range map[string]*irctest.Server{"east": east, "west": west} {
		until(t, s, "the bot is in its room "+name, func() bool { return s.In("#home", "bot") })
		s.Person("ann", "ann")
		s.Say("ann", "bot", "hello "+name)
		s.Say("ann", "#home", "bot: in the room "+name)
	}
	if east.Logins() != 0 || west.Logins() == 0 {
		t.Errorf("%d logins in the east, %d in the west", east.Logins(), west.Logins())
	}
	answered := func(s *irctest.Server, name string) {
		t.Helper()
		until(t, s, "ann is answered "+name, has(s, "ann", "you said: hello "+name))
		until(t, s, "the room is answered "+name, func() bool { return strings.Contains(strings.Join(said(s, "#home"), "\n"), "in the room "+name) })
	}
	answered(east, "east")
	answered(west, "west")
	l.MustCall("send", map[string]any{"channel": "irc", "accountId": "west", "to": "user:ann", "message": "for ann in the west", "idempotencyKey": "s1"}, nil)
	until(t, west, "what is sent has come", has(west, "ann", "for ann in the west"))
	before := east.Connections()
	east.Break()
	west.Say("ann", "bot", "hello again")
	until(t, west, "ann is answered while the other network is away", has(west, "ann", "you said: hello again"))
	until(t, east, "the bot is back", func() bool { return east.Connections() > before && east.In("#home", "bot") })
	east.Say("ann", "bot", "hello once more")
	until(t, east, "ann is answered", has(east, "ann", "you said: hello once more"))
	for s, other := range map[*irctest.Server]string{east: "west", west: "east"} {
		if all := strings.Join(append(said(s, "ann"), said(s, "#home")...), "\n"); strings.Contains(all, other) {
			t.Errorf("what was said in the %s is told on the other network: %s", other, all)
		}
	}
}

// TestCuts: what people say while connections break before and after a message was taken, and while what they say comes
// twice, is answered: all of it, in order, and doubled only where the server had taken what it did not say.
func TestCuts(t *testing.T) {
	t.Parallel()
	s := listen(t, irctest.Config{})
	boot(t, fmt.Sprintf(`"server":%q,"nick":"bot","channels":["#home"],"lineInterval":0`, s.URL()))
	until(t, s, "the bot is in its room", func() bool { return s.In("#home", "bot") })
	s.Person("ann", "ann")
	s.Say("ann", "bot", "0")
	until(t, s, "ann is answered", has(s, "ann", "you said: 0"))
	const messages, cuts = 20, 1 // the pause before the next connection grows with each that breaks
	for i := 1; i <= messages; i++ {
		switch i % (messages / cuts) {
		case 3:
			s.CutBefore(1)
		case 6:
			s.CutAfter(1)
		case 8:
			s.Break() // what is said now is missed
		}
		s.Repeat(i % 2)
		s.Say("ann", "bot", fmt.Sprint(i))
		if i%5 == 0 {
			until(t, s, "it goes on", has(s, "ann", fmt.Sprint("you said: ", i)))
		}
	}
	next, doubled := 0, 0
	for _, text := range said(s, "ann") {
		switch text {
		case fmt.Sprint("you said: ", next):
			next++
		case fmt.Sprint("you said: ", next-1):
			doubled++
		default:
			t.Errorf("it has said %q, and not %d", text, next)
		}
	}
	if next != messages+1 {
		t.Errorf("%d messages were answered, of %d", next, messages+1)
	}
	if doubled > cuts {
		t.Errorf("%d answers came twice; the server has kept silent about %d", doubled, cuts)
	}
}

// TestStorm: a crowd writes while the server does badly, the plugin is upgraded and the gateway starts again.
func TestStorm(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Outages)
	storm.Run(t, storm.Crowd(t, irctest.NewCrowd), "..", storm.Options{})
}

// TestUpgrade: the plugin is replaced while messages go through; the connection stays, and nothing is lost or comes twice.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Upgrades)
	c := storm.Crowd(t, irctest.NewCrowd)
	storm.RunUpgrades(t, c, "..", 5, 40*time.Millisecond)
	if n := c.Connections(); n != 1 {
		t.Errorf("there were %d connections", n)
	}
}
