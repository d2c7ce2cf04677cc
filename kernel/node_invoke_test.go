package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/node"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// TestInvokeIsRefused: each reason for which a node is not asked, in the words that clients of this family look for.
func TestInvokeIsRefused(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Config(t, `{"gateway":{"nodes":{"allowCommands":["custom.do"],"denyCommands":["system.notify"]}}}`))
	l := k.Listen()
	phone := joinNode(t, k, client.Options{
		Commands: []string{"camera.snap", "screen.record", "system.notify", "system.run", "contacts.add", "custom.do"}, Caps: []string{"camera"},
		Permissions: map[string]bool{"camera": false}, Client: wire.Client{Platform: "iOS 18.1"},
	})
	gone := joinNode(t, k, client.Options{Commands: []string{"system.which"}})
	_ = gone.Close()
	l.Event("node.presence", func(p json.RawMessage) bool {
		return strings.Contains(string(p), gone.id) && strings.Contains(string(p), `"connected":false`)
	})
	for _, tt := range []struct {
		node, command, code, says string
		wit                       wit.Code
	}{
		{"nobody", "system.which", wire.InvalidRequest, "", wit.CodeNotFound},
		{gone.id, "system.which", wire.Unavailable, `"code":"NOT_CONNECTED"`, wit.CodeUnavailable},
		{phone.id, "location.get", wire.InvalidRequest, "command not declared by node", wit.CodeInvalid},
		{phone.id, "system.notify", wire.InvalidRequest, "command not allowlisted", wit.CodeInvalid},
		{phone.id, "system.run", wire.InvalidRequest, "command not allowlisted", wit.CodeInvalid},
		{phone.id, "contacts.add", wire.InvalidRequest, "command not allowlisted", wit.CodeInvalid},
		{phone.id, "camera.snap", wire.InvalidRequest, "permission missing: camera", wit.CodeInvalid},
		{phone.id, "screen.record", wire.InvalidRequest, "capability missing: screen", wit.CodeInvalid},
	} {
		err := l.Call(t.Context(), "node.invoke", object{"nodeId": tt.node, "command": tt.command, "idempotencyKey": "k"}, nil)
		if e, details := wireError(t, err); e.Code != tt.code || !strings.Contains(details, tt.says) || wit.CodeOf(err) != tt.wit {
			t.Errorf("%s: %+v %s", tt.command, e, details)
		}
	}
	if d := describe(t, l, phone.id); !slices.Equal(d.Commands, []string{"custom.do"}) {
		t.Errorf("what may be asked for: %q", d.Commands)
	}
	// The owner's word counts from then on.
	l.MustCall("config.patch", object{"raw": `{"gateway":{"nodes":{"allowCommands":["contacts.add"]}}}`}, nil)
	if d := describe(t, l, phone.id); !slices.Equal(d.Commands, []string{"contacts.add"}) {
		t.Errorf("what may be asked for now: %q", d.Commands)
	}
	if phone.asked() != 0 {
		t.Error("the node was asked all the same")
	}
	huge := object{"nodeId": phone.id, "command": "contacts.add", "idempotencyKey": "k", "params": object{"x": strings.Repeat("x", 512<<10)}}
	if err := l.Call(t.Context(), "node.invoke", huge, nil); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("huge parameters: %v", err)
	}
}

// TestInvokeScopes: what reaches into a node's files, its browser or its rules is asked for by admins.
func TestInvokeScopes(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	n := joinNode(t, k, client.Options{Commands: []string{"system.which", "fs.listDir", "system.execApprovals.set", "browser.proxy"}})
	for _, tt := range []struct {
		scope   wire.Scope
		command string
		want    wit.Code
	}{
		{wire.ScopeRead, "system.which", wit.CodeForbidden}, {wire.ScopePairing, "system.which", wit.CodeForbidden},
		{wire.ScopeWrite, "fs.listDir", wit.CodeForbidden}, {wire.ScopeWrite, "system.execApprovals.set", wit.CodeForbidden},
		{wire.ScopeWrite, "browser.proxy", wit.CodeForbidden}, {wire.ScopeWrite, "system.which", ""}, {wire.ScopeAdmin, "fs.listDir", ""},
	} {
		var done <-chan struct{}
		if tt.want == "" {
			done = n.answers(object{})
		}
		err := k.Dial(tt.scope).Call(t.Context(), "node.invoke", object{"nodeId": n.id, "command": tt.command, "idempotencyKey": string(tt.scope) + tt.command}, nil)
		if wit.CodeOf(err) != tt.want {
			t.Errorf("%s with %s: %v", tt.command, tt.scope, err)
		}
		if done != nil {
			<-done
		}
	}
}

// TestInvokeAnswers: an answer in each way of writing it, the node's own error, one that comes too late, and another's.
func TestInvokeAnswers(t *testing.T) {
	t.Parallel()
	for _, version := range []int{3, 4} {
		t.Run(fmt.Sprint("protocol ", version), func(t *testing.T) {
			t.Parallel()
			k := kerneltest.Start(t)
			conn, err := k.TryDial(client.Options{Token: kerneltest.Token, MinProtocol: version, MaxProtocol: version})
			if err != nil {
				t.Fatal(err)
			}
			l := kerneltest.Listen(t, conn)
			n := joinNode(t, k, client.Options{Commands: []string{"system.which"}, MinProtocol: version, MaxProtocol: version})
			other := joinNode(t, k, client.Options{Commands: []string{"system.which"}})
			ask := func(key string, more object) <-chan invoked {
				p := object{"nodeId": n.id, "command": "system.which", "idempotencyKey": key}
				maps.Copy(p, more)
				return invoke(t.Context(), l.Client, p)
			}
			for i, tt := range []struct {
				said          object
				payload, text string
			}{
				{object{"payload": object{"a": 1}}, `{"a":1}`, "null"},
				{object{"payloadJSON": `{"a": 2}`}, `{"a":2}`, `"{\"a\": 2}"`},
				{object{"payloadJSON": nil, "payload": []int{3}, "error": nil}, `[3]`, "null"},
				{object{"payloadJSON": object{"a": 4}}, `{"a":4}`, "null"},
				{object{"payloadJSON": "no JSON"}, ``, `"no JSON"`},
				{object{}, ``, "null"},
			} {
				done := ask(fmt.Sprint("answer", i), object{"params": object{"bins": []string{"git"}}, "timeoutMs": 60000})
				r := n.request()
				if r.ParamsJSON == nil || *r.ParamsJSON != `{"bins":["git"]}` || r.TimeoutMs != 60000 || r.NodeID != n.id || r.IdempotencyKey == "" {
					t.Errorf("the node is asked %+v", r)
				}
				maps.Copy(tt.said, object{"id": r.ID, "nodeId": n.id, "ok": true})
				n.MustCall("node.invoke.result", tt.said, nil)
				o := <-done
				if text, _ := json.Marshal(o.result.PayloadJSON); o.err != nil || string(o.result.Payload) != tt.payload || string(text) != tt.text {
					t.Errorf("%v: %s, %s, %v", tt.said, o.result.Payload, text, o.err)
				}
			}

			done := ask("error", nil)
			r := n.request()
			if err := other.Call(t.Context(), "node.invoke.result", object{"id": r.ID, "nodeId": n.id, "ok": true}, nil); wit.CodeOf(err) != wit.CodeInvalid {
				t.Errorf("another node answers: %v", err)
			}
			var ack node.ResultAck
			other.MustCall("node.invoke.result", object{"id": r.ID, "nodeId": other.id, "ok": true}, &ack)
			if !ack.Ignored {
				t.Error("another node's answer is taken")
			}
			n.MustCall("node.invoke.result", object{"id": r.ID, "nodeId": n.id, "ok": false, "error": object{"code": "DENIED", "message": "not today"}}, nil)
			if e, details := wireError(t, (<-done).err); e.Code != wire.Unavailable || e.Message != "not today" || !strings.Contains(details, `"code":"DENIED"`) {
				t.Errorf("the node's error: %+v %s", e, details)
			}

			done = ask("late", object{"timeoutMs": 1})
			if e, details := wireError(t, (<-done).err); e.Code != wire.Unavailable || !strings.Contains(details, `"code":"TIMEOUT"`) {
				t.Errorf("no answer in time: %+v %s", e, details)
			}
			r = n.request()
			n.Event("node.invoke.cancel", func(p json.RawMessage) bool { return strings.Contains(string(p), r.ID) })
			if n.answer(r, 1) {
				t.Error("a late answer is not ignored")
			}

			done = ask("gone", nil)
			n.request()
			_ = n.Close()
			if e, details := wireError(t, (<-done).err); e.Code != wire.Unavailable || !strings.Contains(details, `"code":"NOT_CONNECTED"`) {
				t.Errorf("the node goes: %+v %s", e, details)
			}
		})
	}
}

// TestInvokeOnce: one key is one invocation, for callers at once and later, and no other's.
func TestInvokeOnce(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	l := k.Listen()
	n := joinNode(t, k, client.Options{Commands: []string{"system.which", "system.notify"}})
	ask := object{"nodeId": n.id, "command": "system.which", "idempotencyKey": "k", "params": object{"bins": []string{"a"}}}
	var calls []<-chan invoked
	for range 8 {
		calls = append(calls, invoke(t.Context(), k.Dial(), ask))
	}
	r := n.request()
	n.answer(r, "once")
	for _, c := range append(calls, invoke(t.Context(), l.Client, ask)) {
		if o := <-c; o.err != nil || string(o.result.Payload) != `"once"` {
			t.Errorf("%+v", o)
		}
	}
	if n.asked() != 1 {
		t.Errorf("the node was asked %d times", n.asked())
	}
	for _, more := range []object{{"params": object{"bins": []string{"b"}}}, {"command": "system.notify"}} {
		p := maps.Clone(ask)
		maps.Copy(p, more)
		if err := l.Call(t.Context(), "node.invoke", p, nil); wit.CodeOf(err) != wit.CodeConflict {
			t.Errorf("the key for %v: %v", more, err)
		}
	}
}

// TestInvokeIsCancelled when its caller leaves: the node is told, and what it answers all the same is there for the caller
// who comes back.
func TestInvokeIsCancelled(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	n := joinNode(t, k, client.Options{Commands: []string{"system.which"}})
	ask := object{"nodeId": n.id, "command": "system.which", "idempotencyKey": "k"}
	c := k.Dial()
	first := invoke(t.Context(), c, ask)
	r := n.request()
	_ = c.Close()
	if o := <-first; o.err == nil {
		t.Error("an answer from nowhere")
	}
	n.Event("node.invoke.cancel", func(p json.RawMessage) bool { return strings.Contains(string(p), `"invokeId":"`+r.ID+`"`) })
	if !n.answer(r, "done already") {
		t.Error("the answer is ignored")
	}
	if o := <-invoke(t.Context(), k.Dial(), ask); o.err != nil || string(o.result.Payload) != `"done already"` {
		t.Errorf("%+v", o)
	}
	if n.asked() != 1 {
		t.Errorf("the node was asked %d times", n.asked())
	}
}

// TestInvocationsAreBounded: a node that answers nothing is not asked for ever more.
func TestInvocationsAreBounded(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	l := k.Listen()
	n := joinNode(t, k, client.Options{Commands: []string{"system.which"}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range 64 {
		invoke(ctx, l.Client, object{"nodeId": n.id, "command": "system.which", "idempotencyKey": fmt.Sprint(i)})
		n.request()
	}
	if err := l.Call(ctx, "node.invoke", object{"nodeId": n.id, "command": "system.which", "idempotencyKey": "more"}, nil); wit.CodeOf(err) != wit.CodeRateLimited {
		t.Errorf("%v", err)
	}
}

// TestNodesCallOnlyTheirOwn: of all methods, a node reaches those that are for nodes, whatever scopes it asks for.
func TestNodesCallOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	join := func() *fakeNode { return joinNode(t, k, client.Options{Scopes: []wire.Scope{wire.ScopeAdmin}}) }
	n, l, own, calls := join(), k.Listen(), 0, 0
	for name, m := range k.Document().Methods {
		if name == "connect" || m.Scope == wire.ScopeNone || m.Scope4 == wire.ScopeNone {
			continue
		}
		if calls++; calls%50 == 0 { // each may ask for so much at a time
			n = join()
		}
		err := n.Call(t.Context(), name, object{"unheard-of": 1}, nil)
		if refused := wit.CodeOf(err) == wit.CodeForbidden; refused != (m.Scope != wire.ScopeNode) {
			t.Errorf("a node calls %s, which needs %s: %v", name, m.Scope, err)
		}
		if m.Scope == wire.ScopeNode {
			own++
			if err := l.Call(t.Context(), name, object{}, nil); wit.CodeOf(err) != wit.CodeForbidden {
				t.Errorf("an admin calls %s: %v", name, err)
			}
		}
	}
	if own < 2 {
		t.Errorf("only %d methods are for nodes", own)
	}
}

// TestNodeEvents: what a node says is acted on and told; one that is not approved says it in vain.
func TestNodeEvents(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	n := joinNode(t, k, client.Options{Commands: []string{"system.run"}})
	say := func(n *fakeNode, event string, payload any) node.EventResult {
		t.Helper()
		var r node.EventResult
		text, _ := json.Marshal(payload)
		n.MustCall("node.event", object{"event": event, "payloadJSON": string(text)}, &r)
		if !r.OK || r.Event != event {
			t.Errorf("%s: %+v", event, r)
		}
		return r
	}
	ended := func(l *kerneltest.Listener, text string) {
		t.Helper()
		l.Event("chat", func(p json.RawMessage) bool {
			return strings.Contains(string(p), `"final"`) && strings.Contains(string(p), text)
		})
	}
	if r := say(n, "chat.subscribe", object{"sessionKey": "main"}); !r.Handled {
		t.Errorf("%+v", r)
	}
	for range 2 { // one event, told twice
		if r := say(n, "voice.transcript", object{"text": "hear me", "eventId": "e1"}); !r.Handled {
			t.Errorf("%+v", r)
		}
	}
	ended(l, "hear me")
	ended(n.Listener, "hear me") // it hears of the session
	say(n, "chat.unsubscribe", object{"sessionKey": "main"})
	if r := say(n, "agent.request", object{"message": "from afar", "sessionKey": "agent:main:attic"}); !r.Handled {
		t.Errorf("%+v", r)
	}
	ended(l, "from afar")
	say(n, "exec.finished", object{"sessionKey": "main", "runId": "r1", "exitCode": 3, "output": "it broke"})
	l.Event("node.event", func(p json.RawMessage) bool { return strings.Contains(string(p), "it broke") })
	var history struct{ Messages []json.RawMessage }
	l.MustCall("chat.history", object{"sessionKey": "main"}, &history)
	text, _ := json.Marshal(history)
	if !strings.Contains(string(text), "code 3)\\nit broke") || strings.Count(string(text), `"hear me"`) == 0 {
		t.Errorf("the history: %s", text)
	}
	if voices := strings.Count(string(text), "hear me"); voices != 2 { // what was said, and its echo
		t.Errorf("one event makes %d texts: %s", voices, text)
	}
	for _, tt := range []struct {
		event   string
		payload any
	}{{"unheard.of", object{}}, {"voice.transcript", object{"text": " "}}, {"voice.transcript", object{"text": strings.Repeat("x", 20_001)}}, {"agent.request", []int{1}}} {
		if r := say(n, tt.event, tt.payload); r.Handled || r.Reason == "" {
			t.Errorf("%s %.40v: %+v", tt.event, tt.payload, r)
		}
	}
	for _, e := range n.Events() {
		if e.Name == "chat" && strings.Contains(string(e.Payload), "from afar") {
			t.Error("the node hears of a session that it did not ask for")
		}
	}
	if err := n.Call(t.Context(), "node.event", object{"event": "x", "payload": strings.Repeat("x", 256<<10)}, nil); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("a huge event: %v", err)
	}
	l.MustCall("node.pair.remove", object{"nodeId": n.id}, nil)
	<-n.Done()
}
