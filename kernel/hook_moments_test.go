package kernel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// moment is what a hook is told, and what a gate does to what it is asked about.
type moment struct {
	record any // the zero value of its event
	// context names what is known of where it happens.
	context string
	// stopped is what ann reads where a gate is shut, "" where nobody can stop what is looked at.
	stopped string
}

const (
	inRun   = "agent session run channel account"
	nothing = "nothing at all"
)

// moments has all hooks of the contract.
func moments() map[wit.HookName]moment {
	return map[wit.HookName]moment{
		wit.HookNameMessageReceived:   {wit.MessageReceived{}, inRun, ""},
		wit.HookNameMessageSending:    {wit.MessageSending{}, inRun, nothing},
		wit.HookNameMessageSent:       {wit.MessageSent{}, inRun, ""},
		wit.HookNameBeforeAgentStart:  {wit.BeforeAgentStart{}, inRun, "Sorry, "},
		wit.HookNameAgentEnd:          {wit.AgentEnd{}, inRun, ""},
		wit.HookNameBeforeToolCall:    {wit.BeforeToolCall{}, inRun, "heard: The call was not made: "},
		wit.HookNameAfterToolCall:     {wit.AfterToolCall{}, inRun, ""},
		wit.HookNameToolResultPersist: {wit.ToolResultPersist{}, inRun, "heard: The result was withheld: "},
		wit.HookNameBeforeCompaction:  {wit.BeforeCompaction{}, inRun, ""},
		wit.HookNameAfterCompaction:   {wit.AfterCompaction{}, inRun, ""},
		wit.HookNameSessionStart:      {wit.SessionStart{}, inRun, ""},
		wit.HookNameSessionEnd:        {wit.SessionEnd{}, "agent session", ""},
		wit.HookNameGatewayStart:      {wit.GatewayStart{}, "", ""},
		wit.HookNameGatewayStop:       {wit.GatewayStop{}, "", ""},
	}
}

// asking is a call of a hook.
type asking struct {
	plugin string
	event  wit.HookEvent
}

// story is a gateway with a channel, a model and a tool, and what was said in it to the end.
type story struct {
	platform *kerneltest.Platform
	mu       sync.Mutex
	asked    []asking
}

// watcher is a plugin at every hook, which answers by fn.
func (s *story) watcher(id string, facts wit.HookFacts, fn func(context.Context, *wit.HookEvent) (*wit.HookDecision, error)) plugintest.Fake {
	f := kerneltest.Hook(id, "", func(ctx context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
		s.mu.Lock()
		s.asked = append(s.asked, asking{id, *e})
		s.mu.Unlock()
		return fn(ctx, e)
	})
	f.Manifest.Provides.Hooks = nil
	for _, facts.Name = range wit.HookNames() {
		f.Manifest.Provides.Hooks = append(f.Manifest.Provides.Hooks, facts)
	}
	return f
}

// tell lets ann say these things, one after the other, then resets the session and stops the gateway. Of a text that
// begins with "refused" the platform refuses the answer.
func (s *story) tell(t *testing.T, said []string, plugins ...plugintest.Fake) {
	t.Helper()
	var reach kerneltest.Option
	s.platform, reach = kerneltest.NewMemoryPlatform(t)
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		time.Sleep(5 * time.Millisecond)
		heard := kerneltest.Heard(c)
		switch {
		case c.Turns[len(c.Turns)-1].Role == wit.RoleTool:
			return kerneltest.Says("heard: " + heard[:min(len(heard), 200)]), nil
		case strings.Contains(heard, "fail"):
			return nil, wit.NewError(wit.CodeInvalid, "no model for this")
		case strings.Contains(heard, "probe"):
			return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "c", Name: "probe", Args: wit.JSON(fmt.Sprintf(`{"say":%q}`, heard))}}, Stop: new(wit.StopReasonToolCalls)}, nil
		}
		return kerneltest.Says("fine"), nil
	})
	probe := kerneltest.Tool("probe", func(_ context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
		time.Sleep(5 * time.Millisecond)
		out := &wit.ToolOutput{Content: []wit.Part{{Text: new("probed " + string(c.Args))}}, Failed: strings.Contains(string(c.Args), "badly")}
		if strings.Contains(string(c.Args), "long") {
			out.Content[0].Text = new("probed " + strings.Repeat("much ", 10_000))
		}
		return out, nil
	})
	k := kerneltest.Start(t, reach, account(t, s.platform, openToAll), kerneltest.Plugin(append(plugins, kerneltest.Channel("chat"), brain, probe)...))
	l := k.Listen()
	setToken(l)
	for _, text := range said {
		if strings.HasPrefix(text, "refused") {
			s.platform.Refuse(1, 400)
		}
		s.platform.Say("ann", text)
		time.Sleep(30 * time.Second) // it is over by then
		synctest.Wait()
	}
	l.MustCall("sessions.reset", map[string]any{"key": "agent:main:chat:dm:ann"}, nil)
	synctest.Wait()
	k.Stop()
}

// events returns what a hook was told, with who was told.
func (s *story) events(name wit.HookName) (events []asking) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asked {
		if a.event.Name == name {
			events = append(events, a)
		}
	}
	return events
}

// TestEveryHookFires in the order of priority, with all fields of its record and of its context, and each of those that
// may change something sees what the one before it has changed.
func TestEveryHookFires(t *testing.T) {
	for _, order := range [][]string{{"alpha", "omega"}, {"omega", "alpha"}} {
		t.Run(order[0]+" first", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { everyHookFires(t, order) })
		})
	}
}

func everyHookFires(t *testing.T, order []string) {
	s := &story{}
	changes := func(id string) func(context.Context, *wit.HookEvent) (*wit.HookDecision, error) {
		return func(_ context.Context, e *wit.HookEvent) (*wit.HookDecision, error) { return marked(e, id) }
	}
	s.tell(t, []string{"hello", "probe it long", strings.Repeat("much ", 6000), "probe it badly", "fail", "refused", "hello"},
		s.watcher(order[0], wit.HookFacts{Priority: 7}, changes(order[0])), s.watcher(order[1], wit.HookFacts{Priority: -7}, changes(order[1])))

	all := moments()
	for _, name := range wit.HookNames() {
		m, covered := all[name]
		events := s.events(name)
		if !covered || len(events) == 0 || len(events)%2 != 0 {
			t.Errorf("%s: covered by this test: %v; asked %d times", name, covered, len(events))
			continue
		}
		filled := map[string]bool{}
		for i, a := range events {
			if a.plugin != order[i%2] {
				t.Errorf("%s: %s was asked as number %d", name, a.plugin, i)
			}
			if want := strings.Fields(m.context); !slices.Equal(known(a.event.Context), want) {
				t.Errorf("%s: of its context it knows %q, want %q", name, known(a.event.Context), want)
			}
			if before := events[i-i%2].event; i%2 == 1 && marks(a.event, order[0]) != marks(before, order[0])+len(name.Modifies()) {
				t.Errorf("%s: %s sees %.300s after %.300s", name, a.plugin, a.event.Event, before.Event)
			}
			var fields map[string]any
			if err := json.Unmarshal(a.event.Event, &fields); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for field := range fields {
				filled[field] = true
			}
		}
		for f := range reflect.TypeOf(m.record).Fields() {
			if field, _, _ := strings.Cut(f.Tag.Get("json"), ","); !filled[field] {
				t.Errorf("%s: the field %s of its event is always empty", name, field)
			}
		}
	}
	posts := s.platform.Posts()
	if last, want := posts[len(posts)-1].Text, "fine"+mark(order[0], wit.HookNameMessageSending)+mark(order[1], wit.HookNameMessageSending); last != want {
		t.Errorf("ann reads %q", last)
	}
}

// mark is what a plugin leaves behind at a hook.
func mark(id string, name wit.HookName) string { return fmt.Sprintf(" [%s %s]", id, name) }

// marks counts those that a plugin has left at the hook of an event.
func marks(e wit.HookEvent, id string) int { return strings.Count(string(e.Event), mark(id, e.Name)) }

// marked answers with a plugin's mark behind each field that may be modified.
func marked(e *wit.HookEvent, id string) (*wit.HookDecision, error) {
	var fields map[string]any
	if err := json.Unmarshal(e.Event, &fields); err != nil {
		return nil, err
	}
	changes := map[string]any{}
	for _, name := range e.Name.Modifies() {
		if args, ok := fields[name].(map[string]any); ok {
			say, _ := args["say"].(string)
			changes[name] = map[string]any{"say": say + mark(id, e.Name)}
			continue
		}
		text, _ := fields[name].(string)
		changes[name] = text + mark(id, e.Name)
	}
	if len(changes) == 0 {
		return &wit.HookDecision{}, nil
	}
	modify, err := json.Marshal(changes)
	return &wit.HookDecision{Modify: modify}, err
}

// known names what a context says.
func known(c wit.HookContext) []string {
	var names []string
	for _, f := range []struct {
		name  string
		value string
	}{{"agent", c.Agent}, {"session", c.Session}, {"run", c.Run}, {"channel", value(c.Channel)}, {"account", value(c.Account)}} {
		if f.value != "" {
			names = append(names, f.name)
		}
	}
	return names
}

// failing is a way of a plugin not to let something pass.
type failing struct {
	name string
	do   func(context.Context) (*wit.HookDecision, error)
}

func failures() []failing {
	return []failing{
		{"trap", func(context.Context) (*wit.HookDecision, error) { panic("unreachable") }},
		{"error", func(context.Context) (*wit.HookDecision, error) { return nil, errors.New("broken") }},
		{"timeout", func(ctx context.Context) (*wit.HookDecision, error) { <-ctx.Done(); return nil, ctx.Err() }},
		{"refusal", func(context.Context) (*wit.HookDecision, error) {
			return &wit.HookDecision{Cancel: true, Reason: new("the owner forbids it")}, nil
		}},
	}
}

// TestEveryHookFails in every way, under every policy: a gate is shut then, unless its manifest leaves it open, and what
// is looked on at goes on. Each is waited for as long as its manifest says, and no longer.
func TestEveryHookFails(t *testing.T) {
	all := moments()
	for _, name := range wit.HookNames() {
		m := all[name]
		policies := map[string]*wit.FailPolicy{"closed": new(wit.FailPolicyClosed)}
		if m.stopped != "" {
			policies["absent"], policies["open"] = nil, new(wit.FailPolicyOpen)
		}
		for policy, given := range policies {
			for _, f := range failures() {
				t.Run(fmt.Sprintf("%s/%s/%s", name, f.name, policy), func(t *testing.T) {
					shut := m.stopped != "" && (policy != "open" || f.name == "refusal")
					synctest.Test(t, func(t *testing.T) { hookFails(t, name, m, given, f.do, shut) })
				})
			}
		}
	}
}

func hookFails(t *testing.T, name wit.HookName, m moment, policy *wit.FailPolicy, fail func(context.Context) (*wit.HookDecision, error), shut bool) {
	const deadline = 700 * time.Millisecond
	s := &story{}
	bad := s.watcher("bad", wit.HookFacts{OnFailure: policy, Deadline: deadline.Milliseconds()}, func(ctx context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
		if e.Name != name {
			return &wit.HookDecision{}, nil
		}
		begun := time.Now()
		defer func() {
			if took := time.Since(begun); took > deadline {
				t.Errorf("it was waited for for %v", took)
			}
		}()
		return fail(ctx)
	})
	said := []string{"probe it"}
	if strings.HasSuffix(string(name), "compaction") {
		said = []string{strings.Repeat("much ", 6000), "probe it"}
	}
	s.tell(t, said, bad)

	if len(s.events(name)) == 0 {
		t.Fatal("it was not asked")
	}
	reads := nothing
	if posts := s.platform.Posts(); len(posts) > 0 {
		reads = posts[len(posts)-1].Text
	}
	want := `heard: probed {"say":"probe it"}`
	if shut {
		want = m.stopped
	}
	if !strings.HasPrefix(reads, want) {
		t.Errorf("ann reads %q, want %q", reads, want)
	}
	for _, other := range wit.HookNames() {
		if !shut && !strings.HasSuffix(string(other), "compaction") && len(s.events(other)) == 0 {
			t.Errorf("%s was not asked any more", other)
		}
	}
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
