package twilio_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/twilio/twiliotest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestInAGateway: what takes a whole gateway: signatures, files, long texts, what becomes of what was sent, and a second account.
func TestInAGateway(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn, channeltest.MediaOut, channeltest.LongText, channeltest.Direct, channeltest.Refusals, channeltest.Accounts)
	crowd, err := twiliotest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "**seen**"})
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	g := storm.Start(t, crowd, "..", t.TempDir(), fmt.Sprintf(`,"agent":{"model":"openai/m"},"plugins":{"openai":{"config":{"baseUrl":%q}}}%s`, server.URL+"/v1", public))
	post := func(signature string) int {
		form := url.Values{"MessageSid": {"SM1"}, "AccountSid": {twiliotest.DefaultAccountSID}, "From": {ada}, "To": {twiliotest.DefaultNumber}, "Body": {"forged"}}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://kernel/plugins/twilio/default/", strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Twilio-Signature", signature)
		res, err := g.HTTP().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	send := func(to, text string) (delivery.SendResult, error) {
		var out delivery.SendResult
		err := g.Call(t.Context(), "send", map[string]any{"channel": "twilio", "to": to, "message": text, "idempotencyKey": fmt.Sprint("send ", len(crowd.Requests()))}, &out)
		return out, err
	}
	t.Run("a call that Twilio has not signed", func(t *testing.T) {
		for _, signature := range []string{"", base64.StdEncoding.EncodeToString(make([]byte, 20))} {
			if status := post(signature); status != http.StatusUnauthorized {
				t.Errorf("%q is answered %d", signature, status)
			}
		}
	})
	t.Run("a picture comes", func(t *testing.T) {
		crowd.Server.Say(ada, "what is this?", "image/jpeg")
		if err := crowd.Wait(t.Context(), func() bool { return len(crowd.Sent()) == 1 }); err != nil || crowd.Sent()[0].Body != "seen" {
			t.Fatalf("%v %+v", err, crowd.Sent())
		}
		if got := string(model.Requests()[0].Body); !strings.Contains(got, base64.StdEncoding.EncodeToString([]byte("the bytes of image/jpeg"))) || !strings.Contains(got, "what is this?") {
			t.Errorf("the model was asked %.300s", got)
		}
		err := crowd.Wait(t.Context(), func() bool {
			for _, c := range crowd.Calls() {
				if c.Form.Get("Body") != "" && c.Status == http.StatusOK && strings.Contains(c.Body, "<Response/>") {
					return true
				}
			}
			return false
		})
		if err != nil {
			t.Errorf("the call was not taken: %+v", crowd.Calls())
		}
	})
	t.Run("a picture goes", func(t *testing.T) {
		before := len(crowd.Sent())
		var out delivery.SendResult
		g.MustCall("send", map[string]any{"channel": "twilio", "to": ada, "message": "look", "buffer": base64.StdEncoding.EncodeToString([]byte(png)), "filename": "p.png", "contentType": "image/png", "idempotencyKey": "p"}, &out)
		got := crowd.Sent()[before:]
		if len(got) != 1 || got[0].Body != "look" || len(got[0].Media) != 1 || !strings.HasPrefix(got[0].Media[0], twiliotest.PublicURL+"/media/") {
			t.Fatalf("%+v: %+v", out, got)
		}
		res, err := g.HTTP().Get("http://kernel" + strings.TrimPrefix(got[0].Media[0], twiliotest.PublicURL))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || string(body) != png || res.Header.Get("Content-Type") != "image/png" {
			t.Errorf("Twilio gets %d, %q of %s", res.StatusCode, body, res.Header.Get("Content-Type"))
		}
	})
	t.Run("a long text", func(t *testing.T) {
		before := len(crowd.Sent())
		if out, err := send(ada, strings.Repeat("**bold** words, and more of them. ", 100)); err != nil || len(out.MessageIDs) < 2 {
			t.Errorf("%+v %v", out, err)
		}
		all := ""
		for _, m := range crowd.Sent()[before:] {
			all += m.Body + " "
		}
		if strings.Count(all, "bold words") != 100 || strings.Contains(all, "*") {
			t.Errorf("%d of 100 arrived", strings.Count(all, "bold words"))
		}
	})
	t.Run("an answer that is lost", func(t *testing.T) {
		before := len(crowd.Sent())
		crowd.Fail(twiliotest.Fault{Call: "create", CutAfter: true})
		out, err := send(ada, "once")
		if got := crowd.Sent()[before:]; err != nil || len(got) != 1 || out.MessageID != got[0].SID {
			t.Errorf("%+v %v: %+v", out, err, got)
		}
	})
	t.Run("a carrier that does not deliver", func(t *testing.T) {
		crowd.Undeliver("+15005559999", 30006)
		before := len(crowd.Sent())
		if out, err := send("+15005559999", "x"); wit.CodeOf(err) != wit.CodeNotFound || !strings.Contains(err.Error(), "landline") || len(crowd.Sent()) != before+1 {
			t.Errorf("%+v %v", out, err)
		}
	})
	t.Run("somebody who has unsubscribed", func(t *testing.T) {
		crowd.Server.Say(numberOne, "STOP")
		if out, err := send(numberOne, "x"); wit.CodeOf(err) != wit.CodeForbidden || !strings.Contains(err.Error(), "START") {
			t.Errorf("%+v %v", out, err)
		}
	})
	t.Run("a second number", func(t *testing.T) {
		second := twiliotest.New(twiliotest.Config{Number: "+15005559000"})
		t.Cleanup(func() { _ = second.Close() })
		root, err := second.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		g.MustCall("plugins.configure", map[string]any{
			"id": "twilio", "account": "second", "config": map[string]any{"apiRoot": root, "accountSid": twiliotest.DefaultAccountSID, "from": "+15005559000"},
			"secrets": second.Secrets(), "access": map[string]any{"dmPolicy": "open"},
		}, nil)
		g.Event("channels.changed", func(b json.RawMessage) bool {
			return strings.Contains(string(b), `"second"`) && strings.Contains(string(b), `"connected"`)
		})
		second.Webhook(twiliotest.PublicURL+"/plugins/twilio/second/", "http://kernel/plugins/twilio/second/", g.HTTP())
		before := len(crowd.Sent())
		second.Say(ada, "hello second")
		if err := second.Wait(t.Context(), func() bool { return len(second.Sent()) == 1 }); err != nil || len(crowd.Sent()) != before {
			t.Errorf("%v: %+v", err, second.Sent())
		}
	})
}

// png is the beginning of a picture.
const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"

// numberOne is somebody else's.
const numberOne = "+15005551111"
