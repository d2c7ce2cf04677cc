package kernel_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// captured is what a clawdbot gateway of version 2026.1.24-3 was asked and gotten, without the values of its answers: the kinds that
// stand at each path, where * is every element of a list.
//
//go:embed testdata/captured/clawdbot.json
var captured []byte

// shape is the kinds of JSON that stand at each path.
type shape map[string]string

// recording is what was captured.
type recording struct {
	Hello shape
	Calls []struct {
		Method string
		Params json.RawMessage
		OK     bool
		Shape  shape
	}
	Events map[string]shape
}

// otherwise are the places where this gateway answers differently, and why. The key is a method or event, and a path;
// or, where all of an answer is another one, its parameters.
var otherwise = map[string]string{
	"connect/snapshot/configPath":                     "a gateway that is all in memory has no files",
	"connect/snapshot/stateDir":                       "likewise",
	"connect/snapshot/presence/*/deviceFamily":        "the gateway's own row says no more than the platform",
	"connect/snapshot/presence/*/ip":                  "the gateway listens where its settings say, which need not be an address of this machine",
	"system-presence/*/deviceFamily":                  "as at connect",
	"system-presence/*/ip":                            "likewise",
	"presence/presence/*/deviceFamily":                "likewise",
	"presence/presence/*/ip":                          "likewise",
	"status/queuedSystemEvents/*":                     "what waits for the next heartbeat has been told by then",
	"tts.status/edgeEnabled":                          "speech comes from plugins: tts.providers says which are configured",
	"tts.status/hasElevenLabsKey":                     "likewise",
	"tts.status/hasOpenAIKey":                         "likewise",
	"tts.providers/providers/*/models/*":              "the speaking plugin of this test has no models",
	"tts.convert {\"text\": \"hi\"}":                  "there the provider had no key, and here it needs none",
	"talk.mode/phase":                                 "who says no phase is idle, which is one here",
	"sessions.usage {}":                               "the method came with protocol 4, and this gateway has it in both",
	"health {\"probe\": false, \"extra\": 1}":         "parameters are closed in every method",
	"chat.history/messages/*/api":                     "which interface of a provider was used is the plugin's own affair",
	"chat.history/messages/*/details":                 "what a tool answers has no part that the model does not see",
	"chat.history/messages/*/usage/cost":              "costs are computed from the owner's prices when they are asked for: usage.cost, sessions.usage",
	"sessions.list/sessions/*/origin":                 "these sessions were not begun by a channel",
	"sessions.patch/entry/compactionCount":            "the history says where it was compacted",
	"sessions.patch/entry/origin":                     "as in sessions.list",
	"sessions.patch/entry/sessionFile":                "conversations are rows of the database",
	"sessions.patch/entry/skillsSnapshot":             "skills are plugins, and change with them",
	"sessions.patch/entry/systemPromptReport":         "the prompt is made anew for each run",
	"sessions.reset/entry/origin":                     "as in sessions.list",
	"sessions.reset/entry/skillsSnapshot":             "as in sessions.patch",
	"sessions.compact/archived":                       "nothing is put aside: the whole conversation stays in the history",
	"models.list/models/*/reasoning":                  "a provider's plugin that does not say it leaves it out",
	"exec.approvals.get/file/agents":                  "no file was written, and the hash is that of an empty one",
	"exec.approvals.get/file/defaults":                "likewise",
	"exec.approvals.get/file/socket":                  "likewise",
	"device.pair.list/paired/*/tokens/*/lastUsedAtMs": "the devices of this test connect with the gateway's own token, and have used none of theirs",
	"skills.status/skills/*/configChecks/*":           "a plugin brings what it needs: it has no conditions",
	"skills.status/skills/*/missing/anyBins/*":        "likewise",
	"skills.status/skills/*/missing/bins/*":           "likewise",
	"skills.status/skills/*/missing/config/*":         "likewise",
	"skills.status/skills/*/missing/env/*":            "likewise",
	"skills.status/skills/*/missing/os/*":             "likewise",
	"skills.status/skills/*/requirements/anyBins/*":   "likewise",
	"skills.status/skills/*/requirements/bins/*":      "likewise",
	"skills.status/skills/*/requirements/config/*":    "likewise",
	"skills.status/skills/*/requirements/env/*":       "likewise",
	"skills.status/skills/*/requirements/os/*":        "likewise",
	"skills.status/skills/*/install/*":                "likewise",
	"skills.status/skills/*/primaryEnv":               "likewise",
	"skills.status/skills/*/emoji":                    "manifests have no picture",
	"skills.status/skills/*/homepage":                 "the plugins of this test name none",
	"last-heartbeat":                                  "there was no heartbeat yet, as it says",
	"heartbeat":                                       "likewise: one that is skipped is told nobody",
	"connect.challenge":                               "the client keeps it to itself",
}

// replay is a conversation with this gateway, and what it found to be different.
type replay struct {
	t         *testing.T
	a, b      *kerneltest.Listener
	job, asks string // the ids that stand for JOB and APPROVAL
	asked     chan gotten
	used      map[string]bool // of otherwise
}

// gotten is what came of a request.
type gotten struct {
	payload json.RawMessage
	err     error
}

// TestCapturedFrames asks this gateway what was asked of that one, in the same order: the answers and events have the same fields,
// of the same kinds, but for those that are listed with a reason.
func TestCapturedFrames(t *testing.T) {
	t.Parallel()
	var r recording
	if err := json.Unmarshal(captured, &r); err != nil {
		t.Fatal(err)
	}
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("slow", unhurried), kerneltest.TTS("edge", aloud), kerneltest.Tool("now", toldTime)),
		kerneltest.Config(t, `{"agent":{"model":"slow/model"},"heartbeat":{"every":"30m"}}`))
	livedIn(t, k)
	p := &replay{t: t, a: protocol3(t, k), b: protocol3(t, k), used: map[string]bool{}}
	hello, err := json.Marshal(p.a.Hello())
	if err != nil {
		t.Fatal(err)
	}
	p.compare("connect", r.Hello, shapeOf(hello))
	for _, c := range r.Calls {
		got := p.ask(c.Method, c.Params)
		if (got.err == nil) != c.OK {
			p.differs(c.Method, fmt.Sprintf(" %s", c.Params), fmt.Sprintf("it answers %s, %v", got.payload, got.err))
			continue
		}
		p.compare(c.Method, c.Shape, shapeOf(got.payload))
	}
	p.a.Event("presence", func(json.RawMessage) bool { return true }) // which comes a moment later
	for name, was := range r.Events {
		is := shape{}
		for _, e := range slices.Concat(p.a.Events(), p.b.Events()) {
			if e.Name == name {
				is.add(e.Payload)
			}
		}
		if len(is) == 0 {
			p.differs(name, "", "there is no such event")
			continue
		}
		p.compare(name, was, is)
	}
	for key := range otherwise {
		if !p.used[key] {
			t.Errorf("%s is not different any more", key)
		}
	}
}

// protocol3 connects as the captured clients did.
func protocol3(t *testing.T, k *kerneltest.Kernel) *kerneltest.Listener {
	t.Helper()
	c, err := k.TryDial(client.Options{Token: kerneltest.Token, MinProtocol: 3, MaxProtocol: 3, Caps: []string{"tool-events"},
		Client: wire.Client{DisplayName: "test"}, Identity: filepath.Join(t.TempDir(), "device"),
		Scopes: []wire.Scope{wire.ScopeAdmin, wire.ScopeApprovals, wire.ScopePairing}})
	if err != nil {
		t.Fatal(err)
	}
	return kerneltest.Listen(t, c)
}

// livedIn has happen what had happened at that gateway before: a conversation, and a node that was let in.
func livedIn(t *testing.T, k *kerneltest.Kernel) {
	t.Helper()
	k.Listen(wire.ScopeAdmin).Ask("earlier", "hello")
	joinNode(t, k, client.Options{Client: wire.Client{DisplayName: "testnode"}, Commands: []string{"system.which"}})
}

// toldTime is the tool that the model uses.
func toldTime(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
	return &wit.ToolOutput{Content: []wit.Part{{Text: new("noon")}}}, nil
}

// unhurried answers, at USETOOL with what a tool says, and at SLOW only when it is stopped.
func unhurried(ctx context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
	switch heard := kerneltest.Heard(c); {
	case strings.Contains(heard, "SLOW"):
		<-ctx.Done()
	case strings.Contains(heard, "USETOOL"):
		return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "c1", Name: "now", Args: wit.JSON(`{"command":"date"}`)}}, Stop: new(wit.StopReasonToolCalls)}, nil
	}
	return kerneltest.Says("Hello from the model."), ctx.Err()
}

// ask makes a request as it was captured, and waits for what the next one builds on.
func (p *replay) ask(method string, params json.RawMessage) gotten {
	text := strings.NewReplacer("JOB", p.job, "APPROVAL", p.asks).Replace(string(params))
	call := func(l *kerneltest.Listener) (got gotten) {
		got.err = l.Call(context.Background(), method, json.RawMessage(text), &got.payload)
		if refused := (*wire.Error)(nil); errors.As(got.err, &refused) {
			got.payload, _ = json.Marshal(refused)
		}
		return got
	}
	switch method {
	case "exec.approval.request": // it blocks until the other one has resolved it
		p.asked = make(chan gotten, 1)
		go func() { p.asked <- call(p.a) }()
		e := p.b.Event("exec.approval.requested", func(json.RawMessage) bool { return true })
		var asked struct{ ID string }
		_ = json.Unmarshal(e.Payload, &asked)
		p.asks = asked.ID
		resolved := gotten{}
		resolved.err = p.b.Call(context.Background(), "exec.approval.resolve", map[string]any{"id": p.asks, "decision": "allow-once"}, &resolved.payload)
		if resolved.err != nil {
			p.t.Error(resolved.err)
		}
		return <-p.asked
	case "exec.approval.resolve":
		return call(p.b)
	}
	got := call(p.a)
	var said struct{ ID, RunID, IdempotencyKey, Name string }
	_ = json.Unmarshal([]byte(text), &said)
	switch {
	case method == "cron.add" && p.job == "":
		_ = json.Unmarshal(got.payload, &said)
		p.job = said.ID
	case method == "chat.send" && !strings.Contains(text, "SLOW") && !strings.Contains(text, "busy"):
		p.a.End(said.IdempotencyKey)
	}
	return got
}

// compare says what is missing, or of another kind. More is no difference.
func (p *replay) compare(of string, was, is shape) {
	p.t.Helper()
	for _, path := range slices.Sorted(maps.Keys(was)) {
		above := path[:max(0, strings.LastIndex(path, "/"))]
		if path != "" && !strings.Contains(is[above], "object") && !strings.Contains(is[above], "array") {
			continue // what it stands in is missing, or another thing
		}
		switch kinds := is[path]; {
		case kinds == "":
			p.differs(of, path, "there is no such field")
		case !within(kinds, was[path]):
			p.differs(of, path, fmt.Sprintf("it is %s, and was %s", kinds, was[path]))
		}
	}
}

// within reports whether all these kinds are among those.
func within(these, those string) bool {
	for kind := range strings.SplitSeq(these, "|") {
		if !slices.Contains(strings.Split(those, "|"), kind) {
			return false
		}
	}
	return true
}

// differs reports a difference, unless it is listed.
func (p *replay) differs(of, path, how string) {
	p.t.Helper()
	if otherwise[of+path] == "" {
		p.t.Errorf("%s%s: %s", of, path, how)
	}
	p.used[of+path] = true
}

// shapeOf is the shape of a value.
func shapeOf(value json.RawMessage) shape {
	s := shape{}
	s.add(value)
	return s
}

// add puts in the kinds of a value.
func (s shape) add(value json.RawMessage) {
	var v any
	if json.Unmarshal(value, &v) == nil {
		s.walk("", v)
	}
}

func (s shape) walk(path string, v any) {
	kind := "null"
	switch v := v.(type) {
	case string:
		kind = "string"
	case float64:
		kind = "number"
	case bool:
		kind = "boolean"
	case []any:
		kind = "array"
		for _, e := range v {
			s.walk(path+"/*", e)
		}
	case map[string]any:
		kind = "object"
		for name, e := range v {
			s.walk(path+"/"+name, e)
		}
	}
	if s[path] == "" {
		s[path] = kind
	} else if !within(kind, s[path]) {
		s[path] += "|" + kind
	}
}
