package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// running is the permission to have agents run, and to deliver through these channels.
func running(channels ...string) wit.Permissions {
	p := messaging(channels...)
	p.AgentRun = &wit.AgentPermission{Reason: "to ask"}
	return p
}

// obedient is a provider that calls the tool asker with the JSON that it is told last behind "do ", and says what came of
// it; else it echoes, with the names of the tools that it has.
func obedient() plugintest.Fake {
	return kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		heard := kerneltest.Heard(c)
		if c.Turns[len(c.Turns)-1].Role == wit.RoleTool {
			return kerneltest.Says("it says " + heard), nil
		}
		if _, order, ok := strings.Cut(heard, "do "); ok {
			return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "c", Name: "asker", Args: wit.JSON(order)}}, Stop: new(wit.StopReasonToolCalls)}, nil
		}
		var tools []string
		for _, t := range c.Tools {
			tools = append(tools, t.Name)
		}
		return kerneltest.Says(fmt.Sprintf("heard %q with %q", heard, tools)), nil
	})
}

// do is what makes the obedient model ask for something.
func do(call string, param any) string { return "do " + string(encoded(question{call, param})) }

// outcome waits for a run.
func outcome(t *testing.T, l *kerneltest.Listener, id string) (o wit.RunOutcome) {
	t.Helper()
	got := ask(l, "agent_wait", fields{"run": id, "wait": 5000})
	if err := wit.Unmarshal([]byte(got), &o); err != nil {
		t.Fatalf("%s: %s", id, got)
	}
	return o
}

// TestPluginsAskAgents in a session of their own or another one, with the tools that they name, and have the answer
// delivered; each key is one run.
func TestPluginsAskAgents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, reach := kerneltest.NewMemoryPlatform(t)
		k := kerneltest.Start(t, reach, account(t, p, openToAll), kerneltest.Plugin(kerneltest.Channel("chat"), obedient(), asker(running(), nil, nil)))
		l := k.Listen()
		setToken(l)
		p.Say("ann", "hi")
		time.Sleep(time.Minute)
		for key, c := range map[string]struct {
			request             fields
			text, session, post string
		}{
			"own":     {fields{"message": "well?"}, `heard "[from the plugin asker]\nwell?" with ["asker"]`, "agent:main:plugin:asker", ""},
			"no tool": {fields{"message": "well?", "noTools": true, "session": "other"}, `heard "[from the plugin asker]\nwell?" with []`, "agent:main:other", ""},
			"tools":   {fields{"message": "well?", "tools": []string{"none"}, "session": "third"}, `heard "[from the plugin asker]\nwell?" with []`, "agent:main:third", ""},
			"named":   {fields{"message": "a?", "session": "4", "deliver": fields{"channel": "chat", "to": "bob"}}, "", "agent:main:4", "bob"},
			"last":    {fields{"message": "b?", "session": "5", "deliver": fields{"session": "agent:main:chat:dm:ann"}}, "", "agent:main:5", "ann"},
		} {
			c.request["idempotencyKey"] = key
			before := len(p.Posts())
			for range 2 {
				if got := ask(l, "agent_run", c.request); got != fmt.Sprintf(`{"run":"plugin:asker:%s"}`, key) {
					t.Fatalf("%s: %s", key, got)
				}
			}
			o := outcome(t, l, "plugin:asker:"+key)
			if o.State != wit.RunStateDone || o.Session != c.session || c.text != "" && o.Text != c.text {
				t.Errorf("%s: %+v", key, o)
			}
			time.Sleep(time.Minute)
			posts := p.Posts()[before:]
			if c.post == "" && len(posts) > 0 || c.post != "" && (len(posts) != 1 || posts[0].To != c.post || posts[0].Text != o.Text) {
				t.Errorf("%s: posted %+v", key, posts)
			}
		}
	})
}

// TestRefusedRuns: what a plugin may not ask for, and what nobody could answer, is refused in words that say why.
func TestRefusedRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, reach := kerneltest.NewMemoryPlatform(t)
		k := kerneltest.Start(t, reach, account(t, p, openToAll), kerneltest.Plugin(kerneltest.Channel("chat"), obedient(), asker(running("other"), nil, nil)))
		l := k.Listen()
		setToken(l)
		synctest.Wait()
		for want, r := range map[string]fields{
			"invalid: message: is missing":             {"idempotencyKey": "1"},
			"invalid: idempotencyKey: is missing":      {"message": "x"},
			"too_large: message":                       {"message": strings.Repeat("x", 256<<10+1), "idempotencyKey": "1"},
			"invalid: ":                                {"message": "x", "agent": "nobody", "idempotencyKey": "1"},
			"not_found: there is nobody to deliver to": {"message": "x", "deliver": fields{}, "idempotencyKey": "1"},
			`forbidden: plugin asker: the permission messageSend is not granted for "chat": add it`: {"message": "x", "deliver": fields{"channel": "chat", "to": "bob"}, "idempotencyKey": "1"},
		} {
			if got := ask(l, "agent_run", r); !strings.HasPrefix(got, "error: "+want) {
				t.Errorf("%v:\n got  %.300s\n want %s", r, got, want)
			}
		}
		for _, id := range []string{"plugin:other:1", "r1", "plugin:asker:1"} {
			if got := ask(l, "agent_wait", fields{"run": id}); !strings.HasPrefix(got, "error: not_found: ") {
				t.Errorf("%s: %s", id, got)
			}
		}
	})
}

// TestRunsOfRunsEnd: a tool that asks the agent that calls it, a hook that asks one at each end of a run, end by
// themselves, and a plugin asks no more often than it may.
func TestRunsOfRunsEnd(t *testing.T) {
	for name, start := range map[string]func(*kerneltest.Listener){
		"a tool": func(l *kerneltest.Listener) { l.Ask("r1", "start") },
		"a hook": func(l *kerneltest.Listener) { l.Ask("r1", "hook") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				runs, n := map[string]bool{}, 0
				answers := make(chan string, 100)
				f := asker(running(), map[wit.HookName]question{wit.HookNameAgentEnd: {}}, answers)
				asks := func(ctx context.Context) string {
					mu.Lock()
					n++
					request := fields{"message": "again", "session": fmt.Sprint("s", n), "idempotencyKey": fmt.Sprint(n)}
					mu.Unlock()
					return said(plugintest.CallHost(ctx, "agent_run", encoded(request)))
				}
				f.Exports["tool_invoke"] = kerneltest.Export(func(ctx context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
					return &wit.ToolOutput{Content: []wit.Part{{Text: new(asks(ctx))}}}, nil
				})
				f.Exports["hook_handle"] = kerneltest.Export(func(ctx context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
					mu.Lock()
					runs[e.Context.Run] = true
					mu.Unlock()
					if name == "a hook" {
						answers <- asks(ctx)
					}
					return &wit.HookDecision{}, nil
				})
				brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
					if c.Turns[len(c.Turns)-1].Role == wit.RoleTool || name == "a hook" {
						answers <- kerneltest.Heard(c)
						return kerneltest.Says("ok"), nil
					}
					return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "c", Name: "asker", Args: wit.JSON(`{}`)}}, Stop: new(wit.StopReasonToolCalls)}, nil
				})
				l := kerneltest.Start(t, kerneltest.Plugin(brain, f)).Listen()
				start(l)
				time.Sleep(time.Hour)
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				refused := 0
				for len(answers) > 0 {
					if strings.HasPrefix(<-answers, "error: forbidden: agent: run ") {
						refused++
					}
				}
				if len(runs) != 1+wit.LimitAgentDepth || refused != 1 {
					t.Errorf("%d runs: %v; %d refusals", len(runs), runs, refused)
				}
			})
		})
	}
	t.Run("often", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := kerneltest.Start(t, kerneltest.Plugin(obedient(), asker(running(), nil, nil))).Listen()
			last := ""
			for i := range wit.LimitAgentBurst + 1 {
				last = ask(l, "agent_run", fields{"message": "x", "idempotencyKey": fmt.Sprint(i)})
			}
			if !strings.HasPrefix(last, "error: rate_limited: agent") {
				t.Error(last)
			}
		})
	})
}

// TestNobodyWaitsForHimself: neither a tool for a run of its own session, or of one that waits for it, nor a hook.
func TestNobodyWaitsForHimself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := asker(running(), map[wit.HookName]question{wit.HookNameBeforeAgentStart: {}}, nil)
		waits := func(ctx context.Context, id string) string {
			return said(plugintest.CallHost(ctx, "agent_wait", encoded(fields{"run": id, "wait": 3000})))
		}
		// The tool has an agent asked in a session, and waits for the answer; or waits for a run.
		f.Exports["tool_invoke"] = kerneltest.Export(func(ctx context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
			var q struct{ Session, Say, Run, Key string }
			if err := json.Unmarshal(c.Args, &q); err != nil {
				return nil, err
			}
			if q.Run == "" {
				q.Run = "plugin:asker:" + q.Key
				if _, err := plugintest.CallHost(ctx, "agent_run", encoded(fields{"message": q.Say, "session": q.Session, "idempotencyKey": q.Key})); err != nil {
					return nil, err
				}
			}
			return &wit.ToolOutput{Content: []wit.Part{{Text: new(waits(ctx, q.Run))}}}, nil
		})
		hooked := make(chan string, 100)
		f.Exports["hook_handle"] = kerneltest.Export(func(ctx context.Context, _ *wit.HookEvent) (*wit.HookDecision, error) {
			hooked <- waits(ctx, "plugin:asker:apart")
			return &wit.HookDecision{}, nil
		})
		l := kerneltest.Start(t, kerneltest.Plugin(obedient(), f)).Listen()
		own := "do " + string(encoded(fields{"run": "plugin:asker:own"}))
		back := "do " + string(encoded(fields{"session": "main", "say": "hello", "key": "back"}))
		for _, c := range []struct {
			key, session, say string
			refused           bool
		}{
			{"apart", "apart", "hello", false},
			{"same", "main", "hello", true},
			{"ring", "ring", back, true},
			{"own", "own", own, true},
		} {
			began := time.Now()
			got := l.Ask(c.key, "do "+string(encoded(fields{"session": c.session, "say": c.say, "key": c.key})))
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s took %v", c.key, took)
			}
			if strings.Contains(got, "which would wait for it") != c.refused || !c.refused && !strings.Contains(got, `"state":"done"`) {
				t.Errorf("%s: %s", c.key, got)
			}
		}
		for len(hooked) > 0 {
			if a := <-hooked; !strings.HasPrefix(a, "error: forbidden: agent: a hook may not wait for a run, since before_agent_start") {
				t.Error(a)
			}
		}
	})
}

// TestARunOfAJobIsOne, whichever transaction of the gateway is its last one: its answer is delivered once.
func TestARunOfAJobIsOne(t *testing.T) {
	atEachTransaction(t, runOnce)
}

// runOnce lets a gateway die at a transaction, 0 never, and the next one go on. It returns how many there were.
func runOnce(t *testing.T, first int) (transactions int) {
	synctest.Test(t, func(t *testing.T) {
		p, reach := kerneltest.NewMemoryPlatform(t)
		disk, keyring := storetest.NewFaulty(store.OpenMemory()), kerneltest.Keyring{}
		permissions := running()
		permissions.Schedule = &wit.Permission{Reason: "to wait"}
		permissions.KV = &wit.Permission{Reason: "to note"}
		start := func() *kerneltest.Kernel {
			f := asker(permissions, nil, nil)
			f.Exports["schedule_fire"] = kerneltest.Export(func(ctx context.Context, f *wit.Firing) (*wit.Done, error) {
				out, err := plugintest.CallHost(ctx, "agent_run", encoded(fields{"message": "the news?", "idempotencyKey": f.ID, "deliver": fields{"channel": "chat", "to": "bob"}}))
				var started struct{ Run string }
				if err != nil || json.Unmarshal(out, &started) != nil {
					return nil, err
				}
				out, err = plugintest.CallHost(ctx, "agent_wait", encoded(fields{"run": started.Run, "wait": 5000}))
				if err != nil {
					return nil, err
				}
				_, err = plugintest.CallHost(ctx, "kv_put", encoded(fields{"key": "answer", "value": string(out)}))
				return &wit.Done{OK: true}, err
			})
			return kerneltest.Start(t, kerneltest.Store(disk, keyring), reach, account(t, p, ""), kerneltest.Plugin(kerneltest.Channel("chat"), obedient(), f))
		}
		k := start()
		l := k.Listen()
		setToken(l)
		if got := ask(l, "schedule_set", fields{"id": "news", "at": time.Now().Add(time.Minute).UnixMilli()}); strings.HasPrefix(got, "error") {
			t.Fatal(got)
		}
		disk.Fail("", 0, 0)
		if first > 0 {
			disk.Fail(storetest.FaultCommit, first, 1_000_000)
		}
		time.Sleep(2 * time.Minute)
		transactions = disk.Transactions()
		k.Stop()
		disk.Fail("", 0, 0)
		k = start()
		time.Sleep(10 * time.Minute)
		kept := ask(k.Listen(), "kv_get", fields{"key": "answer"})
		k.Stop()
		arrived := 0
		for _, post := range p.Posts() {
			if !post.Repeated {
				arrived++
			}
		}
		if arrived != 1 || !strings.Contains(kept, `\"state\":\"done\"`) {
			t.Errorf("the gateway died at transaction %d: posted %+v; the plugin has %s", first, p.Posts(), kept)
		}
	})
	return transactions
}
