package hook_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// asked is a plugin whose answer is a function.
type asked struct {
	id      string
	facts   wit.HookFacts
	prepare time.Duration
	answer  func(ctx context.Context, event string) (*wit.HookDecision, error)
}

func (a asked) ID() string           { return a.id }
func (a asked) Facts() wit.HookFacts { return a.facts }
func (a asked) Prepare(ctx context.Context) error {
	if a.prepare == 0 {
		return nil
	}
	ready := time.NewTimer(a.prepare)
	defer ready.Stop()
	select {
	case <-ready.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a asked) Handle(ctx context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
	return a.answer(ctx, string(e.Event))
}

func hooks(plugins ...hook.Plugin) *hook.Hooks {
	return hook.New(func(wit.HookName) []hook.Plugin { return plugins }, hclog.NewNullLogger())
}

func modify(text string) func(context.Context, string) (*wit.HookDecision, error) {
	return func(context.Context, string) (*wit.HookDecision, error) {
		return &wit.HookDecision{Modify: wit.JSON(text)}, nil
	}
}

func refuse(context.Context, string) (*wit.HookDecision, error) {
	why := "not today"
	return &wit.HookDecision{Cancel: true, Reason: &why}, nil
}

func fail(context.Context, string) (*wit.HookDecision, error) { return nil, errors.New("boom") }

// TestFired: every hook of the contract is fired, and has its record.
func TestFired(t *testing.T) {
	if fired := hook.Fired(); !slices.Equal(fired, wit.HookNames()) {
		t.Errorf("fired %q\nwant %q", fired, wit.HookNames())
	}
}

// fire fires a hook with an empty event and returns what it comes back as.
func fire[E any](k hook.Kind[E]) func(*hook.Hooks) (any, error) {
	return func(h *hook.Hooks) (any, error) {
		var event E
		return k.Fire(context.Background(), h, wit.HookContext{}, event)
	}
}

// TestEveryKind: each kind asks plugins under its own name and keeps to what the contract lets it.
func TestEveryKind(t *testing.T) {
	kinds := map[wit.HookName]func(*hook.Hooks) (any, error){
		wit.HookNameMessageReceived:   fire(hook.MessageReceived),
		wit.HookNameMessageSending:    fire(hook.MessageSending),
		wit.HookNameMessageSent:       fire(hook.MessageSent),
		wit.HookNameBeforeAgentStart:  fire(hook.BeforeAgentStart),
		wit.HookNameAgentEnd:          fire(hook.AgentEnd),
		wit.HookNameBeforeToolCall:    fire(hook.BeforeToolCall),
		wit.HookNameAfterToolCall:     fire(hook.AfterToolCall),
		wit.HookNameToolResultPersist: fire(hook.ToolResultPersist),
		wit.HookNameBeforeCompaction:  fire(hook.BeforeCompaction),
		wit.HookNameAfterCompaction:   fire(hook.AfterCompaction),
		wit.HookNameSessionStart:      fire(hook.SessionStart),
		wit.HookNameSessionEnd:        fire(hook.SessionEnd),
		wit.HookNameGatewayStart:      fire(hook.GatewayStart),
		wit.HookNameGatewayStop:       fire(hook.GatewayStop),
	}
	for _, asks := range wit.HookNames() {
		k := kinds[asks]
		if k == nil {
			t.Errorf("there is no kind %s", asks)
			continue
		}
		var name wit.HookName
		source := func(answer func(context.Context, string) (*wit.HookDecision, error)) *hook.Hooks {
			return hook.New(func(n wit.HookName) []hook.Plugin {
				name = n
				return []hook.Plugin{asked{id: "p", answer: answer}}
			}, hclog.NewNullLogger())
		}
		_, err := k(source(refuse))
		if cancelled := wit.CodeOf(err) == wit.CodeForbidden; cancelled != asks.Cancels() {
			t.Errorf("%s: cancelled %v: %v", asks, cancelled, err)
		}
		if name != asks {
			t.Errorf("%s asks for %s", asks, name)
		}
		before, _ := k(source(modify(`{}`)))
		after, err := k(source(modify(`{"text":"x","systemPrompt":"x","prependContext":"x","args":{"x":1},"result":"x","to":"x","tool":"x"}`)))
		if changed := !equal(before, after); err != nil || changed != (len(asks.Modifies()) > 0) {
			t.Errorf("%s: changed %v: %v", asks, changed, err)
		}
	}
}

func equal(a, b any) bool {
	text := func(v any) string {
		switch e := v.(type) {
		case wit.MessageSending:
			return e.Text
		case wit.BeforeAgentStart:
			return e.SystemPrompt + e.PrependContext
		case wit.BeforeToolCall:
			return string(e.Args) + e.Tool
		case wit.ToolResultPersist:
			return e.Result + e.Tool
		case wit.MessageReceived:
			return e.Text
		case wit.MessageSent:
			return e.Text
		case wit.AgentEnd:
			return e.Text
		case wit.AfterToolCall:
			return e.Result
		}
		return ""
	}
	return text(a) == text(b)
}

// TestOrderAndMerge: in the order of the source, each seeing what those before it changed, and only allowed fields.
func TestOrderAndMerge(t *testing.T) {
	var seen []string
	add := func(id string, priority int32) asked {
		return asked{id: id, facts: wit.HookFacts{Priority: priority}, answer: func(_ context.Context, event string) (*wit.HookDecision, error) {
			seen = append(seen, id)
			var e wit.MessageSending
			if err := wit.Unmarshal([]byte(event), &e); err != nil {
				return nil, err
			}
			return &wit.HookDecision{Modify: wit.JSON(`{"text":"` + e.Text + id + `","to":"elsewhere"}`)}, nil
		}}
	}
	got, err := hook.MessageSending.Fire(context.Background(), hooks(add("d", 9), add("a", 0), add("b", 0), add("c", -1)), wit.HookContext{},
		wit.MessageSending{To: "bob", Text: ">"})
	if err != nil || got.Text != ">dabc" || got.To != "bob" || strings.Join(seen, "") != "dabc" {
		t.Errorf("%+v after %q: %v", got, seen, err)
	}
}

// TestFailures: by policy, whatever the failure.
func TestFailures(t *testing.T) {
	for name, answer := range map[string]func(context.Context, string) (*wit.HookDecision, error){
		"error":      fail,
		"nonsense":   modify(`[1]`),
		"wrong type": modify(`{"text":{"a":1}}`),
		"late": func(ctx context.Context, _ string) (*wit.HookDecision, error) {
			<-ctx.Done()
			return &wit.HookDecision{Modify: wit.JSON(`{"text":"late"}`)}, nil
		},
	} {
		for policy, given := range map[string]*wit.FailPolicy{"open": new(wit.FailPolicyOpen), "absent": nil, "closed": new(wit.FailPolicyClosed)} {
			t.Run(name+" "+policy, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					h := hooks(asked{id: "bad", facts: wit.HookFacts{Priority: 1, OnFailure: given, Deadline: 250}, answer: answer},
						asked{id: "good", answer: modify(`{"text":"clean"}`)})
					got, err := hook.MessageSending.Fire(context.Background(), h, wit.HookContext{}, wit.MessageSending{Text: "dirty"})
					if time.Since(start) > 250*time.Millisecond {
						t.Errorf("took %v", time.Since(start))
					}
					if policy != "open" { // a gate is shut unless its manifest says that it is not
						if wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "bad") || got.Text != "dirty" {
							t.Errorf("%+v: %v", got, err)
						}
						return
					}
					if err != nil || got.Text != "clean" {
						t.Errorf("%+v: %v", got, err)
					}
				})
			})
		}
	}
}

// TestTheDeadlineIsForTheAnswer: what makes a plugin ready may take longer.
func TestTheDeadlineIsForTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := asked{id: "slow", facts: wit.HookFacts{Deadline: 250, OnFailure: new(wit.FailPolicyClosed)}, prepare: time.Minute, answer: modify(`{"text":"clean"}`)}
		got, err := hook.MessageSending.Fire(context.Background(), hooks(slow), wit.HookContext{}, wit.MessageSending{Text: "dirty"})
		if err != nil || got.Text != "clean" {
			t.Fatalf("%+v: %v", got, err)
		}
	})
}

// TestObservers are told one after the other, the first one first, cannot stop anything, and are waited for.
func TestObservers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		slow := func(id string) func(context.Context, string) (*wit.HookDecision, error) {
			return func(context.Context, string) (*wit.HookDecision, error) {
				time.Sleep(100 * time.Millisecond)
				told = append(told, id)
				return nil, nil
			}
		}
		start := time.Now()
		closed := wit.HookFacts{OnFailure: new(wit.FailPolicyClosed)}
		h := hooks(asked{id: "1", facts: closed, answer: fail}, asked{id: "2", answer: slow("2")}, asked{id: "3", facts: closed, answer: refuse}, asked{id: "4", answer: slow("4")})
		if _, err := hook.AgentEnd.Fire(context.Background(), h, wit.HookContext{}, wit.AgentEnd{}); err != nil {
			t.Error(err)
		}
		if strings.Join(told, " ") != "2 4" || time.Since(start) != 200*time.Millisecond {
			t.Errorf("%q were told in %v", told, time.Since(start))
		}
	})
}

// TestNobodyWaitsForObservers longer than for the longest of their deadlines, however long they take to be got ready or
// to answer; and those that can be told later are.
func TestNobodyWaitsForObservers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan string, 3)
		tells := func(id string) func(context.Context, string) (*wit.HookDecision, error) {
			return func(context.Context, string) (*wit.HookDecision, error) {
				told <- id
				return nil, nil
			}
		}
		hangs := func(ctx context.Context, _ string) (*wit.HookDecision, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		h := hooks(asked{id: "cold", prepare: time.Minute, answer: tells("cold")}, asked{id: "hanging", facts: wit.HookFacts{Deadline: 2000}, answer: hangs}, asked{id: "good", answer: tells("good")})
		start := time.Now()
		if _, err := hook.AgentEnd.Fire(context.Background(), h, wit.HookContext{}, wit.AgentEnd{}); err != nil || time.Since(start) != 2*time.Second {
			t.Errorf("waited for %v: %v", time.Since(start), err)
		}
		if first, second := <-told, <-told; first != "good" || second != "cold" || time.Since(start) != time.Minute {
			t.Errorf("told %s, then %s after %v", first, second, time.Since(start))
		}

		// What is on its way is bounded, and ends with Run.
		h = hooks(asked{id: "never", prepare: time.Hour, answer: tells("never")})
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		for range 1000 {
			_, _ = hook.AgentEnd.Fire(ended, h, wit.HookContext{}, wit.AgentEnd{})
		}
		if err := h.Run(ended); err != nil || len(told) > 0 {
			t.Errorf("%d were told: %v", len(told), err)
		}
		start = time.Now()
		if _, err := hook.AgentEnd.Fire(context.Background(), h, wit.HookContext{}, wit.AgentEnd{}); err != nil || time.Since(start) > 0 {
			t.Errorf("after its end: %v, %v", time.Since(start), err)
		}
	})
}

// TestEnded: a caller that gives up is not told that a plugin failed.
func TestEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h := hooks(asked{id: "p", answer: func(ctx context.Context, _ string) (*wit.HookDecision, error) { return nil, ctx.Err() }})
	if _, err := hook.BeforeToolCall.Fire(ctx, h, wit.HookContext{}, wit.BeforeToolCall{}); wit.CodeOf(err) != wit.CodeTimeout {
		t.Errorf("got %v", err)
	}
	if e, err := hook.BeforeToolCall.Fire(ctx, nil, wit.HookContext{}, wit.BeforeToolCall{Tool: "x"}); err != nil || e.Tool != "x" {
		t.Errorf("without plugins: %+v %v", e, err)
	}
}
