package servers_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// mosquitto keeps what it knows at each change, so that it is there after a SIGKILL.
const mosquitto = `
listener %[1]d 127.0.0.1
certfile %[2]s/cert.pem
keyfile %[2]s/key.pem
allow_anonymous false
password_file %[2]s/users
acl_file %[2]s/acl
persistence true
persistence_location %[2]s/
autosave_on_changes true
autosave_interval 1
max_packet_size 20000
`

// acl lets the bot read and write its topics, and ann the others' sides of them.
const acl = `
user bot
topic read home/+/in
topic write home/+/out
topic write home/+/file
topic write home/presence
user ann
topic write home/+/in
topic read home/#
`

// broker is a Mosquitto with two users.
type broker struct {
	t     *testing.T
	at    int
	roots *x509.CertPool
	start func() *daemon
}

func newBroker(t *testing.T) *broker {
	path, passwd := program(t, "mosquitto"), program(t, "mosquitto_passwd")
	dir, at := home(t), port(t)
	b := &broker{t: t, at: at, roots: certificate(t, dir)}
	users := write(t, dir, "users", "")
	for name, password := range map[string]string{"bot": "pass-of-the-bot", "ann": "pass-of-ann"} {
		if out, err := exec.Command(passwd, "-b", users, name, password).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	text, err := os.ReadFile(users) // the tool makes another file, which is its user's
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(users)
	write(t, dir, "users", string(text))
	write(t, dir, "acl", acl)
	config := write(t, dir, "mosquitto.conf", fmt.Sprintf(mosquitto, at, dir))
	b.start = func() *daemon { return run(t, false, at, path, "-c", config) }
	return b
}

func (b *broker) url() string { return fmt.Sprintf("tls://127.0.0.1:%d", b.at) }

// reader is ann, with a client of her own.
type reader struct {
	t      *testing.T
	client paho.Client

	mu    sync.Mutex
	heard []string // topic and payload
}

func (b *broker) ann() *reader {
	b.t.Helper()
	a := &reader{t: b.t}
	o := paho.NewClientOptions().AddBroker(b.url()).SetClientID("ann").SetUsername("ann").SetPassword("pass-of-ann").SetCleanSession(false).
		SetTLSConfig(&tls.Config{RootCAs: b.roots}).SetConnectRetry(true).SetConnectRetryInterval(50 * time.Millisecond).SetMaxReconnectInterval(50 * time.Millisecond)
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.heard = append(a.heard, m.Topic()+" "+string(m.Payload()))
	})
	a.client = paho.NewClient(o)
	b.t.Cleanup(func() { a.client.Disconnect(0) })
	a.done(a.client.Connect())
	a.done(a.client.Subscribe("home/#", 2, nil))
	return a
}

func (a *reader) done(token paho.Token) {
	a.t.Helper()
	if !token.WaitTimeout(patience) || token.Error() != nil {
		a.t.Fatalf("ann's client: %v", token.Error())
	}
}

func (a *reader) says(text string) {
	a.t.Helper()
	a.done(a.client.Publish("home/ann/in", 2, false, text))
}

// said are the payloads on a topic.
func (a *reader) said(topic string) (list []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, line := range a.heard {
		if text, ok := strings.CutPrefix(line, topic+" "); ok {
			list = append(list, text)
		}
	}
	return list
}

func (a *reader) hears(topic, text string) {
	a.t.Helper()
	until(a.t, fmt.Sprintf("ann hears %.40q on %s", text, topic), func() string { return fmt.Sprintf("%.100q", a.heard) },
		func() bool { return slices.Contains(a.said(topic), text) })
}

func TestMosquitto(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"5", "3.1.1"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			onMosquitto(t, version)
		})
	}
}

// onMosquitto: a login over TLS that is refused at first, questions and answers, pieces, a file, presence, what may not be done, and
// what is said while the server or the gateway is away: all of it is answered, once.
func onMosquitto(t *testing.T, version string) {
	b := newBroker(t)
	server := b.start()
	state, most := t.TempDir(), 1<<20
	if version != "5" { // whose servers say how much they take
		most = 20000
	}
	trust := func(o *kernel.Options) { o.Egress.TLS = &tls.Config{RootCAs: b.roots} }
	begin := func() (*kerneltest.Kernel, *kerneltest.Listener) {
		k := gateway(t, fmt.Sprintf(`{"secrets":{"keyring":false},"channels":{"mqtt":{"accounts":{"home":{"dmPolicy":"open","config":{
			"server":%q,"clientId":"bot","user":"bot","topics":["home/{conversation}/in"],"answerTopic":"home/{conversation}/out",
			"fileTopic":"home/{conversation}/file","presenceTopic":"home/presence","qos":2,"version":%q,"maxPacket":%d}}}}}}`, b.url(), version, most), kerneltest.StateDir(state), trust)
		return k, k.Listen()
	}
	k, l := begin()
	configure := func(password string) {
		l.MustCall("plugins.configure", map[string]any{"id": "mqtt", "account": "home", "secrets": map[string]string{"password": password}}, nil)
	}
	configure("wrong")
	shown := func() string {
		var status struct {
			ChannelAccounts map[string][]struct{ LastError, Message, State string }
		}
		l.MustCall("channels.status", map[string]any{}, &status)
		return fmt.Sprintf("%+v", status.ChannelAccounts["mqtt"])
	}
	until(t, "the owner is told of the password", shown, func() bool { return strings.Contains(shown(), "does not take the user and the password") })
	configure("pass-of-the-bot")
	ann := b.ann()
	ann.hears("home/presence", "online")
	ann.says("hello, grüße 😀")
	ann.hears("home/ann/out", "you said: hello, grüße 😀")

	long := strings.Repeat("a long word here. ", 2000) + "end"
	l.MustCall("send", map[string]any{"channel": "mqtt", "to": "user:ann", "message": long, "idempotencyKey": "s1"}, nil)
	until(t, "a long text has come", func() string { return fmt.Sprint(len(ann.said("home/ann/out"))) }, func() bool {
		return strings.HasSuffix(strings.Join(ann.said("home/ann/out"), ""), long)
	})
	if version == "5" { // version 3.1.1 has no way to say that
		err := l.Call(t.Context(), "send", map[string]any{"channel": "mqtt", "to": "user:ann/x", "message": "x", "idempotencyKey": "s2"}, nil)
		if err == nil || !strings.Contains(err.Error(), "may not publish there") {
			t.Errorf("where it may not write: %v", err)
		}
	}
	picture := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{0xff, 0}, 500)...)
	l.MustCall("send", map[string]any{"channel": "mqtt", "to": "user:ann", "message": "look", "idempotencyKey": "s3",
		"buffer": picture, "contentType": "image/png", "filename": "a.png"}, nil)
	ann.hears("home/ann/file", string(picture))

	server.end()
	b.start()
	for i := range 5 {
		ann.says(fmt.Sprint("after the server ", i))
	}
	ann.hears("home/ann/out", "you said: after the server 4")
	k.Stop()
	ann.hears("home/presence", "offline")
	for i := range 5 {
		ann.says(fmt.Sprint("before the gateway ", i))
	}
	_, _ = begin()
	ann.hears("home/ann/out", "you said: before the gateway 4")
	var questions []string
	for _, text := range ann.said("home/ann/out") {
		if q, ok := strings.CutPrefix(text, "you said: "); ok && !slices.Contains(questions, q) { // an answer may come twice, a question is taken once
			questions = append(questions, q)
		}
	}
	if n := len(questions); n != 11 {
		t.Errorf("%d questions were answered: %q", n, questions)
	}
}
