package ntfy_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy/ntfytest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// inGateway is a whole gateway with an account, whose model answers what it is asked with "seen".
func inGateway(t *testing.T) (*ntfytest.Crowd, *fieldtest.Completions, *storm.Gateway) {
	t.Helper()
	crowd, err := ntfytest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "**seen**"})
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	fields := fmt.Sprintf(`,"agent":{"model":"openai/m"},"plugins":{"openai":{"config":{"baseUrl":%q}}}`, server.URL+"/v1")
	return crowd, model, storm.Start(t, crowd, "..", t.TempDir(), fields)
}

// own are the account's messages in a topic, of which n are waited for.
func own(t *testing.T, s *ntfytest.Server, topic string, n int) (list []ntfytest.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	err := s.Wait(ctx, func() bool {
		list = nil
		for _, m := range s.Published(topic) {
			if len(m.Tags) > 0 && m.Tags[0] == "robot" {
				list = append(list, m)
			}
		}
		return len(list) >= n
	})
	if err != nil {
		t.Fatalf("%d messages are awaited in %s: %+v", n, topic, list)
	}
	return list
}

// TestInAGateway: what takes a whole gateway: files both ways, marks, long texts, and a second account.
func TestInAGateway(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn, channeltest.MediaOut, channeltest.Markup, channeltest.LongText, channeltest.Direct, channeltest.Accounts)
	crowd, model, g := inGateway(t)
	picture := bytes.Repeat([]byte("\xff\xd8 a picture \x00"), 20_000)
	send := func(params map[string]any) (delivery.SendResult, error) {
		var out delivery.SendResult
		params["channel"], params["idempotencyKey"] = "ntfy", fmt.Sprint("send ", len(crowd.Published("")))
		err := g.Call(t.Context(), "send", params, &out)
		return out, err
	}
	t.Run("a picture comes", func(t *testing.T) {
		crowd.Publish(ntfytest.Message{Topic: "person-1", Message: "what is this?", Attachment: crowd.Attach("p.jpg", "image/jpeg", picture)})
		if m := own(t, crowd.Server, "person-1", 1)[0]; m.Message != "**seen**" || m.ContentType != "text/markdown" {
			t.Errorf("%+v", m)
		}
		if got := string(model.Requests()[0].Body); !strings.Contains(got, base64.StdEncoding.EncodeToString(picture)) || !strings.Contains(got, "what is this?") {
			t.Errorf("the model was asked %.300s", got)
		}
	})
	t.Run("a picture goes", func(t *testing.T) {
		out, err := send(map[string]any{"to": "alerts", "message": "look", "buffer": base64.StdEncoding.EncodeToString(picture), "filename": "p.jpg", "contentType": "image/jpeg"})
		got := crowd.Published("alerts")
		if err != nil || len(got) != 1 || got[0].Message != "look" || !bytes.Equal(crowd.File(got[0]), picture) || out.MessageID != got[0].SequenceID {
			t.Errorf("%+v %v: %d messages", out, err, len(got))
		}
	})
	t.Run("a long text", func(t *testing.T) {
		out, err := send(map[string]any{"to": "long", "message": strings.Repeat("**bold** words, and more of them. ", 300)})
		got := crowd.Published("long")
		if err != nil || len(out.MessageIDs) < 3 || len(got) != len(out.MessageIDs) {
			t.Errorf("%+v %v", out, err)
		}
		all := ""
		for _, m := range got {
			all += m.Message + " "
		}
		if strings.Count(all, "**bold**") != 300 || strings.Count(all, "more") != 300 {
			t.Errorf("%d of 300 arrived", strings.Count(all, "**bold**"))
		}
	})
	t.Run("an answer that is lost", func(t *testing.T) {
		crowd.Fail(ntfytest.Fault{Call: "publish", CutAfter: true})
		out, err := send(map[string]any{"to": "once", "message": "once"})
		if got := crowd.Published("once"); err != nil || len(got) != 1 || out.MessageID != got[0].SequenceID {
			t.Errorf("%+v %v: %+v", out, err, got)
		}
	})
	t.Run("a second account", func(t *testing.T) {
		second := ntfytest.New(ntfytest.Config{})
		t.Cleanup(func() { _ = second.Close() })
		root, err := second.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		g.MustCall("plugins.configure", map[string]any{
			"id": "ntfy", "account": "second", "config": map[string]any{"server": root, "topic": "mine>yours"}, "access": map[string]any{"dmPolicy": "open"},
		}, nil)
		g.Event("channels.changed", func(b json.RawMessage) bool {
			return strings.Contains(string(b), `"second"`) && strings.Contains(string(b), `"connected"`)
		})
		before := len(crowd.Published(""))
		second.Publish(ntfytest.Message{Topic: "mine", Message: "hello second"})
		if m := own(t, second, "yours", 1)[0]; m.Message != "**seen**" || len(crowd.Published("")) != before {
			t.Errorf("%+v", m)
		}
	})
}
