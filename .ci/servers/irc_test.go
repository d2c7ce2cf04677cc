package servers_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// inspircd is a server with IRCv3's extensions.
const inspircd = `
<server name="irc.test" description="A test" network="Test" id="001">
<admin name="a" nick="a" email="a@irc.test">
<bind address="127.0.0.1" port="%d" type="clients">
<connect name="all" allow="*" password="of-the-server" timeout="60" fakelag="no" commandrate="100000" threshold="1000" recvq="1M" softsendq="1M" hardsendq="2M" localmax="100" globalmax="100" useident="no" resolvehostnames="no">
<pid file="%[2]s/pid">
<log method="file" type="*" level="default" target="%[2]s/log">
<options prefixquit="Quit: " casemapping="rfc1459">
<module name="cap"><module name="ircv3_capnotify"><module name="ircv3_servertime"><module name="ircv3_msgid"><module name="ircv3_batch">
<module name="ircv3_echomessage"><module name="ircv3_labeledresponse"><module name="ircv3_accounttag"><module name="ircv3_ctctags"><module name="ircv3">
`

// ngircd is a server with little beyond RFC 2812.
const ngircd = `
[Global]
Name = irc.test
Info = A test
Listen = 127.0.0.1
Ports = %d
Password = of-the-server
MotdPhrase = hello
PidFile = %s/pid
[Limits]
MaxConnectionsIP = 100
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
`

func TestInspIRCd(t *testing.T) {
	path := program(t, "inspircd")
	onIRC(t, inspircd, func(config string) []string { return []string{path, "--nofork", "--config=" + config} })
}

func TestNgIRCd(t *testing.T) {
	path := program(t, "ngircd")
	onIRC(t, ngircd, func(config string) []string { return []string{path, "-n", "-f", config} })
}

// onIRC: a login, direct chats, a room, a long text, a refusal, and the server's end and return.
func onIRC(t *testing.T, template string, command func(config string) []string) {
	t.Parallel()
	dir, at := home(t), port(t)
	args := command(write(t, dir, "server.conf", fmt.Sprintf(template, at, dir)))
	start := func() *daemon { return run(t, false, at, args[0], args[1:]...) }
	server := start()
	l := gateway(t, fmt.Sprintf(`{"secrets":{"keyring":false},"channels":{"irc":{"accounts":{"home":{"dmPolicy":"open","groupPolicy":"open",
		"config":{"server":"tcp://127.0.0.1:%d","nick":"bot","channels":["#home"],"lineInterval":0}}}}}}`, at)).Listen()
	l.MustCall("plugins.configure", map[string]any{"id": "irc", "account": "home", "secrets": map[string]string{"serverPassword": "of-the-server"}}, nil)
	ann := connect(t, at, "ann")
	ann.sees("the bot is in the room", "bot", "353", "#home")
	ann.say("PRIVMSG bot :hello")
	ann.sees("an answer", "PRIVMSG ann", "you said: hello")
	ann.say("PRIVMSG #home :bot: grüße 😀")
	ann.sees("an answer in the room", "PRIVMSG #home", "grüße 😀")
	ann.say("PRIVMSG bot :long " + strings.Repeat("word ", 80) + "end")
	ann.sees("the end of a long text", "PRIVMSG ann", "word end")
	for n, to := range []string{"user:nobodyhere", "group:#elsewhere"} {
		err := l.Call(t.Context(), "send", map[string]any{"channel": "irc", "to": to, "message": "x", "idempotencyKey": fmt.Sprint("s", n)}, nil)
		if err == nil || !strings.Contains(err.Error(), "did not take it") {
			t.Errorf("to %s: %v", to, err)
		}
	}
	ann.say("KICK #home bot :enough") // who came first may, on a server without services
	server.end()
	start()
	ann = connect(t, at, "ann")
	ann.sees("the bot is back in the room", "bot", "353", "#home")
	ann.say("PRIVMSG bot :again")
	ann.sees("an answer", "PRIVMSG ann", "you said: again")
}

// somebody is a person with a client.
type somebody struct {
	t    *testing.T
	conn net.Conn

	mu    sync.Mutex
	lines []string
}

func connect(t *testing.T, port int, nick string) *somebody {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := &somebody{t: t, conn: conn}
	go func() {
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			if token, ok := strings.CutPrefix(lines.Text(), "PING "); ok {
				s.say("PONG " + token)
			}
			s.mu.Lock()
			s.lines = append(s.lines, lines.Text())
			s.mu.Unlock()
		}
	}()
	s.say("PASS of-the-server", "NICK "+nick, "USER "+nick+" 0 * :"+nick)
	s.sees("a welcome", " 001 ")
	s.say("JOIN #home")
	return s
}

func (s *somebody) say(lines ...string) {
	_, _ = s.conn.Write([]byte(strings.Join(lines, "\r\n") + "\r\n"))
}

// sees waits for a line with some words in it; who is in the room is asked again and again meanwhile.
func (s *somebody) sees(what string, words ...string) {
	s.t.Helper()
	names := len(words) > 1 && words[1] == "353"
	until(s.t, "there is "+what, s.all, func() bool {
		if names {
			s.say("NAMES #home")
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, line := range s.lines {
			has := 0
			for _, word := range words {
				if strings.Contains(line, word) {
					has++
				}
			}
			if has == len(words) {
				return true
			}
		}
		return false
	})
}

func (s *somebody) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines[max(0, len(s.lines)-40):], "\n")
}
