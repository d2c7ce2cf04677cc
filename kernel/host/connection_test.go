package host_test

import (
	"bufio"
	"fmt"
	"net"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

// TestOpen opens connections to a server that the owner configured, up to the plugin's bound, and gives
// back what was closed.
func TestOpen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				line, _ := bufio.NewReader(conn).ReadString('\n')
				fmt.Fprintf(conn, "%s", line)
			}()
		}
	}()
	w := newWorld()
	w.config["acc"] = fmt.Sprintf(`{"url":"tcp://%s"}`, l.Addr())
	w.config["other"] = `{}`
	w.vault["p/acc/tok"] = "first"
	g := w.guest("p", everything())
	o := &wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://" + l.Addr().String()}
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
