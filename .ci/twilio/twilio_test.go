// Package twilio_test lets Twilio's own library speak to the server that stands in for Twilio in the tests of the channel: it creates and
// lists messages, and checks the signatures of calls.
package twilio_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/carapace-gateway/carapace/builtin-plugins/twilio/twiliotest"
)

// toServer has requests to Twilio go to a server.
type toServer struct{ host string }

func (t toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r.URL.Scheme, r.URL.Host = "http", t.host
	return http.DefaultTransport.RoundTrip(r)
}

// library is Twilio's, whose requests go to a server.
func library(t *testing.T, s *twiliotest.Server, token string) *api.ApiService {
	t.Helper()
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(root)
	c := &client.Client{Credentials: client.NewCredentials(twiliotest.DefaultAccountSID, token), HTTPClient: &http.Client{Transport: toServer{u.Host}}}
	c.SetAccountSid(twiliotest.DefaultAccountSID)
	return api.NewApiServiceWithClient(c)
}

func TestMessages(t *testing.T) {
	s := twiliotest.New(twiliotest.Config{})
	t.Cleanup(func() { _ = s.Close() })
	lib := library(t, s, twiliotest.DefaultAuthToken)
	params := &api.CreateMessageParams{}
	params.SetTo("+15005551234").SetFrom(twiliotest.DefaultNumber).SetBody("grüße").SetMediaUrl([]string{"https://example.org/a.png"})
	made, err := lib.CreateMessage(params)
	if err != nil || *made.Body != "grüße" || *made.Direction != "outbound-api" || s.Sent()[0].SID != *made.Sid || len(s.Sent()[0].Media) != 1 {
		t.Fatalf("%+v %v", made, err)
	}
	id := ""
	for range 60 {
		id = s.Say("+15005551234", "hello", "image/png")
	}
	list := &api.ListMessageParams{}
	list.SetTo(twiliotest.DefaultNumber).SetPageSize(25)
	all, err := lib.ListMessage(list)
	if err != nil || len(all) != 60 || *all[0].Sid != id || *all[0].Direction != "inbound" || *all[0].NumMedia != "1" || *all[0].DateSent == "" {
		t.Errorf("%d %v", len(all), err)
	}
	media, err := lib.ListMedia(id, nil)
	if err != nil || len(media) != 1 || *media[0].ContentType != "image/png" {
		t.Errorf("%+v %v", media, err)
	}
	params.SetTo("nobody")
	if _, err := lib.CreateMessage(params); err == nil || err.(*client.TwilioRestError).Code != 21211 {
		t.Errorf("%v", err)
	}
	other := twiliotest.New(twiliotest.Config{})
	t.Cleanup(func() { _ = other.Close() })
	if _, err := library(t, other, "wrong").CreateMessage(params); err == nil || err.(*client.TwilioRestError).Code != 20003 {
		t.Errorf("a wrong token: %v", err)
	}
}

// TestSignatures: the library's own check takes the server's calls, and none that was changed.
func TestSignatures(t *testing.T) {
	s := twiliotest.New(twiliotest.Config{})
	t.Cleanup(func() { _ = s.Close() })
	const public = "https://gw.example.org/plugins/twilio/default/"
	var mu sync.Mutex
	var calls []map[string]string
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		call := map[string]string{"": r.Header.Get("X-Twilio-Signature")}
		for name := range r.PostForm {
			call[name] = r.PostForm.Get(name)
		}
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, call)
	}))
	t.Cleanup(hook.Close)
	s.Webhook(public, hook.URL+"/", nil)
	s.Say("+15005551234", "hello & grüße", "image/png")
	if err := s.Wait(t.Context(), func() bool { return len(s.Calls()) == 1 }); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	call := calls[0]
	signature := call[""]
	delete(call, "")
	check := client.NewRequestValidator(twiliotest.DefaultAuthToken)
	if !check.Validate(public, call, signature) {
		t.Errorf("%q of %v is refused", signature, call)
	}
	call["Body"] = "changed"
	if check.Validate(public, call, signature) {
		t.Error("a changed call is taken")
	}
}
