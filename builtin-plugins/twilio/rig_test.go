package twilio_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/twilio"
	"github.com/carapace-gateway/carapace/builtin-plugins/twilio/twiliotest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// account is one with a server, whose calls are handed in without a check of their signature.
type account struct {
	*rig.Rig
	server *twiliotest.Server
	host   *sdktest.Host
}

// hookURL is the webhook's address.
const hookURL = "https://gw.example.org/plugins/twilio/default/"

var (
	ada   = "+15005551234"
	toAda = wit.Conversation{Kind: wit.ConversationKindDirect, ID: ada}
)

func newAccount(t *testing.T, c twiliotest.Config, more string) *account {
	t.Helper()
	s := twiliotest.New(c)
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	host := &sdktest.Host{HTTP: s, Credentials: s.Secrets(), KV: map[string]string{}}
	r := rig.New(t, twilio.New(), host, `{"apiRoot":"`+root+`","accountSid":"`+twiliotest.DefaultAccountSID+`"`+more+`}`)
	r.Server = s
	a := &account{r, s, host}
	s.Webhook(hookURL, hookURL, &http.Client{Transport: a})
	return a
}

// plain has the account's number alone, and webhook its webhook too.
const (
	plain   = `,"from":"+15005550006"`
	webhook = plain + `,"webhook":"` + hookURL + `"`
)

// RoundTrip hands in a call of the webhook.
func (a *account) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	reply := a.Call(&wit.WebhookRequest{Method: "POST", Path: strings.TrimPrefix(r.URL.Path, "/plugins/twilio/default"), Query: r.URL.RawQuery, Text: new(r.PostForm.Encode())})
	if reply == nil {
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}, nil
	}
	return &http.Response{StatusCode: int(reply.Status), Body: http.NoBody}, nil
}
