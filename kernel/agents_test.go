package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/roster"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/usage"
	"github.com/carapace-gateway/carapace/wit"
)

// crew are three agents, of which ops and guest answer in some conversations.
const crew = `{
	"agents": {"list": [
		{"id": "main", "name": "Molly", "model": "model/small"},
		{"id": "Ops", "name": "Otto", "identity": {"name": "Otto the Great", "emoji": "🛠", "theme": "terse"}, "model": {"primary": "model/large"},
			"thinkingDefault": "high", "systemPrompt": "You keep things running.", "workspace": "~/ops", "tools": {"allow": ["say*", "note"], "deny": ["say-secret"]}},
		{"id": "guest", "tools": {"allow": []}}
	]},
	"bindings": [
		{"agentId": "guest", "match": {"channel": "chat", "peer": {"kind": "group"}}},
		{"agentId": "ops", "match": {"channel": "chat", "accountId": "work"}},
		{"agentId": "OPS", "match": {"channel": "chat", "accountId": "*", "peer": {"kind": "dm", "id": "eve"}}}
	],
	"hooks": {"token": "a-token-for-hooks", "mappings": [{"match": {"path": "alarm"}, "messageTemplate": "alarm", "agentId": "ops", "deliver": false}]},
	"owners": ["chat:ann"],
	"channels": {"chat": {"accounts": {
		"home": {"dmPolicy": "open", "groupPolicy": "open", "requireMention": false, "config": {"root": %q}},
		"work": {"dmPolicy": "open", "config": {"root": %q}}}}}
}`

// signed answers with the name of the agent and of the model, and what was said.
func signed(c *wit.Chat) *wit.ProviderAnswer {
	name := strings.TrimPrefix(c.System, "You are ")
	name, _, _ = strings.Cut(name, "\n")
	name, _, _ = strings.Cut(name, ",")
	return kerneltest.Says(name + " by " + c.Model + ": " + kerneltest.Heard(c))
}

// bootCrew starts a gateway of the crew, whose accounts are connected.
func bootCrew(t *testing.T, r *recorder, options ...kerneltest.Option) (k *kerneltest.Kernel, home, work *kerneltest.Platform) {
	t.Helper()
	home, work = kerneltest.NewPlatform(t), kerneltest.NewPlatform(t)
	secret := repeater("say-secret", wit.EffectReads)
	k = kerneltest.Start(t, append(options, r.provider(signed), kerneltest.Plugin(kerneltest.Channel("chat"), repeater("say", wit.EffectReads), secret, repeater("other", wit.EffectReads)),
		kerneltest.Config(t, fmt.Sprintf(crew, home.URL, work.URL)))...)
	l := k.Listen()
	for _, account := range []string{"home", "work"} {
		l.MustCall("plugins.configure", map[string]any{"id": "chat", "account": account, "secrets": map[string]string{"token": "platform-token"}}, nil)
	}
	return k, home, work
}

// in is a message of a group.
func in(group, person, text string) wit.Message {
	return wit.Message{Conversation: wit.Conversation{Kind: wit.ConversationKindGroup, ID: group}, Sender: wit.Person{ID: person}, Text: text}
}

// TestAgents: each agent answers with its own name, model, prompt and tools, where it is bound to or asked for, whatever the way.
func TestAgents(t *testing.T) {
	t.Parallel()
	var r recorder
	k, home, work := bootCrew(t, &r)
	l := k.Listen()
	t.Run("channels", func(t *testing.T) { agentChannels(t, l, home, work) })
	t.Run("clients", func(t *testing.T) { agentClients(t, l) })
	t.Run("programs", func(t *testing.T) { agentPrograms(t, k, l) })
	t.Run("jobs", func(t *testing.T) {
		var job struct{ ID string }
		l.MustCall("cron.add", object{"name": "n", "agentId": "ops", "enabled": true, "sessionTarget": "isolated", "wakeMode": "now",
			"schedule": object{"kind": "every", "everyMs": 3600000}, "payload": object{"kind": "agentTurn", "message": "tick"}}, &job)
		l.MustCall("cron.run", object{"id": job.ID, "mode": "force"}, nil)
		l.Event("cron", func(p json.RawMessage) bool { return strings.Contains(string(p), `"finished"`) })
		if c := r.last(); c.Model != "large" || !strings.Contains(kerneltest.Heard(&c), "tick") {
			t.Errorf("the model is asked %+v", c)
		}
	})
	t.Run("tools", func(t *testing.T) { agentTools(t, k, l, &r) })
	t.Run("usage", func(t *testing.T) {
		var all, own usage.CostResult
		l.MustCall("usage.cost", nil, &all)
		l.MustCall("usage.cost", object{"agentId": "ops"}, &own)
		var sessions usage.SessionsResult
		l.MustCall("sessions.usage", object{"agentId": "ops"}, &sessions)
		if own.Totals.TotalTokens == 0 || own.Totals.TotalTokens >= all.Totals.TotalTokens || own.Totals != sessions.Totals || len(own.Daily) == 0 {
			t.Errorf("all %+v, own %+v, of its sessions %+v", all.Totals, own.Totals, sessions.Totals)
		}
	})
}

// agentChannels: messages go to the agent that is bound to where they come from.
func agentChannels(t *testing.T, l *kerneltest.Listener, home, work *kerneltest.Platform) {
	home.Say("bob", "one")
	home.Answered("Molly by small: one")
	home.Say("eve", "two")
	home.Answered("You keep things running. by large: two")
	work.Say("bob", "three")
	work.Answered("You keep things running. by large: three")
	home.Message(in("g1", "bob", "four"))
	home.Until("the guest answers", func(posts []kerneltest.Post) bool {
		return slices.ContainsFunc(posts, func(p kerneltest.Post) bool {
			return p.To == "g1" && strings.HasPrefix(p.Text, "You are a personal") || strings.HasPrefix(p.Text, "a personal assistant")
		})
	})
	var list session.ListResult
	l.MustCall("sessions.list", nil, &list)
	var keys []string
	for _, row := range list.Sessions {
		keys = append(keys, string(row.Key))
	}
	slices.Sort(keys)
	if got := strings.Join(keys, " "); got != "agent:guest:chat:group:g1 agent:main:chat:dm:bob agent:ops:chat:dm:bob agent:ops:chat:dm:eve" {
		t.Errorf("sessions %s", got)
	}
	l.MustCall("sessions.list", object{"agentId": "ops"}, &list)
	if list.Count != 2 || list.TotalCount != 2 || list.Sessions[0].AgentID != "ops" {
		t.Errorf("of ops %+v", list)
	}
}

// agentClients: a client speaks to an agent by the key of a session, and sees who there is.
func agentClients(t *testing.T, l *kerneltest.Listener) {
	for key, want := range map[string]string{"main": "Molly by small: hi", "agent:ops:main": "You keep things running. by large: hi"} {
		run := "run-" + key
		l.MustCall("chat.send", object{"sessionKey": key, "message": "hi", "idempotencyKey": run}, nil)
		if got := kerneltest.Text(l.End(run).Message); got != want {
			t.Errorf("%s: %q", key, got)
		}
	}
	var list chat.AgentsListResult
	l.MustCall("agents.list", nil, &list)
	if list.DefaultID != "main" || len(list.Agents) != 3 || list.Agents[1].ID != "ops" || list.Agents[1].Model.Primary != "model/large" ||
		*list.Agents[1].Identity != (chat.AgentIdentity{Name: "Otto the Great", Emoji: "🛠", Theme: "terse"}) || list.Agents[1].ThinkingDefault != "high" {
		t.Errorf("%+v", list)
	}
	var who chat.IdentityResult
	l.MustCall("agent.identity.get", object{"sessionKey": "agent:ops:main"}, &who)
	if who.Name != "Otto the Great" || who.AgentID != "ops" {
		t.Errorf("%+v", who)
	}
}

// agentPrograms: the models of an HTTP API, and the mappings of hooks, name agents.
func agentPrograms(t *testing.T, k *kerneltest.Kernel, l *kerneltest.Listener) {
	for _, c := range []struct {
		body    string
		headers []string
		agent   bool
	}{
		{body: `{"model":"carapace","messages":[{"role":"user","content":"hi"}]}`},
		{body: `{"model":"carapace:ops","messages":[{"role":"user","content":"hi"}]}`, agent: true},
		{body: `{"model":"openclaw/ops","messages":[{"role":"user","content":"hi"}]}`, agent: true},
		{body: `{"model":"carapace","messages":[{"role":"user","content":"hi"}]}`, headers: []string{"X-Carapace-Agent-Id", "ops"}, agent: true},
	} {
		got, _ := at(posted(t, k, 200, "/v1/chat/completions", c.body, c.headers...), "choices", 0, "message", "content").(string)
		if strings.HasPrefix(got, "You keep things running. by large") != c.agent {
			t.Errorf("%s %v: %q", c.body, c.headers, got)
		}
	}
	posted(t, k, 404, "/v1/chat/completions", `{"model":"carapace:nobody","messages":[{"role":"user","content":"hi"}]}`)
	if end := hookRun(t, k, l, "alarm", `{}`); !strings.HasPrefix(string(end.SessionKey), "agent:ops:hook:") || kerneltest.Text(end.Message) != "You keep things running. by large: alarm" {
		t.Errorf("hook %+v", end)
	}
}

// agentTools: what an agent may not use it is not offered, and nobody calls it in its name.
func agentTools(t *testing.T, k *kerneltest.Kernel, l *kerneltest.Listener, r *recorder) {
	for agent, want := range map[string]string{"main": "other say say-secret", "ops": "say", "guest": ""} {
		run := "tools-" + agent
		l.MustCall("chat.send", object{"sessionKey": "agent:" + agent + ":main", "message": "hi", "idempotencyKey": run}, nil)
		l.End(run)
		var offered []string
		for _, tool := range r.last().Tools {
			offered = append(offered, tool.Name)
		}
		slices.Sort(offered)
		if got := strings.Join(offered, " "); got != want {
			t.Errorf("%s is offered %q", agent, got)
		}
		for _, tool := range []string{"say", "say-secret", "other"} {
			status := 403
			if slices.Contains(offered, tool) {
				status = 200
			}
			body, _ := json.Marshal(object{"tool": tool, "sessionKey": "agent:" + agent + ":main"})
			got := posted(t, k, status, "/tools/invoke", string(body))
			if status == 403 && !strings.Contains(at(got, "error", "message").(string), "may not use") {
				t.Errorf("%s %s: %v", agent, tool, got)
			}
		}
		mcp := posted(t, k, 200, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`,
			"X-Carapace-Session-Key", "agent:"+agent+":main", "Accept", "application/json, text/event-stream")
		if list, _ := at(mcp, "result", "tools").([]any); len(list) != len(offered) {
			t.Errorf("%s over MCP: %v", agent, mcp)
		}
	}
}

// TestAnAgentComesAndGoes while the gateway runs: its conversations go to the default one, the owner hears of it once, what it said
// stays readable, and nobody speaks for it any more.
func TestAnAgentComesAndGoes(t *testing.T) {
	t.Parallel()
	var r recorder
	k, home, work := bootCrew(t, &r)
	l := k.Listen()
	home.Say("ann", "hello")
	home.Answered("Molly by small: hello")
	work.Say("bob", "one")
	work.Answered("You keep things running. by large: one")

	var made roster.CreateResult
	l.MustCall("agents.create", object{"name": "Night Watch", "model": "model/large", "emoji": "🌙"}, &made)
	l.Event("agents.changed", func(p json.RawMessage) bool { return strings.Contains(string(p), `"added":["night-watch"]`) })
	l.MustCall("agents.files.set", object{"agentId": "night-watch", "name": "SOUL.md", "content": "Never sleep."}, nil)
	l.MustCall("agents.files.set", object{"agentId": "night-watch", "name": "USER.md", "content": "Ann likes tea."}, nil)
	l.MustCall("chat.send", object{"sessionKey": "agent:night-watch:main", "message": "hi", "idempotencyKey": "n1"}, nil)
	l.End("n1")
	if c := r.last(); c.Model != "large" || !strings.HasPrefix(c.System, "You are Night Watch, a personal") || !strings.Contains(c.System, "\n\n# SOUL.md\nNever sleep.\n\n# USER.md\nAnn likes tea.") {
		t.Errorf("the model is told\n%s", c.System)
	}
	refusedAgents(t, l)
	l.MustCall("agents.update", object{"agentId": "ops", "model": nil, "theme": "kind", "tools": nil}, nil)
	work.Say("bob", "two")
	work.Until("the model of all answers", func(posts []kerneltest.Post) bool { return len(posts) == 2 })
	if c := r.last(); c.Model == "large" || !strings.Contains(c.System, "Your manner: kind.") || len(c.Tools) != 3 {
		t.Errorf("the model is asked %+v", c)
	}

	l.MustCall("config.patch", object{"raw": `{"hooks":{"mappings":null}}`}, nil)
	var gone roster.DeleteResult
	l.MustCall("agents.delete", object{"agentId": "ops"}, &gone)
	if gone.RemovedBindings != 2 {
		t.Errorf("%+v", gone)
	}
	home.Until("the owner is told", func(posts []kerneltest.Post) bool {
		return slices.ContainsFunc(posts, func(p kerneltest.Post) bool {
			return p.To == "ann" && strings.HasPrefix(p.Text, "The agent ops is gone. It answered by 2 bindings; the agent main answers there")
		})
	})
	work.Say("bob", "three")
	work.Answered("Molly by small: three")
	var history chat.History
	l.MustCall("chat.history", object{"sessionKey": "agent:ops:chat:dm:bob"}, &history)
	if len(history.Messages) != 4 {
		t.Errorf("%d messages of it are left", len(history.Messages))
	}
	l.MustCall("chat.startup", object{"sessionKey": "agent:ops:chat:dm:bob"}, nil)
	l.MustCall("sessions.load", object{"key": "agent:ops:chat:dm:bob"}, nil)
	if err := l.Call(t.Context(), "chat.send", object{"sessionKey": "agent:ops:main", "message": "hi", "idempotencyKey": "o1"}, nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("it still answers: %v", err)
	}
}

// refusedAgents: what cannot be is refused, and leaves the agents as they are.
func refusedAgents(t *testing.T, l *kerneltest.Listener) {
	for _, bad := range []struct {
		method string
		params object
		code   wit.Code
	}{
		{"agents.create", object{"name": "night watch"}, wit.CodeConflict},
		{"agents.create", object{"name": "***"}, wit.CodeInvalid},
		{"agents.create", object{"name": "x", "model": "nobody/x"}, wit.CodeInvalid},
		{"agents.create", object{"name": "x", "baseHash": "old"}, wit.CodeConflict},
		{"agents.update", object{"agentId": "nobody", "name": "x"}, wit.CodeNotFound},
		{"agents.update", object{"agentId": "ops", "tools": object{"deny": []string{"group:fs"}}}, wit.CodeInvalid},
		{"agents.delete", object{"agentId": "main"}, wit.CodeConflict},
		{"agents.delete", object{"agentId": "ops"}, wit.CodeInvalid}, // a hook names it
		{"agents.files.set", object{"agentId": "ops", "name": "../x", "content": "x"}, wit.CodeInvalid},
		{"agents.files.set", object{"agentId": "ops", "name": "SOUL.md", "content": strings.Repeat("x", 40<<10)}, wit.CodeTooLarge},
		{"config.patch", object{"raw": `{"bindings":[{"agentId":"nobody","match":{"channel":"chat"}}]}`}, wit.CodeInvalid},
	} {
		if err := l.Call(t.Context(), bad.method, bad.params, nil); wit.CodeOf(err) != bad.code {
			t.Errorf("%s %v: %v", bad.method, bad.params, err)
		}
	}
}

// TestTextsAboutTheOwner are for the owner's own conversations: a group and a stranger do not get them out of the agent.
func TestTextsAboutTheOwner(t *testing.T) {
	t.Parallel()
	var r recorder
	k, home, _ := bootCrew(t, &r)
	l := k.Listen()
	for _, agent := range []string{"main", "guest"} {
		for _, name := range []string{"SOUL.md", "MEMORY.md"} {
			l.MustCall("agents.files.set", object{"agentId": agent, "name": name, "content": "text of " + name}, nil)
		}
	}
	asked := 0
	told := func(want bool) {
		t.Helper()
		asked++
		home.Until("it is answered", func(posts []kerneltest.Post) bool { return len(posts) == asked })
		c := r.last()
		if !strings.Contains(c.System, "text of SOUL.md") || strings.Contains(c.System, "text of MEMORY.md") != want {
			t.Errorf("the model is told\n%s", c.System)
		}
	}
	home.Say("ann", "hi")
	told(true)
	home.Say("bob", "hi")
	told(false)
	home.Message(in("g1", "ann", "hi"))
	told(false)
}

// TestARunOfAnAgentThatIsGone fails with a sentence, and is not answered by somebody else.
func TestARunOfAnAgentThatIsGone(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}, 1), make(chan struct{})
	slow := kerneltest.Provider("slow", func(context.Context, *wit.Chat) (*wit.ProviderAnswer, error) {
		begun <- struct{}{}
		select {
		case <-release:
		case <-t.Context().Done():
		}
		return kerneltest.Says("done"), nil
	})
	l := kerneltest.Start(t, kerneltest.Plugin(slow), kerneltest.Config(t, `{"agents":{"list":[{"id":"main"},{"id":"ops"}]}}`)).Listen()
	for _, run := range []string{"1", "2"} {
		l.MustCall("chat.send", object{"sessionKey": "agent:ops:main", "message": "hi", "idempotencyKey": run}, nil)
	}
	<-begun
	l.MustCall("agents.delete", object{"agentId": "ops"}, nil)
	close(release)
	l.End("1")
	if end := l.End("2"); end.State != "error" || !strings.Contains(end.ErrorMessage, `there is no agent "ops" any more`) {
		t.Errorf("%+v", end)
	}
}
