package host_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

// TestConnectionsEndWithTheirPermission: the other side keeps its connections open, so that what ends one is the host:
// when a version may less, when the plugin stops, and only then.
func TestConnectionsEndWithTheirPermission(t *testing.T) {
	addr, ended := echoServer(t)
	w := newWorld()
	w.config["acc"] = fmt.Sprintf(`{"url":"tcp://%s"}`, addr)
	o := &wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://" + addr}
	open := func(g *host.Guest, name string) *egress.Conn {
		t.Helper()
		conn, err := g.Connections.Open(t.Context(), "acc", nil, o)
		if err != nil {
			t.Fatal(err)
		}
		echo(t, conn, name)
		return conn
	}
	narrow := everything()
	narrow.HTTP.Hosts = []string{"api.example.org"}
	none := everything()
	none.HTTP = nil
	for name, end := range map[string]func(*host.Guest){
		"a narrower version": func(*host.Guest) { w.guest("p", narrow).Connections.Inherit() },
		"one without http":   func(*host.Guest) { w.guest("p", none).Connections.Inherit() },
		"the plugin's end":   func(g *host.Guest) { g.Connections.Disconnect() },
		"its removal":        func(*host.Guest) { w.host.Forget("p") },
	} {
		g := w.guest("p", everything())
		mine, other := open(g, "mine"), open(w.guest("q", everything()), "other")
		w.guest("p", everything()).Connections.Inherit() // the next version may as much
		w.host.Forget("nobody")
		echo(t, mine, "mine")
		end(g)
		if got := <-ended; got != "mine" {
			t.Errorf("%s ended the connection of %s", name, got)
		}
		if _, err := mine.Read(); err == nil {
			t.Errorf("%s: it can still be read", name)
		}
		echo(t, other, "other") // another plugin's goes on
		_ = other.Close()
		<-ended
	}
}

// echoServer says back each line that it hears. It keeps its connections open; of one that is ended, ended has the last
// line that came.
func echoServer(t *testing.T) (addr string, ended <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	names := make(chan string, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				lines, name := bufio.NewReader(conn), ""
				for {
					line, err := lines.ReadString('\n')
					if err != nil {
						names <- name
						return
					}
					name = strings.TrimSpace(line)
					fmt.Fprint(conn, line)
				}
			}()
		}
	}()
	return l.Addr().String(), names
}

// echo says a line and waits for it to come back.
func echo(t *testing.T, conn *egress.Conn, line string) {
	t.Helper()
	if err := conn.Write(wit.Frame{Text: &line}); err != nil {
		t.Fatal(err)
	}
	if f, err := conn.Read(); err != nil || *f.Text != line {
		t.Fatalf("%+v, %v", f, err)
	}
}

// TestOpen opens connections to a server that the owner configured, up to the plugin's bound, and gives
// back what was closed.
func TestOpen(t *testing.T) {
	addr, _ := echoServer(t)
	w := newWorld()
	w.config["acc"] = fmt.Sprintf(`{"url":"tcp://%s"}`, addr)
	w.config["other"] = `{}`
	w.vault["p/acc/tok"] = "first"
	g := w.guest("p", everything())
	o := &wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://" + addr}
	for name, tt := range map[string]struct {
		guest   *host.Guest
		account string
	}{
		"not configured": {g, "other"},
		"not granted":    {w.guest("p", wit.Permissions{}), "acc"},
	} {
		if _, err := tt.guest.Connections.Open(t.Context(), tt.account, nil, o); wit.CodeOf(err) != wit.CodeForbidden {
			t.Errorf("%s: %v", name, err)
		}
	}

	conn, err := g.Connections.Open(t.Context(), "acc", g.Credentials.For(t.Context(), "acc"), o)
	if err != nil {
		t.Fatal(err)
	}
	w.vault["p/acc/tok"] = "second" // a frame has the credential of its moment
	if err := conn.Write(wit.Frame{Text: new("{{credential:tok}}"), Fill: true}); err != nil {
		t.Fatal(err)
	}
	if f, err := conn.Read(); err != nil || *f.Text != "second" {
		t.Errorf("%+v, %v", f, err)
	}

	full := 1
	for ; full < 100; full++ {
		if _, err = g.Connections.Open(t.Context(), "acc", nil, o); err != nil {
			break
		}
	}
	if wit.CodeOf(err) != wit.CodeRateLimited || full != 64 {
		t.Fatalf("the connection after %d: %v", full, err)
	}
	if _, err := w.guest("q", everything()).Connections.Open(t.Context(), "acc", nil, o); err != nil {
		t.Errorf("another plugin: %v", err)
	}
	narrow := everything()
	narrow.HTTP.Hosts = []string{"api.example.org"}
	w.guest("p", everything()).Connections.Inherit() // the next version may as much
	if err := conn.Write(wit.Frame{Text: new("x")}); err != nil {
		t.Errorf("an upgrade closed the connection: %v", err)
	}
	w.guest("p", narrow).Connections.Inherit() // and this one less
	if err := conn.Write(wit.Frame{Text: new("x")}); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("a connection that is not permitted any more: %v", err)
	}
	for conn, err = g.Connections.Open(t.Context(), "acc", nil, o); wit.CodeOf(err) == wit.CodeRateLimited; {
		conn, err = g.Connections.Open(t.Context(), "acc", nil, o)
	}
	for err == nil {
		_, err = g.Connections.Open(t.Context(), "acc", nil, o)
	}
	given := make(chan struct{})
	conn.OnClose(func() { close(given) })
	_ = conn.Close()
	<-given
	for wit.CodeOf(err) == wit.CodeRateLimited {
		_, err = g.Connections.Open(t.Context(), "acc", nil, o)
	}
	if err != nil {
		t.Errorf("after one was closed: %v", err)
	}
}
