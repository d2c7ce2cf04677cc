package kernel_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/audit"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// changesNothing are the methods of who may administer, let in and approve that change nothing that lasts, or only what is said.
const changesNothing = `approval.get approval.history channels.pairing.approved channels.pairing.list config.get config.schema
	config.schema.lookup config.validate credentials.list credentials.status device.pair.list device.pair.setupStatus doctor encryption.status
	exec.approval.get exec.approval.grants.list exec.approval.list exec.approval.waitDecision exec.approvals.get exec.approvals.node.get
	mcp.test models.probe models.test node.pair.list node.pair.verify openclaw.approval.list plugin.approval.list plugin.approval.waitDecision plugins.credentials
	plugins.preview poll registries.refresh sessions.archives sessions.resolve sessions.switch system-event wizard.status`

// onlySays are the methods with which a client talks, has its agent work or stops that, and chooses voices: nobody gets a right by
// them.
const onlySays = `agent agent.wait chat.abort chat.send media.upload message.action node.invoke send sessions.abort sessions.send
	sessions.steer talk.mode talk.speak tasks.cancel tts.convert tts.disable tts.enable tts.setProvider tts.setVoice tts.speak voicewake.set wake`

// TestAuditedMethods: whoever changes the gateway leaves a record.
func TestAuditedMethods(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	left := append(strings.Fields(changesNothing), strings.Fields(onlySays)...)
	for name, m := range k.Document().Methods {
		i := slices.Index(left, name)
		if i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
		switch m.Scope {
		case wire.ScopeAdmin, wire.ScopePairing, wire.ScopeApprovals, wire.ScopeWrite:
			if m.Audited == (i >= 0) {
				t.Errorf("%s, which needs %s, must be Audited, or stand among those that change nothing", name, m.Scope)
			}
		default:
			if m.Audited || i >= 0 {
				t.Errorf("%s changes nothing: %s", name, m.Scope)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("there is no method %v", left)
	}
}

// noted lists the calls of a method in the ledger, the last first.
func noted(l *kerneltest.Listener, method string) []audit.Event {
	var r audit.Result
	l.MustCall("audit.list", object{"kind": "tool_action", "method": method}, &r)
	return r.Events
}

// only is the one call of a method in the ledger.
func only(t *testing.T, l *kerneltest.Listener, method string) audit.Call {
	t.Helper()
	found := noted(l, method)
	if len(found) != 1 || found[0].Call == nil || found[0].ToolName != method {
		t.Fatalf("%s: %+v", method, found)
	}
	return *found[0].Call
}

// TestAuditTellsWho: what changes the gateway leaves one record each, with who did it and what it was about, and with none of its
// secrets; a refused call does too, and a restart keeps them.
func TestAuditTellsWho(t *testing.T) {
	t.Parallel()
	dir, options := t.TempDir(), []kerneltest.Option{kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo"))}
	k := kerneltest.Start(t, append(options, kerneltest.StateDir(dir))...)
	c, err := k.TryDial(client.Options{
		Token: kerneltest.Token, Identity: filepath.Join(t.TempDir(), "desk"), Scopes: []wire.Scope{wire.ScopeAdmin, wire.ScopeApprovals, wire.ScopePairing},
		Client: wire.Client{ID: "cli", Mode: "cli", Version: "1", Platform: "linux", DisplayName: "Ann's desk"},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := kerneltest.Listen(t, c)
	const secret, wrong = "canary-of-a-credential-1", "canary-in-a-wrong-field-2"
	l.MustCall("config.patch", object{"raw": `{"agent":{"name":"canary-of-a-setting-3"}}`}, nil)
	l.MustCall("exec.approvals.set", object{"file": object{"version": 1, "defaults": object{"security": "full"}}}, nil)
	l.MustCall("credentials.set", object{"id": "chat", "account": "home", "name": "token", "value": secret}, nil)
	if err := l.Call(t.Context(), "agents.delete", object{"agentId": "nobody", "token": wrong}, nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Fatal(err)
	}
	_, err = k.TryDial(client.Options{Token: kerneltest.Token, Identity: filepath.Join(t.TempDir(), "phone"), Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}}})
	if err == nil {
		t.Fatal("a phone was let in unasked")
	}
	var devices auth.PairList
	l.MustCall("device.pair.list", nil, &devices)
	l.MustCall("device.pair.approve", object{"requestId": devices.Pending[0].RequestID}, nil)
	l.MustCall("plugins.setEnabled", object{"pluginId": "echo", "enabled": false}, nil)
	reader := k.Listen(wire.ScopeRead)
	for range 3 {
		if err := reader.Call(t.Context(), "config.set", object{"raw": wrong}, nil); wit.CodeOf(err) != wit.CodeForbidden {
			t.Fatal(err)
		}
	}
	var seen audit.Result
	reader.MustCall("audit.list", nil, &seen)
	for _, e := range seen.Events {
		if e.Kind != "agent_run" {
			t.Errorf("who administers the gateway is told to a reader: %+v", e)
		}
	}
	for _, restarted := range []bool{false, true} {
		if restarted {
			k.Stop()
			k = kerneltest.Start(t, append(options, kerneltest.StateDir(dir))...)
			l = k.Listen()
		}
		for method, want := range map[string]struct {
			outcome string
			about   map[string]string
		}{
			"config.patch":        {"ok", nil},
			"exec.approvals.set":  {"ok", nil},
			"credentials.set":     {"ok", map[string]string{"id": "chat", "account": "home", "name": "token"}},
			"agents.delete":       {"invalid", map[string]string{"agentId": "nobody"}},
			"device.pair.approve": {"ok", map[string]string{"requestId": devices.Pending[0].RequestID}},
			"plugins.setEnabled":  {"ok", map[string]string{"pluginId": "echo", "enabled": "false"}},
		} {
			got := only(t, l, method)
			if got.Outcome != want.outcome || len(got.About) != len(want.about) || got.Caller.ClientID != "cli" || got.Caller.Name != "Ann's desk" ||
				got.Caller.DeviceID == "" || got.Caller.Role != "operator" || !got.Caller.Local {
				t.Errorf("%s: %+v", method, got)
			}
			for name, value := range want.about {
				if got.About[name] != value {
					t.Errorf("%s: %+v", method, got.About)
				}
			}
		}
		if got := only(t, l, "config.set"); got.Outcome != "forbidden" || got.Count != 3 || got.Caller.DeviceID != "" {
			t.Errorf("refused: %+v", got)
		}
		if got := only(t, l, "connect"); got.About["via"] != "silent" || got.Caller.Name != "Ann's desk" || got.About["deviceId"] != got.Caller.DeviceID {
			t.Errorf("let in: %+v", got)
		}
	}
	var r audit.Result
	l.MustCall("audit.list", object{"status": "blocked"}, &r)
	if len(r.Events) != 1 || r.Events[0].ErrorCode != "tool_blocked" || r.Events[0].Actor.Type != "system" {
		t.Errorf("%+v", r)
	}
	k.Stop()
	for _, text := range []string{secret, wrong, "canary-of-a-setting-3"} {
		for _, path := range havingText(t, dir, text) {
			if filepath.Base(path) != "carapace.json" { // whose setting it is
				t.Errorf("%s has %s", path, text)
			}
		}
	}
	if havingText(t, dir, "Ann's desk") == nil {
		t.Error("the search finds nothing")
	}
}

// havingText names the files of a folder that have a text.
func havingText(t *testing.T, dir, text string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestAuditOfLogins: those that were refused are counted, by who tried; a setup code that let a device in is noted.
func TestAuditOfLogins(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	const guess = "canary-of-a-guess"
	for range 8 {
		if _, err := k.TryDial(client.Options{Token: guess, Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}}}); err == nil {
			t.Fatal("a guess was let in")
		}
	}
	l := k.Listen()
	if got := only(t, l, "connect"); got.Outcome != "unauthorized" || got.Count < 3 || got.Count > 8 || got.LastAt < got.At {
		t.Errorf("%+v", got)
	}
	if res, _ := k.Exchange("GET", "/v1/models", nil, "Authorization", "Bearer "+guess); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d", res.StatusCode)
	}
	if got := only(t, l, "http"); got.Outcome != "unauthorized" || got.Count != 1 {
		t.Errorf("%+v", got)
	}
	var code auth.SetupCode
	l.MustCall("device.pair.setupCode", object{"publicUrl": "wss://chat.example.org"}, &code)
	if _, err := k.TryDial(client.Options{Identity: filepath.Join(t.TempDir(), "watch"), BootstrapToken: tokenIn(t, code), Scopes: []wire.Scope{wire.ScopeRead}}); err != nil {
		t.Fatal(err)
	}
	if got := noted(l, "connect"); len(got) != 2 || got[0].Call.About["via"] != "setup-code" || got[0].Call.Caller.DeviceID == "" || got[0].Status != "succeeded" {
		t.Errorf("%+v", got)
	}
	for _, method := range []string{"connect", "http", "device."} {
		for _, e := range noted(l, method) {
			if text := string(asJSON(t, e)); strings.Contains(text, guess) || strings.Contains(text, tokenIn(t, code)) {
				t.Errorf("%s", text)
			}
		}
	}
}

// TestAuditOfARemoval: what was removed of a person is told, and the notes no longer name the sessions with that person.
func TestAuditOfARemoval(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	const key = "agent:main:chat:direct:ann-4711"
	l.MustCall("sessions.patch", object{"key": key, "label": "Ann"}, nil)
	if got := only(t, l, "sessions.patch"); got.About["key"] != key {
		t.Fatalf("%+v", got)
	}
	l.MustCall("sessions.purge_user", object{"userId": "chat:ann-4711"}, nil)
	if got := only(t, l, "sessions.patch"); got.About["key"] != "" || got.Outcome != "ok" {
		t.Errorf("%+v", got)
	}
	got := noted(l, "sessions.purge_user")
	asked := slices.IndexFunc(got, func(e audit.Event) bool { return e.Call.Caller.ClientID == "cli" })
	removed := slices.IndexFunc(got, func(e audit.Event) bool {
		return e.Call.About["removed.audit"] == "1" && len(e.Call.About["person"]) == 64
	})
	if len(got) != 2 || asked < 0 || removed < 0 {
		t.Errorf("%+v", got)
	}
	for _, e := range got {
		if strings.Contains(string(asJSON(t, e)), "ann-4711") {
			t.Errorf("%+v", e)
		}
	}
}

// TestAuditOfTheConfigFile: what an editor writes into it is noted once it is in force, by the names of the settings; what a client
// writes is noted as its call alone, and what cannot be used not at all.
func TestAuditOfTheConfigFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	l.MustCall("config.patch", object{"raw": `{"agent":{"name":"Ada"}}`}, nil)
	write := func(text, want string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "carapace.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l.Until("the file is in force, or refused: "+want, func([]client.Event) bool {
			return slices.ContainsFunc(k.Logged(), func(line string) bool { return strings.Contains(line, want) })
		})
	}
	write(`{"agent":`, "cannot be used")
	if found := noted(l, "config.file"); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	write(`{"agent":{"name":"canary-of-a-setting"},"log":{"level":"debug"}}`, "has changed and is in force")
	if got := only(t, l, "config.file"); got.About["settings"] != "agent.name log.level" || !got.Caller.Local || got.Outcome != "ok" || strings.Contains(string(asJSON(t, got)), "canary") {
		t.Errorf("%+v", got)
	}
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
