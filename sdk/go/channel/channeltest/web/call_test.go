package web_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// TestACallThatIsCutOffIsNone: who is killed between the head of a call and its end has not made it.
func TestACallThatIsCutOffIsNone(t *testing.T) {
	made, ended := make(chan string, 1), make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		defer func() { ended <- struct{}{} }()
		made <- string(web.Body(r.Body))
	}))
	defer server.Close()
	for sent, want := range map[string]string{"": "", "{": "", `{"a":1}`: `{"a":1}`} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "PUT / HTTP/1.1\r\nHost: here\r\nContent-Length: 7\r\n\r\n"+sent); err != nil {
			t.Fatal(err)
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		<-ended
		_ = conn.Close()
		got := ""
		select {
		case got = <-made:
		default:
		}
		if got != want {
			t.Errorf("of %q came %q", sent, got)
		}
	}
}
