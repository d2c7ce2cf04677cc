package egress_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// TestFramings: what comes is cut as the connection says, within its bounds; what goes out is what was written.
func TestFramings(t *testing.T) {
	mqtt := &wit.LengthPrefix{Offset: 1, Form: wit.LengthFormVarint}
	for name, c := range map[string]struct {
		open   wit.OpenConnection
		sends  []string
		frames []string
		end    wit.Code // "" is the other side's end
	}{
		"lines of a bound":     {wit.OpenConnection{MaxBytes: 5}, []string{"12345\r\n1234\n\nab", "c\n123456\n"}, []string{"12345", "1234", "", "abc"}, wit.CodeTooLarge},
		"the longest lines":    {wit.OpenConnection{MaxBytes: 1 << 20}, []string{strings.Repeat("x", 1<<20), "\r\n", strings.Repeat("y", 1<<20), "x\r\n"}, []string{strings.Repeat("x", 1<<20)}, wit.CodeTooLarge},
		"no end of a line":     {wit.OpenConnection{}, []string{strings.Repeat("x", 70_000)}, nil, wit.CodeTooLarge},
		"packets":              {wit.OpenConnection{Framing: wit.StreamFramingPackets}, []string{"\x00\x00", "\x00\x02ab\x00\x00\x00\x00\x00\x00", "\x00\x01"}, []string{"\x00\x00\x00\x02ab", "\x00\x00\x00\x00"}, wit.CodeUnavailable},
		"packets as MQTT has":  {wit.OpenConnection{Framing: wit.StreamFramingPackets, Length: mqtt}, []string{"\xd0\x00\x30\x03", "abc"}, []string{"\xd0\x00", "\x30\x03abc"}, ""},
		"elements of XML":      {wit.OpenConnection{Framing: wit.StreamFramingElements}, []string{"<?xml version='1.0'?><s><a", "/> <b>é</b><c>\xff</c>", "</s>"}, []string{"<s>", "<a/>", "<b>é</b>", "<c>\xff</c>", "</s>"}, ""},
		"elements of a bound":  {wit.OpenConnection{Framing: wit.StreamFramingElements, MaxBytes: 5}, []string{"<s><a/><a></a>"}, []string{"<s>", "<a/>"}, wit.CodeTooLarge},
		"packets of a bound":   {wit.OpenConnection{Framing: wit.StreamFramingPackets, Length: mqtt, MaxBytes: 5}, []string{"\x30\x03abc\x30\x04abcd"}, []string{"\x30\x03abc"}, wit.CodeTooLarge},
		"a packet of 256 MB":   {wit.OpenConnection{Framing: wit.StreamFramingPackets, Length: mqtt}, []string{"\x30\xff\xff\xff\x7f"}, nil, wit.CodeTooLarge},
		"pieces as they come":  {wit.OpenConnection{Framing: wit.StreamFramingRaw}, []string{"* OK {3}\r\n", "\xff\x00\n"}, []string{"* OK {3}\r\n", "\xff\x00\n"}, ""},
		"pieces of a bound":    {wit.OpenConnection{Framing: wit.StreamFramingRaw}, []string{strings.Repeat("x", 100_000)}, []string{strings.Repeat("x", 64<<10), strings.Repeat("x", 100_000-64<<10)}, ""},
		"nothing but the end":  {wit.OpenConnection{Framing: wit.StreamFramingRaw}, nil, nil, ""},
		"packets but none":     {wit.OpenConnection{Framing: wit.StreamFramingPackets}, nil, nil, ""},
		"a length that is bad": {wit.OpenConnection{Framing: wit.StreamFramingPackets, Length: &wit.LengthPrefix{Whole: true}}, []string{"\x00\x00\x00\x01"}, nil, wit.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t)
				next := make(chan struct{})
				addr := n.talk(func(conn net.Conn) {
					for _, s := range c.sends {
						_, _ = io.WriteString(conn, s)
						<-next
					}
				})
				client, p := n.home("tcp://"+addr, egress.Limits{})
				c.open.Transport, c.open.URL = wit.TransportTCP, "tcp://"+addr
				conn := open(t, client, p, c.open)
				go func() {
					defer close(next)
					for range c.sends {
						synctest.Wait()
						next <- struct{}{}
					}
				}()
				var got []string
				f, err := conn.Read()
				for ; err == nil; f, err = conn.Read() {
					if c.open.Framing != "" && c.open.Framing != wit.StreamFramingElements && f.Text != nil {
						t.Errorf("text: %+v", f)
					}
					if f.Text != nil {
						f.Bytes = []byte(*f.Text)
					}
					got = append(got, string(f.Bytes))
				}
				if fmt.Sprintf("%.90q", got) != fmt.Sprintf("%.90q", c.frames) || strings.Join(got, "") != strings.Join(c.frames, "") {
					t.Errorf("frames %.90q, want %.90q", got, c.frames)
				}
				if end := (*egress.ClosedError)(nil); c.end == "" && !errors.As(err, &end) || c.end != "" && wit.CodeOf(err) != c.end {
					t.Errorf("the end: %v", err)
				}
			})
		})
	}
}

// TestWhatGoesOutIsNoLine: with another framing than lines, a text has no line end behind it, and may have some in it.
func TestWhatGoesOutIsNoLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		heard := make(chan string, 1)
		addr := n.talk(func(conn net.Conn) {
			b, _ := io.ReadAll(conn)
			heard <- string(b)
		})
		c, p := n.home("tcp://"+addr, egress.Limits{})
		conn := open(t, c, p, wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://" + addr, Framing: wit.StreamFramingRaw})
		write(t, conn, wit.Frame{Text: new("<auth\n>{{credential:token}}"), Fill: true})
		write(t, conn, wit.Frame{Bytes: []byte{0, 1}})
		_ = conn.Close()
		if got := <-heard; got != "<auth\n>s3\"cret\x00\x01" {
			t.Errorf("the server read %q", got)
		}
	})
}

// starttls is a server of example.com that agrees to encrypt, does what sly says in between, and then echoes.
func starttls(t *testing.T, sly func(net.Conn)) (*rig, egress.Policy) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	r := rigOn(t, server)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		far, err := l.Accept()
		if err != nil {
			return
		}
		defer far.Close()
		if line, _ := bufio.NewReader(far).ReadString('\n'); line != "STARTTLS\r\n" {
			return
		}
		sly(far)
		secure := tls.Server(far, &tls.Config{Certificates: server.TLS.Certificates})
		_, _ = io.Copy(secure, secure)
	}()
	r.reach = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
	}
	return r, egress.Policy{Owner: "p", Hosts: []string{"example.com:143", "example.net:143"}}
}

func TestSecure(t *testing.T) {
	agree := func(conn net.Conn) { _, _ = io.WriteString(conn, "OK begin\r\n") }
	begin := func(t *testing.T, r *rig, p egress.Policy, host string) *egress.Conn {
		t.Helper()
		conn := open(t, r.client, p, wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://" + host + ":143"})
		write(t, conn, textFrame("STARTTLS"))
		if got := *read(t, conn).Text; got != "OK begin" {
			t.Fatalf("the server says %q", got)
		}
		return conn
	}
	t.Run("goes on encrypted, credentials too", func(t *testing.T) {
		r, p := starttls(t, agree)
		conn := begin(t, r, p, "example.com")
		if err := conn.Secure(); err != nil {
			t.Fatal(err)
		}
		write(t, conn, wit.Frame{Text: new("LOGIN {{credential:token}}"), Fill: true})
		if got := *read(t, conn).Text; got != `LOGIN s3"cret` {
			t.Errorf("the server says %q", got)
		}
		wantCode(t, conn.Secure(), wit.CodeInvalid)
		_, err := conn.Read()
		wantCode(t, err, wit.CodeUnavailable)
	})
	t.Run("before that no credential is sent", func(t *testing.T) {
		r, p := starttls(t, agree)
		conn := begin(t, r, p, "example.com")
		wantCode(t, conn.Write(wit.Frame{Text: new("LOGIN {{credential:token}}"), Fill: true}), wit.CodeForbidden)
	})
	for name, sly := range map[string]func(net.Conn){
		"what came in plain text behind the agreement is not taken as encrypted": func(conn net.Conn) {
			_, _ = io.WriteString(conn, "OK begin\r\nOK logged in\r\n")
		},
		"nor what comes later": func(conn net.Conn) {
			agree(conn)
			_, _ = io.WriteString(conn, "OK logged in\r\n")
		},
		"and who hangs up instead is gone": func(conn net.Conn) {
			agree(conn)
			_ = conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, p := starttls(t, sly)
			conn := begin(t, r, p, "example.com")
			wantCode(t, conn.Secure(), wit.CodeUnavailable)
			_, err := conn.Read()
			wantCode(t, err, wit.CodeUnavailable)
		})
	}
	t.Run("the certificate is that of the url's host", func(t *testing.T) {
		r, p := starttls(t, agree)
		conn := begin(t, r, p, "example.net")
		err := conn.Secure()
		wantCode(t, err, wit.CodeUnavailable)
		if !strings.Contains(err.Error(), "example.net") {
			t.Errorf("%v", err)
		}
	})
	t.Run("of nothing but tcp", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t)
			url := n.socket()
			c, p := n.home(url, egress.Limits{})
			conn := open(t, c, p, wit.OpenConnection{URL: url})
			wantCode(t, conn.Secure(), wit.CodeInvalid)
		})
	})
}
