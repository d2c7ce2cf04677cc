package kernel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAPluginsJobsLastAsLongAsIt: jobs go on over what happens to a plugin that is still there, and end with one that
// was removed, whether the gateway ran at the time or not.
func TestAPluginsJobsLastAsLongAsIt(t *testing.T) { synctest.Test(t, pluginJobs) }

func pluginJobs(t *testing.T) {
	var first, second atomic.Int64 // how often the jobs ran
	fired := map[string]*atomic.Int64{"first": &first, "second": &second}
	clock := func(version string, sets ...string) plugintest.Fake {
		return plugintest.Fake{Manifest: reminding(version), Exports: kerneltest.Exports{
			"tool_invoke": func(ctx context.Context, _ []byte) ([]byte, error) {
				for _, id := range sets {
					if _, err := plugintest.CallHost(ctx, "schedule_set", fmt.Appendf(nil, `{"id":%q,"every":60000}`, id)); err != nil {
						return nil, err
					}
				}
				return []byte(`{"parts":[{"kind":"text","text":"set"}]}`), nil
			},
			"schedule_fire": kerneltest.Export(func(_ context.Context, f *wit.Firing) (*wit.Done, error) {
				fired[f.ID].Add(1)
				return &wit.Done{OK: true}, nil
			}),
		}}
	}
	memory := new(plugintest.Memory)
	memory.Put(clock("1.0.0", "first"))
	k := kerneltest.Start(t, kerneltest.Source(memory), hand())
	l := &teller{Listener: k.Listen()}
	l.tell("set")
	// passes lets five minutes go by and returns how often the jobs ran meanwhile.
	passes := func() int64 {
		before := first.Load()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		return first.Load() - before
	}
	enable := func(on bool) {
		k.Listen().MustCall("plugins.configure", json.RawMessage(fmt.Sprintf(`{"id":"guest","enabled":%v}`, on)), nil)
	}
	broken := clock("9.9.9")
	broken.Manifest.ABI = 99

	for _, step := range []struct {
		name string
		do   func()
		want int64
	}{
		{"as it was installed", func() {}, 5},
		{"upgraded", func() { memory.Put(clock("2.0.0")) }, 5},
		{"disabled", func() { enable(false) }, 0},
		{"enabled again", func() { enable(true) }, 5},
		{"with an update that cannot be loaded", func() { memory.Put(broken) }, 5},
		{"disabled, with nothing that can be loaded", func() { enable(false) }, 0},
		{"failed", func() { enable(true) }, 0},
		{"mended", func() { memory.Put(clock("3.0.0")) }, 5},
		{"removed", func() { memory.Remove("guest") }, 0},
		{"put there again", func() { memory.Put(clock("3.0.0", "second")) }, 0},
	} {
		step.do()
		time.Sleep(2 * time.Minute) // for the source to be looked at, and a job that is under way
		synctest.Wait()
		if got := passes(); got != step.want {
			t.Errorf("%s: fired %d times, want %d", step.name, got, step.want)
		}
	}
	l = &teller{Listener: k.Listen(), n: 1}
	l.tell("set")
	if passes(); second.Load() != 5 {
		t.Errorf("a job of the plugin that came back fired %d times", second.Load())
	}
	k.Stop()
}

// TestJobsOfAPluginRemovedMeanwhile: what was removed while the gateway did not run has no jobs either, once one
// of them is due, and its jobs do not fail for ever.
func TestJobsOfAPluginRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	dir := filepath.Join(state, "plugins", "guest")
	put(t, dir, map[string][]byte{"plugin.wasm": reminder(t, "v1"), "plugin.json": marshal(reminding("1.0.0"))})
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), hand())
	l := &teller{Listener: k.Listen()}
	l.tell("remind a")
	k.Stop()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}

	k = kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), hand())
	clock := k.Listen() // a job of the owner's, set after the plugin's and as often due, tells the time
	clock.MustCall("cron.add", json.RawMessage(`{"name":"tick","schedule":{"kind":"every","everyMs":1000},"sessionTarget":"main","wakeMode":"next-heartbeat","payload":{"kind":"systemEvent","text":"tick"}}`), nil)
	clock.Until("two ticks", func(events []client.Event) bool {
		ticks := 0
		for _, e := range events {
			if e.Name == "cron" && strings.Contains(string(e.Payload), `"action":"finished"`) {
				ticks++
			}
		}
		return ticks >= 2
	})
	k.Stop()

	put(t, dir, map[string][]byte{"plugin.wasm": reminder(t, "v1"), "plugin.json": marshal(reminding("1.0.0"))})
	k = kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), hand())
	l = &teller{Listener: k.Listen()}
	before := l.reminded("a")
	l.tell("remind b")
	l.untilReminded(t, "b", 2)
	if now := l.reminded("a"); now != before {
		t.Errorf("fired %d times more", now-before)
	}
	k.Stop()
}

// TestJobsEndWithARealPlugin does the same with files and WebAssembly, in a gateway that runs.
func TestJobsEndWithARealPlugin(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	dir := filepath.Join(state, "plugins", "guest")
	put(t, dir, map[string][]byte{"plugin.wasm": reminder(t, "v1"), "plugin.json": marshal(reminding("1.0.0"))})
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), hand())
	l := &teller{Listener: k.Listen()}
	seen := 0
	l.tell("remind a")
	l.untilReminded(t, "a", 1)

	put(t, dir, map[string][]byte{"plugin.wasm": reminder(t, "v2"), "plugin.json": marshal(reminding("2.0.0"))})
	l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateReady, Version: "2.0.0"})
	l.untilReminded(t, "a", l.reminded("a")+1)

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for c := (plugin.Changed{}); c.Reason != "removed"; {
		c = l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateStopped})
	}
	put(t, dir, map[string][]byte{"plugin.wasm": reminder(t, "v2"), "plugin.json": marshal(reminding("2.0.0"))})
	l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateReady, Version: "2.0.0"})
	before := l.reminded("a") // its records are still there
	if before == 0 {
		t.Error("what the plugin had written down is gone")
	}
	l.tell("remind b")
	l.untilReminded(t, "b", 2)
	if now := l.reminded("a"); now != before {
		t.Errorf("a job of the plugin that was removed fired %d times more", now-before)
	}
	k.Stop()
}

// reminder is the code of this version of a tool that has itself called every second.
func reminder(t *testing.T, version string) []byte {
	t.Helper()
	return wasm(t, "reminder", version)
}

// reminding is its manifest.
func reminding(version string) wit.Manifest {
	return guestManifest(version, func(m *wit.Manifest) { m.Permissions.Schedule = &wit.Permission{Reason: "to remind"} })
}

// reminded returns how often the guest's job of that name has fired.
func (l *teller) reminded(job string) int {
	n, _ := strconv.Atoi(l.tell("reminded " + job))
	return n
}

// untilReminded asks until the job has fired so often.
func (l *teller) untilReminded(t *testing.T, job string, times int) {
	t.Helper()
	for deadline := time.Now().Add(kerneltest.Patience); l.reminded(job) < times; {
		if time.Now().After(deadline) {
			t.Fatalf("the job %s has fired %d times, want %d", job, l.reminded(job), times)
		}
	}
}

// TestAJobThatFailsIsDueAgain, also one that is due once, until it is handled or taken back.
func TestAJobThatFailsIsDueAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		fired, due := map[string]int{}, map[int64]bool{}
		f := asker(wit.Permissions{Schedule: &wit.Permission{Reason: "to wait"}}, nil, nil)
		f.Exports["schedule_fire"] = kerneltest.Export(func(ctx context.Context, f *wit.Firing) (*wit.Done, error) {
			mu.Lock()
			defer mu.Unlock()
			fired[f.ID]++
			due[f.Due] = true
			switch {
			case f.ID == "never" || fired[f.ID] < 3:
				return nil, wit.NewError(wit.CodeInvalid, "not now")
			case f.ID == "back":
				_, err := plugintest.CallHost(ctx, "schedule_cancel", []byte(`{"id":"back"}`))
				return nil, errors.Join(errors.New("and it fails"), err)
			}
			return &wit.Done{OK: true}, nil
		})
		l := kerneltest.Start(t, kerneltest.Plugin(f)).Listen()
		for _, id := range []string{"once", "back", "never"} {
			ask(l, "schedule_set", fields{"id": id, "at": time.Now().Add(time.Minute).UnixMilli()})
		}
		_ = l.Close() // a client that stays is told every half a minute that the gateway lives
		time.Sleep(2 * 24 * time.Hour)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if fired["once"] != 3 || fired["back"] != 3 || fired["never"] < 20 || fired["never"] > 40 || len(due) != 1 {
			t.Errorf("fired %v, due %v", fired, due)
		}
	})
}
