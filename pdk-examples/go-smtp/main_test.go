package main

import (
	"net"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/pdk-examples/go-smtp/toysmtp"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// send sends a mail through a server.
func send(t *testing.T, server *toysmtp.Server, to, text string) (*wit.Sent, error) {
	t.Helper()
	host := &sdktest.Host{Credentials: map[string]string{"password": toysmtp.Password}, Dial: func(url string) (net.Conn, error) {
		return net.Dial("tcp", strings.TrimPrefix(url, "tcp://"))
	}}
	return mail{}.Send(host.SDK(), &wit.ChannelSend{
		Config: wit.JSON(`{"server":"` + server.URL() + `","from":"bot@example.org","user":"bot"}`),
		To:     wit.Conversation{ID: to}, Text: text, IdempotencyKey: "k1",
	})
}

func TestSend(t *testing.T) {
	server, err := toysmtp.Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	long := strings.Repeat(".\r\nüber ", 1000)
	sent, err := send(t, server, "ann@example.org", long)
	if err != nil || len(sent.IDs) != 1 {
		t.Fatalf("%+v, %v", sent, err)
	}
	mails, _ := server.Mails()
	if len(mails) != 1 || mails[0].To != "ann@example.org" || mails[0].Text != long || mails[0].ID != sent.IDs[0] {
		t.Errorf("the server has taken %+v", mails)
	}
	if again, err := send(t, server, "ann@example.org", long); err != nil || again.IDs[0] != sent.IDs[0] {
		t.Errorf("again it is %+v, %v", again, err)
	}
	server.Refuse("450 later", "550 nobody", "nonsense")
	for _, want := range []wit.Error{{Code: wit.CodeUnavailable, Retryable: true}, {Code: wit.CodeInvalid}, {Code: wit.CodeUnavailable, Retryable: true}} {
		if _, err := send(t, server, "ann@example.org", "x"); wit.CodeOf(err) != want.Code || wit.AsError(err).Retryable != want.Retryable {
			t.Errorf("%v, want %+v", err, want)
		}
	}
	for _, to := range []string{"", "ann", "@", "ann@example.org>\r\nRCPT TO:<bob@example.org", "a b@c", "ü@example.org"} {
		if _, err := send(t, server, to, "x"); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("to %q: %v", to, err)
		}
	}
}
