package matrix_test

import (
	"context"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/matrix/matrixtest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades, channeltest.Limits)
	t.Parallel()
	storm.Run(t, storm.Crowd(t, matrixtest.NewCrowd), "..", storm.Options{})
}

// TestAWholeGateway has a slow answer appear while it is written, and a second account on the same server beside the first.
func TestAWholeGateway(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming, channeltest.Accounts, channeltest.Markup, channeltest.TypingOut)
	t.Parallel()
	crowd := storm.Crowd(t, matrixtest.NewCrowd)
	g, finish := storm.StartSlow(t, crowd, "..")
	wait := func(what string, ok func() bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
		defer cancel()
		if err := crowd.Wait(ctx, ok); err != nil {
			t.Fatalf("waited in vain for %s: %+v", what, crowd.Shown(crowd.Room(0)))
		}
	}
	crowd.Say(0, "tell me")
	shows := func(text string) func() bool {
		return func() bool {
			list := crowd.Shown(crowd.Room(0))
			return len(list) == 2 && list[1].Text == text
		}
	}
	wait("the beginning", shows("The beginning of"))
	if len(crowd.Calls("typing")) == 0 {
		t.Error("nobody saw it type")
	}
	finish()
	wait("the end", shows("The beginning of it, and the end."))
	edits := crowd.Events(crowd.Room(0), "m.room.message")
	last := edits[len(edits)-1].Content["m.new_content"].(matrixtest.Content)
	if last["formatted_body"] != "<p><strong>The beginning</strong> of it, and the end.</p>" {
		t.Errorf("it is shown as %v", last)
	}

	other, a := crowd.Register("second", "Second"), crowd.Account()
	g.MustCall("plugins.configure", map[string]any{"id": "matrix", "account": "second", "config": a.Config, "secrets": map[string]string{"accessToken": other.Token()},
		"access": map[string]any{"dmPolicy": "open"}}, nil)
	wait("the second account", func() bool { return crowd.Syncing(other.ID) })
	carol := crowd.Register("carol", "Carol")
	room := carol.CreateRoom(matrixtest.RoomOptions{Invite: []string{other.ID}})
	carol.Say(room, "and you?")
	wait("its answer", func() bool {
		list := crowd.Shown(room)
		return len(list) == 2 && list[1].Sender == other.ID && list[1].Text == "The beginning of it, and the end."
	})
}
