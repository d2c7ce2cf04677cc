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

// TestSocketWritesParts: lengths count what credentials have been filled in, and each other.
func TestSocketWritesParts(t *testing.T) {
	text := func(s string) wit.FramePart { return wit.FramePart{Text: &s, Fill: true} }
	heard := make(chan string, 1)
	s := dial(t, func(conn net.Conn) {
		b, _ := io.ReadAll(conn)
		heard <- string(b)
	})
	err := s.WriteParts(wit.FramePart{Bytes: []byte{0x10}}, wit.FramePart{Length: &wit.LengthPrefix{Form: wit.LengthFormVarint}},
		wit.FramePart{Length: &wit.LengthPrefix{Form: wit.LengthFormTwoBytes}, Parts: 1}, text("{{credential:key}}"),
		wit.FramePart{Length: &wit.LengthPrefix{Form: wit.LengthFormThreeBytes, LowFirst: true, Extra: 1}}, text("me"))
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if got := <-heard; got != "\x10\x0d\x00\x06secret\x01\x00\x00me" {
		t.Errorf("it has written %q", got)
	}
	s = dial(t, func(conn net.Conn) { _, _ = io.ReadAll(conn) })
	if err := s.WriteParts(wit.FramePart{Length: &wit.LengthPrefix{Form: wit.LengthFormOneByte}}, text(strings.Repeat("x", 256))); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("a text that is longer than its length says: %v", err)
	}
}
