package zulip_test

import (
	"context"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/zulip/zuliptest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades, channeltest.Limits)
	t.Parallel()
	storm.Run(t, storm.Crowd(t, zuliptest.NewCrowd), "..", storm.Options{})
}

// TestAWholeGateway has a slow answer appear while it is written, in a topic whose question it answers, and a second account on
// the same server beside the first.
func TestAWholeGateway(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming, channeltest.Accounts, channeltest.TypingOut)
	t.Parallel()
	crowd := storm.Crowd(t, zuliptest.NewCrowd)
	g, finish := storm.StartSlow(t, crowd, "..")
	wait := func(what string, ok func() bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
		defer cancel()
		if err := crowd.Wait(ctx, ok); err != nil {
			t.Fatalf("waited in vain for %s: %+v", what, crowd.Messages(crowd.Person(0)))
		}
	}
	crowd.Say(0, "tell me")
	shows := func(text string) func() bool {
		return func() bool {
			list := crowd.From(crowd.Person(0), crowd.Bot)
			return len(list) == 1 && list[0].Content == text
		}
	}
	wait("the beginning", shows("**The beginning** of"))
	if len(crowd.Calls("typing")) == 0 {
		t.Error("nobody saw it type")
	}
	finish()
	wait("the end", shows("**The beginning** of it, and the end."))

	second, a := crowd.Register("Second", true), crowd.Account()
	a.Config["email"] = second.Email
	g.MustCall("plugins.configure", map[string]any{"id": "zulip", "account": "second", "config": a.Config, "secrets": map[string]string{"apiKey": second.Key},
		"access": map[string]any{"dmPolicy": "open"}}, nil)
	wait("the second account", func() bool { return crowd.Polling(second) })
	carol := crowd.Register("Carol", false)
	carol.Direct("and you?", second)
	wait("its answer", func() bool {
		list := crowd.From(carol, second)
		return len(list) == 1 && list[0].Content == "**The beginning** of it, and the end."
	})
}
