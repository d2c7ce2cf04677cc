package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway"
)

// TestRefusedWhileSending: a client that closes after its request and sends more than is taken learns why it was refused,
// rather than that the connection was reset.
func TestRefusedWhileSending(t *testing.T) {
	refuse := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.ContentLength > 8 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		text, _ := io.ReadAll(q.Body)
		_, _ = w.Write(text)
		if len(text) == 7 {
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, strings.Repeat("y", 8<<10))
		}
	})
	_, url := bootTCP(t, func(_ *authDeps, g *gateway.Deps) {
		g.Routes = []gateway.Route{{Pattern: "/small", Handler: refuse}}
	})
	post := func(path string, announced, sent int) (*http.Response, error) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		if _, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", path, announced); err != nil {
			return nil, err
		}
		if _, err = io.CopyN(conn, strings.NewReader(strings.Repeat("x", sent)), int64(sent)); err != nil {
			return nil, err
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body) // all of the answer is there, however much is still to be sent
		}
		return res, err
	}
	var all sync.WaitGroup
	for _, c := range []struct {
		path            string
		announced, sent int
		status          int
	}{
		{"/small", 16 << 20, 16 << 20, 413},
		{"/nope", 16 << 20, 16 << 20, 404},
		{"/small", 16 << 20, 0, 413}, // what waits for the answer before it sends has it at once
		{"/small", 8, 8, 200},
		{"/small", 7, 7, 200},
	} {
		for range 5 {
			all.Go(func() {
				if res, err := post(c.path, c.announced, c.sent); err != nil || res.StatusCode != c.status {
					t.Errorf("%s with %d of %d bytes: %v %v", c.path, c.sent, c.announced, res, err)
				}
			})
		}
	}
	all.Wait()
}
