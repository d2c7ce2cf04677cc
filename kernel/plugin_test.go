package kernel_test

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWhatAPluginAsksFor lets a plugin keep a job, a counter and tell clients about it, over hours.
func TestWhatAPluginAsksFor(t *testing.T) { synctest.Test(t, pluginAsks) }

func pluginAsks(t *testing.T) {
	ask := func(ctx context.Context, name string, in []byte) []byte {
		out, err := plugintest.CallHost(ctx, name, in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return out
	}
	clock := kerneltest.Tool("clock", func(ctx context.Context, _ *wit.ToolInvocation) (*wit.ToolOutput, error) {
		ask(ctx, "schedule_set", wit.Marshal(&wit.ScheduledJob{ID: "strike", Every: new(int64(time.Hour / time.Millisecond)), Payload: wit.JSON(`{"bell":1}`)}))
		return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: new("it is wound up")}}}, nil
	})
	clock.Manifest.Permissions = wit.Permissions{KV: &wit.Permission{Reason: "x"}, Schedule: &wit.Permission{Reason: "x"}, Emit: &wit.Permission{Reason: "x"}}
	clock.Exports["schedule_fire"] = kerneltest.Export(func(ctx context.Context, f *wit.Firing) (*wit.Done, error) {
		var v wit.KVValue
		if err := wit.Unmarshal(ask(ctx, "kv_get", wit.Marshal(&wit.KVKey{Key: "strikes"})), &v); err != nil {
			return nil, err
		}
		n := 0
		if v.Value != nil {
			n, _ = strconv.Atoi(*v.Value)
		}
		count := strconv.Itoa(n + 1)
		ask(ctx, "kv_put", wit.Marshal(&wit.KVEntry{Key: "strikes", Value: count}))
		ask(ctx, "emit_publish", wit.Marshal(&wit.EmittedEvent{Name: "strike", Payload: wit.JSON(count)}))
		if string(f.Payload) != `{"bell":1}` || n+1 == 3 {
			ask(ctx, "schedule_cancel", wit.Marshal(&wit.JobReference{ID: f.ID}))
		}
		return &wit.Done{OK: true}, nil
	})
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if c.Turns[len(c.Turns)-1].Role == wit.RoleTool {
			return kerneltest.Says("done"), nil
		}
		return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "c", Name: "clock", Args: wit.JSON(`{}`)}}, Stop: new(wit.StopReasonToolCalls)}, nil
	})
	k := kerneltest.Start(t, kerneltest.Plugin(clock, brain))
	l := k.Listen()
	if got := l.Ask("r", "wind it up"); got != "done" {
		t.Errorf("%q", got)
	}
	time.Sleep(10 * time.Hour)
	synctest.Wait()
	var strikes []string
	for _, e := range l.Events() {
		var p struct {
			Plugin, Name string
			Payload      json.RawMessage
		}
		if e.Name == "plugins.event" && json.Unmarshal(e.Payload, &p) == nil && p.Plugin == "clock" && p.Name == "strike" {
			strikes = append(strikes, string(p.Payload))
		}
	}
	if len(strikes) != 3 || strikes[2] != "3" {
		t.Errorf("clients heard it strike %q", strikes)
	}
	listed := false
	for _, name := range l.Hello().Features.Events {
		listed = listed || name == "plugins.event"
	}
	if !listed {
		t.Error("hello-ok does not list plugins.event")
	}
	k.Stop()
}
