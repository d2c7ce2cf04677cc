package servers_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
)

// prosody is a server with what people have switched on today: archives, streams that are resumed, rooms, files over HTTP.
const prosody = `
data_path = "%[2]s/data"
pidfile = "%[2]s/prosody.pid"
log = { { levels = { min = "debug" }, to = "console" } }
interfaces = { "127.0.0.1" }
c2s_ports = { %[1]d }
c2s_direct_tls_ports = { %[3]d }
http_ports = { %[4]d }
http_interfaces = { "127.0.0.1" }
https_ports = {}
modules_enabled = { "disco", "roster", "saslauth", "tls", "ping", "mam", "smacks", "offline", "time", "version", "presence", "message", "iq" }
modules_disabled = { "s2s", "posix" }
authentication = "internal_plain"
ssl = { key = "%[2]s/key.pem", certificate = "%[2]s/cert.pem" }
c2s_require_encryption = true
storage = "internal"
default_archive_policy = true
VirtualHost "127.0.0.1"
Component "rooms.127.0.0.1" "muc"
  modules_enabled = { "muc_mam" }
  restrict_room_creation = false
Component "files.127.0.0.1" "http_file_share"
  http_host = "127.0.0.1"
  http_external_url = "http://127.0.0.1:%[4]d/"
`

// TestProsody: a login over STARTTLS and over TLS, direct chats, a room, a file, a refusal; what was said while the connection was broken
// comes, once, when the stream is resumed, and from the archive when the server was started again.
func TestProsody(t *testing.T) {
	t.Parallel()
	path := program(t, "prosody")
	dir, at, direct, http := home(t), port(t), port(t), port(t)
	trust := &tls.Config{RootCAs: certificate(t, dir)}
	for _, name := range []string{"bot", "bot2", "ann"} {
		accounts := dir + "/data/127%2e0%2e0%2e1/accounts/"
		for _, folder := range []string{dir + "/data", dir + "/data/127%2e0%2e0%2e1", accounts} {
			_ = os.Mkdir(folder, 0o755)
			if c := nobody(t); c != nil {
				_ = os.Chown(folder, int(c.Uid), int(c.Gid))
			}
		}
		write(t, accounts, name+".dat", fmt.Sprintf("return { [\"password\"] = \"of-%s\" };\n", name))
	}
	config := write(t, dir, "prosody.cfg.lua", fmt.Sprintf(prosody, at, dir, direct, http))
	start := func() *daemon { return run(t, false, at, path, "-F", "--config", config) }
	server := start()
	front := newProxy(t, at)
	account := func(name, server string) string {
		return fmt.Sprintf(`{"dmPolicy":"open","groupPolicy":"open","config":{"jid":"%s@127.0.0.1","server":%q,"rooms":["home@rooms.127.0.0.1"],"files":["http://127.0.0.1:%d"]}}`, name, server, http)
	}
	l := gateway(t, fmt.Sprintf(`{"secrets":{"keyring":false},"channels":{"xmpp":{"accounts":{"home":%s,"other":%s}}}}`,
		account("bot", "tcp://"+front.addr()), account("bot2", fmt.Sprint("tls://127.0.0.1:", direct))),
		func(o *kernel.Options) { o.Egress.TLS = trust }).Listen()
	for id, name := range map[string]string{"home": "bot", "other": "bot2"} {
		l.MustCall("plugins.configure", map[string]any{"id": "xmpp", "account": id, "secrets": map[string]string{"password": "of-" + name}}, nil)
	}
	ann := speak(t, at, trust)
	ann.sees("the bot in the room", "from='home@rooms.127.0.0.1/bot'")
	ann.tell("bot@127.0.0.1", "chat", "first-message-of-ann", "hello <&> 😀")
	ann.sees("an answer", "type='chat'", "you said: hello &lt;&amp;&gt; 😀")
	ann.tell("home@rooms.127.0.0.1", "groupchat", "second-message-of-ann", "bot: grüße")
	ann.sees("an answer in the room", "from='home@rooms.127.0.0.1/bot'", "type='groupchat'", "grüße")
	ann.tell("bot@127.0.0.1", "chat", "third-message-of-ann", "long "+strings.Repeat("word ", 4000)+"end")
	ann.sees("the end of a long text", "word end<")
	ann.sees("the other bot in the room", "from='home@rooms.127.0.0.1/bot2'")
	ann.tell("bot2@127.0.0.1", "chat", "message-to-the-other", "who is this")
	ann.sees("its answer", "from='bot2@127.0.0.1/carapace'", "you said: who is this")
	file := map[string]any{"channel": "xmpp", "accountId": "home", "to": "user:ann@127.0.0.1", "message": "here", "buffer": "dGhlIGZpbGU=", "filename": "notes.txt", "contentType": "text/plain", "idempotencyKey": "f"}
	l.MustCall("send", file, nil)
	ann.sees("a file", "jabber:x:oob", "notes.txt")
	err := l.Call(t.Context(), "send", map[string]any{"channel": "xmpp", "accountId": "home", "to": "user:nobody@127.0.0.1", "message": "x", "idempotencyKey": "n"}, nil)
	if err == nil || !strings.Contains(err.Error(), "did not take it") {
		t.Errorf("to nobody: %v", err)
	}

	front.cut() // the stream is resumed
	for i := range 3 {
		ann.tell("bot@127.0.0.1", "chat", fmt.Sprint("message-behind-a-cut-", i), fmt.Sprint("cut ", i))
	}
	for i := range 3 {
		ann.sees("an answer", fmt.Sprint("you said: cut ", i))
	}
	if !strings.Contains(server.said.String(), "mod_smacks resuming existing session") {
		t.Error("the stream was not resumed")
	}
	front.stop() // what is said now is in the archive alone: a server that is killed forgets its streams
	ann.tell("bot@127.0.0.1", "chat", "message-for-the-archive", "while away")
	ann.ping()
	server.end()
	start()
	front.goOn()
	ann = speak(t, at, trust)
	ann.sees("an answer from the archive", "you said: while away")
	ann.sees("the bot back in the room", "from='home@rooms.127.0.0.1/bot'")
	ann.tell("home@rooms.127.0.0.1", "groupchat", "another-message-of-ann", "bot: again")
	ann.sees("an answer in the room", "type='groupchat'", "again")
}

// talker is a person with a client of XMPP that knows as much as it takes.
type talker struct {
	t    *testing.T
	conn *tls.Conn

	mu   sync.Mutex
	text strings.Builder
}

func speak(t *testing.T, port int, trust *tls.Config) *talker {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	const header = "<?xml version='1.0'?><stream:stream to='127.0.0.1' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
	fmt.Fprint(conn, header+"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	r := bufio.NewReader(conn)
	for !strings.Contains(readTo(t, r, '>'), "<proceed") {
	}
	config := trust.Clone()
	config.ServerName = "127.0.0.1"
	s := &talker{t: t, conn: tls.Client(conn, config)}
	t.Cleanup(func() { _ = conn.Close() })
	s.write(header + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + base64.StdEncoding.EncodeToString([]byte("\x00ann\x00of-ann")) + "</auth>")
	r = bufio.NewReader(s.conn)
	for !strings.Contains(readTo(t, r, '>'), "<success") {
	}
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := r.Read(buffer)
			s.mu.Lock()
			s.text.Write(buffer[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	s.write(header + "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>phone</resource></bind></iq><presence/>")
	s.write("<presence to='home@rooms.127.0.0.1/ann'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	s.sees("herself in the room", "from='home@rooms.127.0.0.1/ann'", "code='110'")
	s.write("<iq type='set' id='o' to='home@rooms.127.0.0.1'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>")
	return s
}

func readTo(t *testing.T, r *bufio.Reader, end byte) string {
	t.Helper()
	text, err := r.ReadString(end)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (s *talker) write(xml string) { _, _ = s.conn.Write([]byte(xml)) }

func (s *talker) tell(to, kind, id, text string) {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(text)
	s.write(fmt.Sprintf("<message to='%s' type='%s' id='%s'><body>%s</body></message>", to, kind, id, text))
}

// ping waits until the server has done all that was asked before.
func (s *talker) ping() {
	s.t.Helper()
	s.write("<iq type='get' id='last-ping' to='127.0.0.1'><ping xmlns='urn:xmpp:ping'/></iq>")
	s.sees("an answer to a ping", "id='last-ping'")
}

// sees waits until one element of those that have come has some words in it.
func (s *talker) sees(what string, words ...string) {
	s.t.Helper()
	until(s.t, "there is "+what, s.all, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for part := range strings.SplitAfterSeq(strings.NewReplacer("</message>", "</message>\x00", "</presence>", "</presence>\x00", "</iq>", "</iq>\x00").Replace(s.text.String()), "\x00") {
			has := 0
			for _, word := range words {
				if strings.Contains(strings.ReplaceAll(part, `"`, "'"), word) {
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

func (s *talker) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.text.String()
	return text[max(0, len(text)-6000):]
}
