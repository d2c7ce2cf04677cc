package examples_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/pdk-examples/go-sigv4-tool/toybucket"
	"github.com/carapace-gateway/carapace/wit"
)

// noteTaker is a model that keeps a note, reads it again, whatever came of that, and says what it has read.
func noteTaker(chat *wit.Chat) *wit.ProviderAnswer {
	results := 0
	for last := len(chat.Turns) - 1; chat.Turns[last].Role != wit.RoleUser; last-- {
		if chat.Turns[last].Role == wit.RoleTool {
			results++
		}
	}
	call := wit.ToolCall{ID: fmt.Sprint("c", len(chat.Turns)), Name: "keep_note", Args: wit.JSON(`{"name":"tea","text":"no sugar, à la crème"}`)}
	switch results {
	case 2:
		return kerneltest.Says(kerneltest.Heard(chat))
	case 1:
		call.Name, call.Args = "read_note", wit.JSON(`{"name":"tea"}`)
	}
	return &wit.ProviderAnswer{Stop: new(wit.StopReasonToolCalls), ToolCalls: []wit.ToolCall{call}}
}

// TestSigV4: the bucket takes what is signed with its keys. A gateway that is killed while a note is kept does not keep it once
// more, and the model finds that it is there.
func TestSigV4(t *testing.T) {
	t.Parallel()
	bucket := toybucket.New()
	puts, struck := atomic.Int64{}, make(chan struct{}, 1)
	disk, ring, state := &mortal{Store: store.OpenMemory()}, kerneltest.Keyring{}, t.TempDir()
	deadly := atomic.Bool{}
	bucket.OnPut = func(string) {
		puts.Add(1)
		if deadly.Swap(false) {
			disk.kill(func(string, bool) bool { return true })
			struck <- struct{}{}
		}
	}
	config := kerneltest.Config(t, fmt.Sprintf(`{"plugins":{"go-sigv4-tool":{"config":{"bucket":%q,"region":%q}}}}`, serve(t, bucket), toybucket.Region))
	drop(t, filepath.Join(state, "plugins", "go-sigv4-tool"), "go-sigv4-tool")
	boot := func() (*kerneltest.Kernel, *kerneltest.Listener) {
		disk.kill(nil)
		listening := make(chan struct{})
		defer close(listening)
		taker := kerneltest.Provider("taker", func(_ context.Context, chat *wit.Chat) (*wit.ProviderAnswer, error) {
			<-listening // a run that goes on says nothing before somebody hears it
			return noteTaker(chat), nil
		})
		k := kerneltest.Start(t, config, kerneltest.StateDir(state), kerneltest.Store(disk, ring), kerneltest.Compiled(t), kerneltest.Plugin(taker))
		return k, k.Listen()
	}
	k, l := boot()
	keys := func(secret string) {
		l.MustCall("plugins.configure", map[string]any{"id": "go-sigv4-tool", "secrets": map[string]string{"accessKey": toybucket.AccessKey, "secretKey": secret}}, nil)
	}
	keys("wrong")
	if got := l.Ask("r1", "the tea"); !strings.Contains(got, "does not take the keys") {
		t.Errorf("with a wrong key: %q", got)
	}
	keys(toybucket.SecretKey)
	if got := l.Ask("r2", "the tea"); got != "no sugar, à la crème" || puts.Load() != 1 {
		t.Fatalf("%q, kept %d times", got, puts.Load())
	}

	deadly.Store(true)
	l.Send("r3", "the tea again")
	<-struck
	k.Stop()
	_, l = boot()
	if end := l.End("r3"); kerneltest.Text(end.Message) != "no sugar, à la crème" || puts.Load() != 2 {
		t.Errorf("after it was killed: %+v, kept %d times", end, puts.Load())
	}
}
