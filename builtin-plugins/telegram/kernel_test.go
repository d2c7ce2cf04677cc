package telegram_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/telegramtest"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// TestInAGateway: what takes a whole gateway: long texts, which come in pieces in their order, and a second bot.
func TestInAGateway(t *testing.T) {
	channeltest.Proves(t, channeltest.LongText, channeltest.Accounts)
	crowd, err := telegramtest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	g := storm.Start(t, crowd, "..", t.TempDir(), "")
	t.Run("a long text", func(t *testing.T) {
		crowd.Say(1, "hello")
		if err := crowd.Wait(t.Context(), func() bool { return len(crowd.Sent()) == 1 }); err != nil {
			t.Fatal(err)
		}
		var out delivery.SendResult
		g.MustCall("send", map[string]any{"channel": "telegram", "to": "1001", "message": strings.Repeat("some **bold** 🦀 words. ", 600), "idempotencyKey": "long"}, &out)
		all, pieces := "", crowd.Sent()[1:]
		for _, p := range pieces {
			all += p.Message.Text + " "
		}
		if len(pieces) < 3 || len(out.MessageIDs) != len(pieces) || strings.Count(all, "some bold 🦀 words.") != 600 {
			t.Errorf("%d pieces with %d of 600: %+v", len(pieces), strings.Count(all, "some bold 🦀 words."), out)
		}
	})
	t.Run("a second bot", func(t *testing.T) {
		second := botapitest.New(botapitest.Config{Token: "654321:of-the-second-bot"})
		t.Cleanup(func() { _ = second.Close() })
		root, err := second.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		g.MustCall("plugins.configure", map[string]any{
			"id": "telegram", "account": "second", "config": map[string]any{"apiRoot": root}, "secrets": map[string]string{"botToken": second.Token()}, "access": map[string]any{"dmPolicy": "open"},
		}, nil)
		g.Event("channels.changed", func(b json.RawMessage) bool {
			return strings.Contains(string(b), `"second"`) && strings.Contains(string(b), `"connected"`)
		})
		before := len(crowd.Sent())
		second.DM(botapitest.User{ID: 7, FirstName: "Ada"}, "hello second")
		if err := second.Wait(t.Context(), func() bool { return len(second.Sent()) == 1 }); err != nil || len(crowd.Sent()) != before {
			t.Errorf("%v: %+v", err, second.Sent())
		}
	})
}
