// Package matrix_test drives a whole gateway with the Matrix channel against the real server, Synapse from PyPI, which
// `make servers` installs. It runs on loopback, with a database in a folder of the test's, without federation, and reaches
// nobody. Without Synapse the tests are skipped, unless CARAPACE_SERVERS=1 says that it has to be there.
package matrix_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// python is where `make servers` has installed Synapse.
const python = "synapse/bin/python"

const (
	secret = "of-the-test"
	root   = "../../../builtin-plugins"
)

// settings are Synapse's. Sends are limited, so that limits are met; nothing goes out: there are no servers that it would ask
// for keys, and none that it may speak to.
const settings = `
server_name: localhost
pid_file: %[1]s/pid
listeners: [{port: %[2]d, bind_addresses: ['127.0.0.1'], type: http, tls: false, resources: [{names: [client, media], compress: false}]}]
database: {name: sqlite3, args: {database: %[1]s/homeserver.db}}
media_store_path: %[1]s/media
log_config: %[1]s/log.yaml
signing_key_path: %[1]s/signing.key
registration_shared_secret: of-the-test
macaroon_secret_key: of-the-test
form_secret: of-the-test
report_stats: false
trusted_key_servers: []
federation_domain_whitelist: []
url_preview_enabled: false
enable_registration: false
presence: {enabled: false}
rc_message: {per_second: 15, burst_count: 15}
rc_login: {address: {per_second: 100, burst_count: 100}, account: {per_second: 100, burst_count: 100}}
rc_joins: {local: {per_second: 100, burst_count: 100}}
rc_joins_per_room: {per_second: 100, burst_count: 100}
rc_room_creation: {per_second: 100, burst_count: 100}
rc_invites: {per_room: {per_second: 100, burst_count: 100}, per_user: {per_second: 100, burst_count: 100}, per_issuer: {per_second: 100, burst_count: 100}}
`

const logging = `
version: 1
formatters: {line: {format: '%(asctime)s %(levelname)s %(name)s %(message)s'}}
handlers: {out: {class: logging.StreamHandler, formatter: line}}
root: {level: WARNING, handlers: [out]}
`

// synapse is a server that a test has started.
type synapse struct {
	t        *testing.T
	python   string
	dir, url string
	port     int

	mu   sync.Mutex
	cmd  *exec.Cmd
	said bytes.Buffer
}

// start runs a new server until the test ends.
func start(t *testing.T) *synapse {
	t.Helper()
	path, err := filepath.Abs(python)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		if os.Getenv("CARAPACE_SERVERS") == "1" {
			t.Fatal("Synapse is not installed: `make servers` installs it")
		}
		t.Skip("Synapse is not installed: `make servers` installs it")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &synapse{t: t, python: path, dir: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port}
	_ = l.Close()
	s.url = fmt.Sprintf("http://127.0.0.1:%d", s.port)
	for name, text := range map[string]string{"homeserver.yaml": fmt.Sprintf(settings, s.dir, s.port), "log.yaml": logging} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys := s.command("--generate-keys")
	if out, err := keys.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("Synapse said:\n%s", s.said.String())
		}
	})
	s.run()
	return s
}

func (s *synapse) command(args ...string) *exec.Cmd {
	c := exec.Command(s.python, append([]string{"-m", "synapse.app.homeserver", "-c", filepath.Join(s.dir, "homeserver.yaml")}, args...)...)
	c.Dir = s.dir
	return c
}

// run starts the server and waits until it answers.
func (s *synapse) run() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd = s.command()
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(kerneltest.Patience); ; <-time.After(100 * time.Millisecond) {
		if res, err := http.Get(s.url + "/_matrix/client/versions"); err == nil {
			_ = res.Body.Close()
			return
		}
		if time.Now().After(end) {
			s.t.Fatal("Synapse does not answer")
		}
	}
}

// stop ends the server at once, as a machine that fails does.
func (s *synapse) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// restart ends the server and begins it again.
func (s *synapse) restart() {
	s.stop()
	s.run()
}

// person is somebody with an account, as a program of theirs speaks for them.
type person struct {
	server    *synapse
	id, token string

	mu   sync.Mutex
	sent int
}

// register makes an account with the server's secret ("Shared-Secret Registration" of Synapse's documentation), and logs in.
func (s *synapse) register(name string) *person {
	s.t.Helper()
	var nonce struct{ Nonce string }
	p := &person{server: s}
	p.must("GET", "/_synapse/admin/v1/register", nil, &nonce)
	mac := hmac.New(sha1.New, []byte(secret))
	fmt.Fprintf(mac, "%s\x00%s\x00%s\x00notadmin", nonce.Nonce, name, "password of "+name)
	p.must("POST", "/_synapse/admin/v1/register", map[string]any{"nonce": nonce.Nonce, "username": name, "password": "password of " + name, "displayname": name,
		"mac": hex.EncodeToString(mac.Sum(nil))}, nil)
	p.id, p.token = "@"+name+":localhost", s.login(name)
	return p
}

// login returns an access token, as docs/matrix.md says.
func (s *synapse) login(name string) string {
	var in struct {
		Token string `json:"access_token"`
	}
	(&person{server: s}).must("POST", "/_matrix/client/v3/login", map[string]any{"type": "m.login.password", "password": "password of " + name,
		"identifier": map[string]any{"type": "m.id.user", "user": name}}, &in)
	return in.Token
}

// call makes a call as the person, again where the server says that it came too early or is not there.
func (p *person) call(method, path string, body, into any) error {
	data, _ := json.Marshal(body)
	if raw, ok := body.([]byte); ok {
		data = raw
	}
	for end := time.Now().Add(kerneltest.Patience); ; {
		req, err := http.NewRequest(method, p.server.url+path, bytes.NewReader(data))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+p.token)
		res, err := http.DefaultClient.Do(req)
		status, text := 0, []byte(nil)
		if err == nil {
			text, _ = io.ReadAll(res.Body)
			_ = res.Body.Close()
			status = res.StatusCode
		}
		switch {
		case status == 200 && into == nil:
			return nil
		case status == 200:
			return json.Unmarshal(text, into)
		case status == 0 || status == 429 || status >= 500:
			if time.Now().After(end) {
				return fmt.Errorf("%s %s: %d %v", method, path, status, err)
			}
			<-time.After(100 * time.Millisecond)
		default:
			return fmt.Errorf("%s %s: %d %s", method, path, status, text)
		}
	}
}

func (p *person) must(method, path string, body, into any) {
	p.server.t.Helper()
	if err := p.call(method, path, body, into); err != nil {
		p.server.t.Fatal(err)
	}
}

// content is what an event consists of.
type content = map[string]any

// room makes a room that is not encrypted, with those who are invited.
func (p *person) room(more content, invited ...string) string {
	p.server.t.Helper()
	body := content{"preset": "private_chat", "invite": invited}
	for key, value := range more {
		body[key] = value
	}
	var made struct {
		ID string `json:"room_id"`
	}
	p.must("POST", "/_matrix/client/v3/createRoom", body, &made)
	return made.ID
}

// send sends an event and returns its id.
func (p *person) send(room, kind string, c content) string {
	p.server.t.Helper()
	p.mu.Lock()
	p.sent++
	txn := p.sent
	p.mu.Unlock()
	var sent struct {
		ID string `json:"event_id"`
	}
	p.must("PUT", fmt.Sprintf("%s/send/%s/%d", in(room), kind, txn), c, &sent)
	return sent.ID
}

func (p *person) say(room, text string) string {
	p.server.t.Helper()
	return p.send(room, "m.room.message", content{"msgtype": "m.text", "body": text})
}

// in is where a room's calls are.
func in(room string) string { return "/_matrix/client/v3/rooms/" + url.PathEscape(room) }

// event is one of a room's.
type event struct {
	ID      string `json:"event_id"`
	Type    string `json:"type"`
	Sender  string `json:"sender"`
	Key     string `json:"state_key"`
	Content content
	Time    int64 `json:"origin_server_ts"`
}

// history is what is in a room, in order.
func (p *person) history(room string) (list []event, err error) {
	from := ""
	for {
		var page struct {
			Chunk []event
			End   string
		}
		if err := p.call("GET", in(room)+"/messages?dir=f&limit=500"+from, nil, &page); err != nil {
			return nil, err
		}
		list = append(list, page.Chunk...)
		if page.End == "" || len(page.Chunk) == 0 {
			return list, nil
		}
		from = "&from=" + url.QueryEscape(page.End)
	}
}

// sees waits for an event in a room and returns it.
func (p *person) sees(room, what string, ok func(event) bool) (found event) {
	p.server.t.Helper()
	ctx, cancel := context.WithTimeout(p.server.t.Context(), kerneltest.Patience)
	defer cancel()
	for ctx.Err() == nil {
		list, err := p.history(room)
		for _, e := range list {
			if err == nil && ok(e) {
				return e
			}
		}
		<-time.After(50 * time.Millisecond)
	}
	list, err := p.history(room)
	p.server.t.Fatalf("waited in vain until %s sees %s: %v %v", p.id, what, list, err)
	return event{}
}
