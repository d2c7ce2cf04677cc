package nextcloud_test

import (
	"context"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/nextcloud/nextcloudtest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades, channeltest.Limits)
	t.Parallel()
	storm.Run(t, storm.Crowd(t, nextcloudtest.NewCrowd), "..", storm.Options{People: 5})
}

// TestAWholeGateway has a slow answer appear while it is written, and a second account on the same server beside the first.
func TestAWholeGateway(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming, channeltest.Accounts)
	t.Parallel()
	crowd := storm.Crowd(t, nextcloudtest.NewCrowd)
	g, finish := storm.StartSlow(t, crowd, "..")
	room := crowd.Person(0).With(crowd.Bot)
	wait := func(what string, ok func() bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
		defer cancel()
		if err := crowd.Wait(ctx, ok); err != nil {
			t.Fatalf("waited in vain for %s: %+v", what, crowd.Messages(room))
		}
	}
	crowd.Say(0, "tell me")
	shows := func(text string) func() bool {
		return func() bool {
			list := crowd.From(room, crowd.Bot)
			return len(list) == 1 && list[0].Text == text
		}
	}
	wait("the beginning", shows("**The beginning** of"))
	finish()
	wait("the end", shows("**The beginning** of it, and the end."))

	second, a := crowd.Register("second", "Second"), crowd.Account()
	a.Config["user"] = second.ID
	g.MustCall("plugins.configure", map[string]any{"id": "nextcloud", "account": "second", "config": a.Config, "secrets": map[string]string{"appPassword": second.Password},
		"access": map[string]any{"dmPolicy": "open"}}, nil)
	carol := crowd.Register("carol", "Carol")
	private := carol.With(second)
	wait("the second account", func() bool { return crowd.Waiting(second) > 0 })
	carol.Say(private, "and you?", 0)
	wait("its answer", func() bool {
		list := crowd.From(private, second)
		return len(list) == 1 && list[0].Text == "**The beginning** of it, and the end."
	})
}
