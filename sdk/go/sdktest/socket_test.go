package sdktest_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// dial returns a socket whose other side is a test's.
func dial(t *testing.T, serve func(net.Conn)) *sdk.Socket {
	t.Helper()
	host := &sdktest.Host{Credentials: map[string]string{"key": "secret"}, Dial: func(string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			serve(far)
		}()
		return near, nil
	}}
	s, err := host.SDK().Dial("tcp://mail.example.org:25")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func says(text string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
}

func TestSocketLine(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	for name, c := range map[string]struct {
		said  string
		lines []string
		end   error
	}{
		"lines":        {"one\r\ntwo\n\n", []string{"one", "two", ""}, io.EOF},
		"nothing":      {"", nil, io.EOF},
		"half a line":  {"one\ntw", []string{"one"}, io.ErrUnexpectedEOF},
		"no line ends": {long + long, nil, wit.NewError(wit.CodeTooLarge, "")},
	} {
		t.Run(name, func(t *testing.T) {
			s := dial(t, says(c.said))
			defer s.Close()
			for _, want := range c.lines {
				if got, err := s.Line(); err != nil || got != want {
					t.Errorf("%q, %v", got, err)
				}
			}
			if _, err := s.Line(); !errors.Is(err, c.end) && wit.CodeOf(err) != wit.CodeOf(c.end) {
				t.Errorf("the end: %v", err)
			}
		})
	}
}

func TestSocketReadsAndWrites(t *testing.T) {
	s := dial(t, func(conn net.Conn) { _, _ = io.CopyN(conn, conn, 3<<20) })
	sent := strings.Repeat("abc", 1<<20)
	done := make(chan string)
	go func() {
		got, _ := io.ReadAll(s)
		done <- string(got)
	}()
	if n, err := s.Write([]byte(sent)); n != len(sent) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if got := <-done; got != sent {
		t.Errorf("%d bytes come back", len(got))
	}
}

func TestSocketFills(t *testing.T) {
	heard := make(chan string)
	s := dial(t, func(conn net.Conn) {
		b, _ := io.ReadAll(conn)
		heard <- string(b)
	})
	if err := errors.Join(s.Fill("PASS {{credential:key}} "), s.FillBase64("\x00me\x00{{credential:key}}"), s.Close()); err != nil {
		t.Error(err)
	}
	if got := <-heard; got != "PASS secret AG1lAHNlY3JldA==" {
		t.Errorf("the server has heard %q", got)
	}
	if err := s.Fill("{{credential:none}}"); err == nil {
		t.Error("a credential that is not there is filled in")
	}
}

func TestSocketStartTLS(t *testing.T) {
	s := dial(t, says("220 go\r\n250 more\r\n"))
	if _, err := s.Line(); err != nil {
		t.Fatal(err)
	}
	if err := s.StartTLS(); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("with more in plain text: %v", err)
	}
	s = dial(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "220 go\r\n")
		_, _ = io.Copy(conn, conn)
	})
	if _, err := s.Line(); err != nil {
		t.Fatal(err)
	}
	if err := s.StartTLS(); err != nil {
		t.Error(err)
	}
	_, err := new(sdktest.Host).SDK().Dial("tcp://mail.example.org:25")
	if wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("without Dial: %v", err)
	}
}
