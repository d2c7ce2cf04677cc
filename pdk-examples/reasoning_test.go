package examples_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/pdk-examples/go-reasoning/toysage"
	"github.com/carapace-gateway/carapace/wit"
)

// thinker is a gateway whose model thinks, and which can be killed and started again.
type thinker struct {
	*kerneltest.Kernel
	*kerneltest.Listener
	t      *testing.T
	id     string
	sage   *toysage.Server
	url    string
	state  string
	disk   *mortal
	ring   kerneltest.Keyring
	called atomic.Int64 // how often its tool was
}

func newThinker(t *testing.T, id string) *thinker {
	k := &thinker{t: t, id: id, sage: toysage.New(), state: t.TempDir(), disk: &mortal{Store: store.OpenMemory()}, ring: kerneltest.Keyring{}}
	k.url = serve(t, k.sage)
	drop(t, filepath.Join(k.state, "plugins", id), id)
	return k
}

// boot starts it with a model.
func (k *thinker) boot(model string, others ...plugintest.Fake) {
	k.disk.kill(nil)
	clock := kerneltest.Tool("clock", func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
		k.called.Add(1)
		return &wit.ToolOutput{Content: []wit.Part{{Text: new("noon")}}}, nil
	})
	config := fmt.Sprintf(`{"agent":{"model":%q},"plugins":{%q:{"config":{"url":%q}}}}`, model, k.id, k.url)
	k.Kernel = kerneltest.Start(k.t, kerneltest.Config(k.t, config), kerneltest.StateDir(k.state), kerneltest.Store(k.disk, k.ring),
		kerneltest.Compiled(k.t), kerneltest.JavaScript(), kerneltest.Plugin(append(others, clock)...))
	k.Listener = k.Kernel.Listen()
}

// asked waits until the model was given the results of so many tools.
func (k *thinker) asked(times int) {
	k.t.Helper()
	timeout := time.After(kerneltest.Patience)
	for {
		n, changed := k.sage.Asked()
		if n >= times {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			k.t.Fatalf("the model was asked to go on %d times, not %d", n, times)
		}
	}
}

// TestReasoning: the model is given back what it has thought, also when the gateway was killed before it went on, and calls no tool
// again for that. Another provider is not shown it.
func TestReasoning(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"go-reasoning", "ts-reasoning"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			k := newThinker(t, id)
			k.boot(id + "/sage")
			configure(k.Listener, id, "", "key", toysage.Key)
			if got := k.Ask("r1", "use clock"); got != "it says noon" {
				t.Errorf("the model says %q", got)
			}

			k.sage.Hold(true)
			k.Send("r2", "use clock")
			k.asked(2)
			k.disk.kill(func(string, bool) bool { return true })
			k.Stop()
			k.boot(id + "/sage")
			k.sage.Hold(false)
			if end := k.End("r2"); kerneltest.Text(end.Message) != "it says noon" {
				t.Errorf("after it was killed: %+v", end)
			}
			if n := k.called.Load(); n != 2 {
				t.Errorf("the tool was called %d times", n)
			}
			k.Stop()

			var turns []wit.ChatTurn
			k.boot("other/model", kerneltest.Provider("other", func(_ context.Context, chat *wit.Chat) (*wit.ProviderAnswer, error) {
				turns = chat.Turns
				return kerneltest.Says("hello"), nil
			}))
			k.Ask("r3", "hello")
			if len(turns) != 9 || slices.ContainsFunc(turns, func(c wit.ChatTurn) bool { return c.Opaque != nil || c.Thinking != "" }) {
				t.Errorf("the other model is shown %+v", turns)
			}
		})
	}
}

// TestModelsAndEmbeddings: all models of the server are there, and one makes vectors.
func TestModelsAndEmbeddings(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"go-reasoning", "ts-reasoning"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			k := newThinker(t, id)
			k.boot(id + "/sage")
			configure(k.Listener, id, "", "key", toysage.Key)
			var list struct {
				Models []struct{ ID, Provider string }
			}
			k.MustCall("models.list", nil, &list)
			var ids []string
			for _, m := range list.Models {
				if m.Provider == id {
					ids = append(ids, m.ID)
				}
			}
			if slices.Sort(ids); len(ids) != 2 || !strings.HasSuffix(ids[0], "measure") || !strings.HasSuffix(ids[1], "sage") {
				t.Errorf("the models are %q", ids)
			}
			res, body := k.Exchange("POST", "/v1/embeddings", strings.NewReader(`{"model":"`+id+`/measure","input":["good morning","x"]}`))
			if res.StatusCode != 200 || !strings.Contains(body, "[12,2]") || !strings.Contains(body, "[1,1]") {
				t.Errorf("%d %s", res.StatusCode, body)
			}
		})
	}
}
