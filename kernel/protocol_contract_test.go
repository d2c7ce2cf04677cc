package kernel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/protocol"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// caller calls methods and keeps which ones.
type caller struct {
	*kerneltest.Listener
	called map[string]bool
	// since is how many of an event there were when a method that brings it about was called first, by "method event".
	since    map[string]int
	document *protocol.Document
}

type object = map[string]any

func (c *caller) ok(method string, params, out any) {
	c.calls(method)
	c.MustCall(method, params, out)
}

// calls takes note that a method is called now.
func (c *caller) calls(method string) {
	c.called[method] = true
	if m := c.document.Methods[method]; m != nil {
		for _, e := range m.Events {
			if _, before := c.since[method+" "+e]; !before && c.document.Events[e].Scope != wire.ScopeNode {
				c.since[method+" "+e] = heard(c.Events(), e)
			}
		}
	}
}

// brought waits for the events that the methods bring about that were called.
func (c *caller) brought() {
	for pair, before := range c.since {
		_, name, _ := strings.Cut(pair, " ")
		c.Until(pair, func(events []client.Event) bool { return heard(events, name) > before })
	}
}

// heard is how many events have a name.
func heard(events []client.Event, name string) (n int) {
	for _, e := range events {
		if e.Name == name {
			n++
		}
	}
	return n
}

// TestEveryMethodKeepsTheContract calls each method of hello-ok at least once in each protocol; kerneltest
// checks every answer and event against the types that the method table names.
func TestEveryMethodKeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, version := range []int{3, 4} {
		t.Run(fmt.Sprint("protocol ", version), func(t *testing.T) {
			t.Parallel()
			p, shaky := kerneltest.NewPlatform(t), kerneltest.NewPlatform(t)
			k := kerneltest.Start(t, kerneltest.Compiled(t), kerneltest.JavaScript(), kerneltest.Plugin(acting("chat", func(string) {}), fragile("shaky"), kerneltest.Echo("echo"), kerneltest.Streamer("keyed"), fetching("shelf"), kerneltest.TTS("mouth", aloud)),
				kerneltest.Config(t, fmt.Sprintf(`{"channels":{"chat":{"accounts":{"home":{"config":{"root":%q}}}},
					"shaky":{"accounts":{"home":{"config":{"root":%q}}}}}}`, p.URL, shaky.URL)))
			conn, err := k.TryDial(client.Options{Token: kerneltest.Token, Caps: []string{"tool-events"}, MinProtocol: version, MaxProtocol: version,
				Scopes: []wire.Scope{wire.ScopeAdmin, wire.ScopeApprovals, wire.ScopePairing}})
			if err != nil {
				t.Fatal(err)
			}
			c := &caller{kerneltest.Listen(t, conn), map[string]bool{}, map[string]int{}, k.Document()}
			emptyAnswers(c)
			settingsAnswers(c)
			pluginAnswers(c)
			installAnswers(t, c)
			registryAnswers(t, c)
			senderAnswers(c, p, shaky)
			conversationAnswers(c)
			jobAnswers(c)
			wakingAnswers(c)
			rosterAnswers(c)
			accountAnswers(c)
			speechAnswers(c)
			fileAnswers(c)
			approvalAnswers(c)
			deviceAnswers(t, c, k)
			nodeAnswers(t, c, k)
			credentialAnswers(c)
			serverAnswers(c)
			c.brought()
			if list := k.Protocol3().Unused(); version == 3 && len(list) > 0 {
				t.Errorf("these places are as protocol 3 has them: %v", list)
			}
			for _, method := range conn.Hello().Features.Methods {
				// A held message needs a crash, a grant an update that asks for more, a fetch the web, a backup a state directory: other tests here have them.
				if !c.called[method] && method != "media.fetch" && method != "backup.create" && method != "delivery.release" && method != "plugins.grant" && method != "plugins.call" {
					t.Errorf("nobody calls %s", method)
				}
			}
		})
	}
}

// fragile is a channel that cannot read what it gets when that holds the word poison.
func fragile(id string) plugintest.Fake {
	f := kerneltest.Channel(id)
	sound := f.Exports["channel_event"]
	f.Exports["channel_event"] = func(ctx context.Context, in []byte) ([]byte, error) {
		var e wit.ChannelEvent
		if err := wit.Unmarshal(in, &e); err == nil && e.Response != nil && e.Response.Text != nil && strings.Contains(*e.Response.Text, "poison") {
			return nil, wit.NewError(wit.CodeInvalid, "this cannot be read")
		}
		return sound(ctx, in)
	}
	return f
}

// emptyAnswers asks before there is anything, when lists are empty.
func emptyAnswers(c *caller) {
	var now struct{ Raw, Hash string }
	c.ok("config.patch", object{"raw": `{"agent":{"name":"Ada"}}`}, nil)
	c.ok("config.get", nil, &now)
	c.ok("config.set", object{"raw": now.Raw, "baseHash": now.Hash}, nil)
	for _, method := range []string{"health", "status", "doctor", "logs.tail", "config.get", "system-presence", "sessions.list", "sessions.subscribe",
		"agents.list", "agent.identity.get", "models.list", "channels.status", "channels.pairing.list", "channels.pairing.approved", "channels.poison.list",
		"delivery.list", "cron.list", "cron.status", "plugins.status", "device.pair.list"} {
		c.ok(method, nil, nil)
	}
	c.ok("chat.history", object{"sessionKey": "main"}, nil)
	c.ok("sessions.describe", object{"key": "main"}, nil)
	c.ok("sessions.resolve", object{"key": "main", "allowMissing": true}, nil)
	c.ok("sessions.preview", object{"keys": []string{"main"}}, nil)
}

// settingsAnswers looks at the form of the settings, and changes them as a page does.
func settingsAnswers(c *caller) {
	var now struct{ Raw, Hash string }
	c.ok("config.schema", nil, nil)
	c.ok("config.schema.lookup", object{"path": "agent"}, nil)
	c.ok("config.get", nil, &now)
	c.ok("config.validate", object{"raw": now.Raw}, nil)
	c.ok("config.apply", object{"raw": now.Raw, "baseHash": now.Hash}, nil)
	c.ok("config.reload", nil, nil)
	for _, method := range []string{"plugins.list", "system.info", "skills.status", "hooks.status", "environments.list", "diagnostics.lanes", "audit.list", "tools.catalog"} {
		c.ok(method, nil, nil)
	}
}

// wakingAnswers has the agent woken, with and without something to tell it.
func wakingAnswers(c *caller) {
	c.ok("last-heartbeat", nil, nil)
	c.ok("set-heartbeats", object{"enabled": true}, nil)
	c.ok("wake", object{"mode": "next-heartbeat", "text": "the door is open"}, nil)
	c.ok("wake", object{"mode": "now", "text": "somebody comes in"}, nil)
	c.ok("system-event", object{"text": "the door is shut"}, nil)
	c.ok("last-heartbeat", nil, nil)
	c.ok("set-heartbeats", object{"enabled": false}, nil)
}

// rosterAnswers adds an agent, writes a text of it, and deletes it.
func rosterAnswers(c *caller) {
	c.ok("agents.create", object{"name": "Research Helper", "emoji": "🔎"}, nil)
	c.ok("agents.update", object{"agentId": "research-helper", "theme": "terse", "tools": object{"allow": []string{"echo"}}}, nil)
	text := object{"agentId": "research-helper", "name": "SOUL.md"}
	c.ok("agents.files.get", text, nil)
	c.ok("agents.files.set", object{"agentId": "research-helper", "name": "SOUL.md", "content": "Be kind."}, nil)
	c.ok("agents.files.get", text, nil)
	c.ok("agents.files.list", object{"agentId": "research-helper"}, nil)
	c.ok("agents.list", nil, nil)
	c.ok("agents.delete", object{"agentId": "research-helper"}, nil)
	c.Event("agents.changed", func(json.RawMessage) bool { return true })
}

// accountAnswers asks what all of it was and cost.
func accountAnswers(c *caller) {
	var all struct{ Tasks []struct{ ID string } }
	c.ok("tasks.list", nil, &all)
	c.ok("tasks.get", object{"taskId": all.Tasks[0].ID}, nil)
	c.ok("tasks.cancel", object{"taskId": all.Tasks[0].ID}, nil)
	c.ok("usage.status", nil, nil)
	c.ok("usage.cost", nil, nil)
	c.ok("usage.monthly", nil, nil)
	c.ok("sessions.usage", nil, nil)
}

func pluginAnswers(c *caller) {
	for _, id := range []string{"chat", "shaky"} {
		c.ok("plugins.configure", object{"id": id, "account": "home", "secrets": object{"token": "platform-token"}}, nil)
		c.ok("plugins.info", object{"id": id}, nil)
		c.ok("plugins.inspect", object{"pluginId": id}, nil)
		c.ok("plugins.setEnabled", object{"pluginId": id, "enabled": true}, nil)
		c.ok("plugins.trace", object{"id": id}, nil) // from now on
	}
}

// senderAnswers lets strangers in, sends them something, and meets what a plugin cannot read.
func senderAnswers(c *caller, p, shaky *kerneltest.Platform) {
	var list struct {
		Requests []struct{ RequestID, SenderID string }
	}
	for i, person := range []string{"ann", "bob"} {
		p.Say(person, "let me in")
		p.Until("they were told a code", func(posts []kerneltest.Post) bool { return len(posts) > i })
	}
	c.ok("channels.pairing.list", nil, &list)
	c.ok("plugins.trace", object{"id": "chat"}, nil)
	c.ok("channels.pairing.approve", object{"channel": "chat", "code": list.Requests[0].RequestID}, nil)
	c.ok("channels.pairing.dismiss", object{"channel": "chat", "code": list.Requests[1].RequestID}, nil)
	c.ok("channels.pairing.approved", nil, nil)
	c.ok("channels.pairing.revoke", object{"channel": "chat", "senderId": list.Requests[0].SenderID}, nil)
	c.ok("channels.pairing.allow", object{"channel": "chat", "sender": list.Requests[0].SenderID}, nil)
	c.ok("channels.directory", object{"channel": "chat"}, nil)
	c.ok("channels.resolve", object{"channel": "chat", "name": list.Requests[0].SenderID}, nil)
	c.ok("send", object{"channel": "chat", "to": "ann", "message": "hello", "idempotencyKey": "s1"}, nil)
	c.ok("delivery.list", object{"state": "sent"}, nil)
	c.ok("message.action", object{"channel": "chat", "action": "send", "params": object{"to": "ann", "message": "again"}, "idempotencyKey": "a1"}, nil)
	c.ok("poll", object{"channel": "chat", "to": "ann", "question": "Tea?", "options": []string{"yes", "no"}, "idempotencyKey": "p1"}, nil)

	shaky.Say("eve", "poison")
	e := c.Event("channels.poison", func(json.RawMessage) bool { return true })
	var letter struct{ ID string }
	_ = json.Unmarshal(e.Payload, &letter)
	c.ok("channels.poison.list", nil, nil)
	c.ok("channels.status", object{"probe": true}, nil)
	_ = c.Call(context.Background(), "channels.poison.replay", object{"id": letter.ID}, nil) // it fails still
	c.calls("channels.poison.replay")
	c.ok("channels.poison.drop", object{"id": letter.ID}, nil)

	c.ok("channels.stop", object{"channel": "chat"}, nil)
	c.ok("channels.start", object{"channel": "chat"}, nil)
	c.ok("channels.login", object{"channel": "chat"}, nil)
	c.ok("channels.logout", object{"channel": "chat"}, nil)
	dropped := make(chan error, 1)
	go func() {
		dropped <- c.Call(context.Background(), "send", object{"channel": "chat", "to": "ann", "message": "later", "idempotencyKey": "s2"}, nil)
	}()
	for waiting := (delivery.ListResult{}); len(waiting.Messages) == 0; {
		c.ok("delivery.list", nil, &waiting)
	}
	c.ok("delivery.drop", object{"id": "send:s2"}, nil)
	<-dropped
	c.ok("delivery.list", object{"state": "cancelled"}, nil)
}

func conversationAnswers(c *caller) {
	c.calls("chat.send")
	c.Ask("r1", "hello")
	c.ok("agent", object{"message": "again", "idempotencyKey": "r2"}, nil)
	c.ok("agent.wait", object{"runId": "r2"}, nil)
	c.ok("chat.abort", object{"sessionKey": "main"}, nil)
	c.ok("sessions.abort", object{"key": "main"}, nil)
	c.ok("chat.inject", object{"sessionKey": "main", "message": "by the way"}, nil)
	c.ok("chat.history", object{"sessionKey": "main"}, nil)
	c.ok("chat.message.get", object{"sessionKey": "main", "messageId": "none"}, nil)
	c.ok("sessions.list", object{"includeDerivedTitles": true, "includeLastMessage": true}, nil)
	c.ok("sessions.describe", object{"key": "main"}, nil)
	c.ok("sessions.preview", object{"keys": []string{"main", "no such", "agent:main:other"}}, nil)
	c.ok("sessions.export", object{"key": "main"}, nil)
	c.ok("sessions.resolve", object{"key": "main"}, nil)
	c.ok("sessions.patch", object{"key": "other", "label": "the other one"}, nil)
	var guided struct{ SessionID string }
	c.ok("wizard.start", object{}, &guided)
	c.ok("wizard.next", object{"sessionId": guided.SessionID, "answer": object{"stepId": "step-0", "value": ""}}, nil)
	c.ok("wizard.status", object{"sessionId": guided.SessionID}, nil)
	c.ok("wizard.cancel", object{"sessionId": guided.SessionID}, nil)
	c.ok("sessions.patchMany", object{"targets": []object{{"key": "other"}, {"key": "nowhere"}}, "patch": object{"pinned": true}}, nil)
	main := object{"key": "main"}
	c.ok("chat.startup", object{"sessionKey": "main"}, nil)
	c.ok("chat.metadata", object{"sessionKey": "main"}, nil)
	c.ok("commands.list", nil, nil)
	c.ok("models.authStatus", object{"refresh": true}, nil)
	c.ok("sessions.messages.subscribe", main, nil)
	c.ok("sessions.messages.unsubscribe", main, nil)
	var made struct{ Key, RunID string }
	c.ok("sessions.create", object{"label": "new", "message": "hello"}, &made)
	c.ok("agent.wait", object{"runId": made.RunID}, nil)
	c.ok("sessions.send", object{"key": made.Key, "message": "again", "idempotencyKey": "again"}, nil)
	c.ok("sessions.steer", object{"key": made.Key, "message": "once more", "idempotencyKey": "once more"}, nil)
	c.ok("agent.wait", object{"runId": "again"}, nil)
	c.ok("sessions.load", main, nil)
	c.ok("sessions.fork", main, nil)
	c.ok("sessions.rename", object{"key": made.Key, "label": "newer"}, nil)
	c.ok("sessions.compact", object{"key": "main", "maxLines": 1}, nil)
	c.ok("sessions.import", object{"key": "abroad", "sessionId": "from-abroad", "messages": []any{object{"role": "user", "text": "hello"}}}, nil)
	c.ok("sessions.search", object{"query": "hello"}, nil)
	put := object{"key": made.Key, "deleteHistory": true}
	c.ok("sessions.archive", put, nil)
	c.ok("sessions.archives", nil, nil)
	c.ok("sessions.restore", object{"key": made.Key}, nil)
	c.ok("sessions.archive.delete", object{"key": made.Key}, nil)
	c.ok("sessions.switch", main, nil)
	var branches struct {
		Branches []struct{ LeafEntryID string }
	}
	c.ok("sessions.branches.list", object{"sessionKey": "main"}, &branches)
	c.ok("sessions.rewind", object{"sessionKey": "main", "entryId": branches.Branches[0].LeafEntryID}, nil)
	c.ok("sessions.branches.switch", object{"sessionKey": "main", "leafEntryId": branches.Branches[0].LeafEntryID}, nil)
	c.ok("sessions.usage.timeseries", main, nil)
	c.ok("sessions.usage.logs", main, nil)
	c.ok("sessions.export_user", object{"userId": "chat:nobody"}, nil)
	c.ok("sessions.purge_user", object{"userId": "chat:nobody"}, nil)
	c.ok("sessions.reset", main, nil)
	c.ok("sessions.delete", object{"key": "other"}, nil)
	c.ok("status", nil, nil)
	c.ok("health", nil, nil)
	c.ok("models.list", nil, nil)
	c.ok("models.test", nil, nil)
	c.ok("models.probe", object{"provider": "echo"}, nil)
	c.ok("models.pull", object{"model": "shelf/model"}, nil)
	c.ok("models.authSetApiKey", object{"provider": "keyed", "apiKey": "k"}, nil)
	c.ok("models.authLogout", object{"provider": "keyed"}, nil)
}

// aloud says what it is to say, in the form that was asked for.
func aloud(_ context.Context, o *wit.SpeechOrder) (*wit.Speech, error) {
	return &wit.Speech{Bytes: []byte(string(o.Format) + ": " + o.Text)}, nil
}

func speechAnswers(c *caller) {
	c.ok("tts.status", nil, nil)
	c.ok("tts.providers", nil, nil)
	c.ok("tts.enable", nil, nil)
	c.ok("tts.setProvider", object{"provider": "mouth"}, nil)
	c.ok("tts.voices", nil, nil)
	c.ok("tts.setVoice", object{"voice": "bob"}, nil)
	c.ok("tts.convert", object{"text": "hello", "channel": "chat"}, nil)
	c.ok("tts.speak", object{"text": "hello"}, nil)
	c.ok("tts.status", nil, nil)
	c.ok("tts.disable", nil, nil)
	c.ok("voicewake.set", object{"triggers": []any{"hey you"}}, nil)
	c.ok("voicewake.get", nil, nil)
	c.ok("talk.mode", object{"enabled": true, "phase": "listening"}, nil)
	c.ok("talk.status", nil, nil)
	c.ok("talk.catalog", nil, nil)
	c.ok("talk.config", nil, nil)
	c.ok("talk.speak", object{"text": "hello", "outputFormat": "mp3_44100_128", "speed": 1.5}, nil)
}

func fileAnswers(c *caller) {
	var file struct{ ID string }
	c.ok("media.upload", object{"content": "aGVsbG8=", "fileName": "hello.txt", "mimeType": "text/plain"}, &file)
	c.ok("media.list", nil, nil)
	c.ok("media.info", object{"id": file.ID}, nil)
	c.ok("media.delete", object{"id": file.ID}, nil)
}

func jobAnswers(c *caller) {
	var job struct{ ID string }
	c.ok("cron.add", object{"name": "daily", "schedule": object{"kind": "every", "everyMs": 3600_000}, "sessionTarget": "isolated",
		"payload": object{"kind": "agentTurn", "message": "good morning", "deliver": false}, "isolation": object{"postToMainMode": "full"}}, &job)
	id := object{"id": job.ID}
	c.ok("cron.add", object{"name": "once", "schedule": object{"kind": "at", "at": "2099-01-01T00:00:00Z"}, "sessionTarget": "main",
		"payload": object{"kind": "systemEvent", "text": "happy new year"}}, nil)
	c.ok("cron.get", id, nil)
	c.ok("cron.update", object{"id": job.ID, "patch": object{"enabled": true}}, nil)
	c.ok("cron.run", id, nil)
	c.Event("cron", func(b json.RawMessage) bool { return strings.Contains(string(b), `"finished"`) })
	c.ok("cron.runs", id, nil)
	c.ok("cron.list", object{"includeDisabled": true}, nil)
	c.ok("cron.status", nil, nil)
	c.ok("cron.remove", id, nil)
}

// approvalAnswers asks for approvals of both kinds, and answers them as another client would.
func approvalAnswers(c *caller) {
	c.ok("openclaw.approval.list", nil, nil)
	var policy struct {
		Hash string
		File object
	}
	c.ok("exec.approvals.get", nil, &policy)
	c.ok("exec.approvals.set", object{"file": object{"version": 1, "defaults": object{"security": "full", "ask": "off"}}}, nil)
	seen := map[string]bool{}
	for kind, params := range map[string]object{"exec": {"command": "uptime"}, "plugin": {"title": "Buy?", "description": "It costs 1."}} {
		for _, resolve := range []string{kind + ".approval.resolve", "approval.resolve"} {
			c.calls(kind + ".approval.request")
			answered := make(chan error, 1)
			go func() { answered <- c.Call(context.Background(), kind+".approval.request", params, nil) }()
			var asked struct{ ID string }
			c.Event(kind+".approval.requested", func(b json.RawMessage) bool { return json.Unmarshal(b, &asked) == nil && !seen[asked.ID] })
			seen[asked.ID] = true
			id := object{"id": asked.ID}
			c.ok(kind+".approval.list", nil, nil)
			c.ok(resolve, object{"id": asked.ID, "decision": "allow-once"}, nil)
			c.ok(kind+".approval.waitDecision", id, nil)
			c.ok("approval.get", id, nil)
			if kind == "exec" {
				c.ok("exec.approval.get", id, nil)
			}
			<-answered
		}
	}
	c.ok("approval.history", nil, nil)
	c.ok("exec.approval.grants.list", nil, nil)
	c.ok("exec.approval.grants.revoke", object{"grantId": "none"}, nil)
}

// deviceAnswers brings two devices from elsewhere: one is let in, one is not.
func deviceAnswers(t *testing.T, c *caller, k *kerneltest.Kernel) {
	t.Helper()
	dir := t.TempDir()
	bring := func(name string) {
		_, err := k.TryDial(client.Options{Token: kerneltest.Token, Identity: filepath.Join(dir, name), Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}}})
		if refused := (*wire.Error)(nil); !errors.As(err, &refused) || refused.Code != wire.NotPaired {
			t.Fatalf("%s: %v", name, err)
		}
	}
	var list auth.PairList
	bring("phone")
	c.ok("device.pair.list", nil, &list)
	phone := list.Pending[0]
	bring("tablet")
	c.ok("device.pair.approve", object{"requestId": phone.RequestID}, nil)
	c.ok("device.pair.list", nil, &list)
	i := slices.IndexFunc(list.Pending, func(r auth.Request) bool { return r.DeviceID != phone.DeviceID })
	c.ok("device.pair.reject", object{"requestId": list.Pending[i].RequestID}, nil)
	c.ok("device.pair.rename", object{"deviceId": phone.DeviceID, "label": "the phone"}, nil)
	c.ok("device.token.rotate", object{"deviceId": phone.DeviceID, "role": wire.RoleOperator}, nil)
	c.ok("device.token.revoke", object{"deviceId": phone.DeviceID, "role": wire.RoleOperator}, nil)
	c.ok("device.pair.remove", object{"deviceId": phone.DeviceID}, nil)
	var code auth.SetupCode
	c.ok("device.pair.setupCode", object{"publicUrl": "wss://chat.example.org"}, &code)
	watch, err := k.TryDial(client.Options{Identity: filepath.Join(dir, "watch"), BootstrapToken: tokenIn(t, code), Scopes: []wire.Scope{wire.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	_ = watch.Close()
	c.ok("device.pair.setupStatus", object{"setupId": code.SetupID}, nil)
}

// nodeAnswers has a node announced, one that comes by itself, and asks it for something.
func nodeAnswers(t *testing.T, c *caller, k *kerneltest.Kernel) {
	t.Helper()
	var made struct{ Request struct{ RequestID string } }
	id, key := nodeKey(t)
	for _, decision := range []string{"reject", "approve"} {
		c.ok("node.pair.request", object{"nodeId": id, "publicKey": key, "commands": []string{"system.which"}}, &made)
		c.ok("node.list", nil, nil)
		c.ok("node.pair."+decision, object{"requestId": made.Request.RequestID}, nil)
	}
	c.ok("node.pair.verify", object{"nodeId": id, "token": "none"}, nil)
	n := joinNode(t, k, client.Options{Commands: []string{"system.which", "system.execApprovals.get", "system.execApprovals.set"}})
	for method, params := range map[string]object{"get": {}, "set": {"file": object{"version": 1}}} {
		answer := n.answers(object{"exists": true, "file": object{"version": 1}})
		params["nodeId"] = n.id
		c.ok("exec.approvals.node."+method, params, nil)
		<-answer
	}
	answer := n.answers(object{"bins": object{}})
	c.ok("node.invoke", object{"nodeId": n.id, "command": "system.which", "idempotencyKey": "i1"}, nil)
	<-answer
	c.calls("node.invoke.result")
	c.calls("node.event")
	n.MustCall("node.event", object{"event": "exec.started", "payload": object{"command": "ls"}}, nil)
	c.ok("node.pair.list", nil, nil)
	c.ok("node.rename", object{"nodeId": n.id, "displayName": "desk"}, nil)
	c.ok("node.describe", object{"nodeId": n.id}, nil)
	c.ok("node.list", nil, nil)
	c.ok("node.pair.remove", object{"nodeId": n.id}, nil)
}

// credentialAnswers takes back what pluginAnswers gave.
func credentialAnswers(c *caller) {
	c.ok("plugins.credentials", nil, nil)
	c.ok("plugins.revoke", object{"id": "shaky", "account": "home"}, nil)
	c.ok("plugins.credentials", nil, nil)
	c.ok("credentials.set", object{"id": "shaky", "account": "home", "name": "token", "value": "a value of no use"}, nil)
	c.ok("credentials.list", nil, nil)
	c.ok("credentials.status", nil, nil)
	c.ok("encryption.set", object{"enabled": true}, nil)
	c.ok("encryption.status", nil, nil)
	c.ok("encryption.set", object{"enabled": false}, nil)
	c.ok("credentials.key", nil, nil)
	c.ok("credentials.revoke", object{"id": "shaky", "account": "home", "name": "token"}, nil)
}

// serverAnswers adds an MCP server that is not there.
func serverAnswers(c *caller) {
	c.ok("config.patch", object{"raw": `{"mcp":{"servers":{"lab":{"url":"http://127.0.0.1:1/mcp"}}}}`}, nil)
	c.ok("mcp.status", nil, nil)
	c.ok("mcp.test", object{"name": "lab"}, nil)
	c.ok("mcp.login", object{"name": "lab", "credential": "key", "value": "a secret"}, nil)
	c.ok("mcp.status", nil, nil)
	c.ok("tools.effective", object{"sessionKey": "main"}, nil)
	c.ok("config.patch", object{"raw": `{"mcp":null}`}, nil)
}

// fetching is a provider that fetches models, from a server that does not run.
func fetching(id string) plugintest.Fake {
	f := kerneltest.Echo(id)
	f.Exports["provider_pull"] = kerneltest.Export(func(context.Context, *wit.PullQuery) (*wit.PullAnswer, error) {
		return &wit.PullAnswer{Request: &wit.HTTPRequest{Method: "POST", URL: "http://127.0.0.1:1/pull"}}, nil
	})
	return f
}
