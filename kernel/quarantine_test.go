package kernel_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// quarantine is a gateway whose config file somebody writes by hand.
type quarantine struct {
	t    *testing.T
	path string
	k    *kerneltest.Kernel
	*kerneltest.Listener
}

func newQuarantine(t *testing.T, text string) *quarantine {
	t.Helper()
	dir := t.TempDir()
	q := &quarantine{t: t, path: filepath.Join(dir, "carapace.json")}
	q.write(text)
	tuned := repeater("tuned", wit.EffectReads)
	tuned.Manifest.Config = wit.JSON(`{"type":"object","additionalProperties":false,"properties":{"volume":{"type":"integer"}}}`)
	q.k = kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(repeater("say", wit.EffectReads), tuned, kerneltest.Echo("echo"), kerneltest.Channel("chat"), kerneltest.Channel("mail")))
	q.Listener = q.k.Listen()
	return q
}

func (q *quarantine) write(text string) {
	q.t.Helper()
	if err := os.WriteFile(q.path, []byte(text), 0o600); err != nil {
		q.t.Fatal(err)
	}
}

// reload puts a text in force as an editor would.
func (q *quarantine) reload(text string) {
	q.t.Helper()
	q.write(text)
	q.MustCall("config.reload", nil, nil)
}

// off says everywhere the same of a plugin that does not run: the reason has these words.
func (q *quarantine) off(id string, words ...string) {
	q.t.Helper()
	has := func(where, text string) {
		q.t.Helper()
		for _, word := range words {
			if !strings.Contains(text, word) {
				q.t.Errorf("%s says %q of %s, without %q", where, text, id, word)
			}
		}
	}
	var info plugin.Details
	q.MustCall("plugins.info", object{"id": id}, &info)
	if has("plugins.info", info.Reason); info.State != plugin.StateFailed || !strings.Contains(info.Hint, "carapace config edit") {
		q.t.Errorf("%s is %s: %s", id, info.State, info.Hint)
	}
	var list plugin.StatusResult
	q.MustCall("plugins.status", nil, &list)
	for _, p := range list.Plugins {
		if p.ID == id && (p.State != plugin.StateFailed || p.Reason != info.Reason) {
			q.t.Errorf("plugins.status: %+v", p)
		}
	}
	var page system.PluginList
	q.MustCall("plugins.list", nil, &page)
	for _, p := range page.Plugins {
		if p.ID == id && (p.State != "error" || p.Error != info.Reason) {
			q.t.Errorf("plugins.list: %+v", p)
		}
	}
	status, doctor := q.wrong()
	has("status", status)
	has("doctor", doctor)
	logged := 0
	for _, line := range q.k.Logged() {
		if strings.Contains(strings.ReplaceAll(line, `\`, ""), info.Reason) && !strings.Contains(line, `"DEBUG"`) {
			logged++
		}
	}
	if logged != 1 {
		q.t.Errorf("%d times in the log: %s", logged, info.Reason)
	}
}

// wrong is what status and the doctor say of the settings, and whether something is wrong with plugins.
func (q *quarantine) wrong() (status, doctor string) {
	q.t.Helper()
	var now system.Status
	q.MustCall("status", nil, &now)
	for _, w := range now.Wrong {
		if status += w.Message + "\n"; w.Path == "" {
			q.t.Errorf("without a path: %s", w.Message)
		}
	}
	var found system.DoctorResult
	q.MustCall("doctor", nil, &found)
	for _, c := range found.Checks {
		if c.Name == "settings" {
			if doctor = c.Message; c.OK != (status == "") && !c.Warning || strings.Contains(c.Hint, "before the mistake") {
				q.t.Errorf("%+v", c)
			}
		}
	}
	return status, doctor
}

// runs reports whether a tool can be called.
func (q *quarantine) runs(tool string) bool {
	q.t.Helper()
	return q.Call(q.t.Context(), "plugins.call", object{"id": tool, "tool": tool, "args": object{}}, nil) == nil
}

// account is how an account is.
func (q *quarantine) account(channelID, id string) channel.AccountStatus {
	q.t.Helper()
	var s channel.StatusResult
	q.MustCall("channels.status", nil, &s)
	for _, a := range s.ChannelAccounts[channelID] {
		if a.AccountID == id {
			return a
		}
	}
	return channel.AccountStatus{}
}

// until waits for an account to be in a phase.
func (q *quarantine) until(channelID, id, phase string) channel.AccountStatus {
	q.t.Helper()
	if a := q.account(channelID, id); a.Phase == phase {
		return a
	}
	q.Until("the account is "+phase, func([]client.Event) bool { return q.account(channelID, id).Phase == phase })
	return q.account(channelID, id)
}

// TestAWrongSectionOfAPluginIsItsOwnTrouble: a gateway starts with one, all else works, and mending the file is enough.
func TestAWrongSectionOfAPluginIsItsOwnTrouble(t *testing.T) {
	t.Parallel()
	const good = `{"log":{"level":"info"}}`
	for _, c := range []struct {
		text string
		id   string
		says []string
	}{
		{`{"plugins":{"say":{"enabledd":true}}}`, "say", []string{"plugins.say", `"enabledd"`, "did you mean enabled?"}},
		{`{"plugins":{"say":["enabled"]}}`, "say", []string{"plugins.say must be an object, not a list"}},
		{`{"plugins":{"say":{"enabled":0}}}`, "say", []string{"plugins.say.enabled must be true or false, not a number"}},
		{`{"plugins":{"tuned":{"config":{"volume":"loud"}}}}`, "tuned", []string{"config of tuned", "volume: got string, want integer"}},
		{`{"plugins":{"tuned":{"config":{"volum":3}}}}`, "tuned", []string{"config of tuned", "'volum' not allowed", "did you mean volume?"}},
		{`{"plugins":{"tuned":{"config":[1]}}}`, "tuned", []string{"config of tuned"}},
	} {
		q := newQuarantine(t, c.text)
		q.off(c.id, c.says...)
		if other := map[string]string{"say": "tuned", "tuned": "say"}[c.id]; q.runs(c.id) || !q.runs(other) {
			t.Errorf("%s: %s runs, or %s does not", c.text, c.id, other)
		}
		if answer := q.Ask("r1", "hello"); answer == "" {
			t.Errorf("%s: nobody answers", c.text)
		}
		q.reload(good)
		if status, _ := q.wrong(); status != "" || !q.runs(c.id) {
			t.Errorf("%s: mended, and still %q", c.text, status)
		}
		if q.reload(c.text); q.runs(c.id) {
			t.Errorf("%s: runs", c.text)
		}
		q.reload(good)
		if !q.runs(c.id) {
			t.Errorf("%s: mended again, and it does not run", c.text)
		}
	}
}

// TestTwoWrongSections are two plugins' trouble, and one of a plugin that is not there is named with the one that may be meant.
func TestTwoWrongSections(t *testing.T) {
	t.Parallel()
	q := newQuarantine(t, `{"plugins":{"say":{"enabledd":true},"tuned":{"config":{"volume":"x"}},"ecko":{"enabled":true},"entries":{"say":{"enabled":false}}}}`)
	q.off("say", "enabledd")
	q.off("tuned", "volume")
	status, doctor := q.wrong()
	for _, word := range []string{`plugins.ecko: there is no plugin "ecko" (did you mean echo?)`, `plugins.entries has no field "say"`} {
		if !strings.Contains(status, word) || !strings.Contains(doctor, word) {
			t.Errorf("%q and %q do not say %q", status, doctor, word)
		}
	}
	q.reload(`{"plugins":{"tuned":{"config":{"volume":"x"}}}}`)
	if !q.runs("say") || q.runs("tuned") {
		t.Error("one was mended")
	}
	q.off("tuned", "volume")
	for _, text := range []string{`{"plugin":{}}`, `{"plugins":[]}`} {
		q.write(text)
		if err := q.Call(t.Context(), "config.reload", nil, nil); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestAWrongSectionOfAnAccountIsItsOwnTrouble, and one of a channel that of all its accounts.
func TestAWrongSectionOfAnAccountIsItsOwnTrouble(t *testing.T) {
	t.Parallel()
	q := newQuarantine(t, `{"channels":{"chat":{"accounts":{"a":{"dmPolcy":"open"},"b":{"config":{"root":7}},"c":{"config":{"root":"http://127.0.0.1:1"}}}},"mail":{"dmPolcy":"open","accounts":{"m":{}}}}}`)
	for id, says := range map[string]string{"a": "did you mean dmPolicy?", "b": "root: got number, want string"} {
		if a := q.until("chat", id, "invalid"); !strings.Contains(a.Message, says) || a.LastError != a.Message || a.HealthState != "unhealthy" || a.Running {
			t.Errorf("%+v", a)
		}
		if status, doctor := q.wrong(); !strings.Contains(status, says) || !strings.Contains(doctor, says) {
			t.Errorf("%q, %q", status, doctor)
		}
	}
	q.until("chat", "c", "running")
	q.off("mail", "channels.mail", "did you mean accounts.ACCOUNT.dmPolicy?")
	q.reload(`{"channels":{"chat":{"accounts":{"a":{"dmPolicy":"open","config":{"root":"http://127.0.0.1:1"}},"c":{"dmPolcy":"open"}}},"mail":{"accounts":{"m":{"config":{"root":"http://127.0.0.1:1"}}}}}}`)
	q.until("chat", "a", "running")
	q.until("mail", "m", "running")
	if a := q.until("chat", "c", "invalid"); !strings.Contains(a.Message, "dmPolcy") {
		t.Errorf("%+v", a)
	}
	q.reload(`{"channels":{"chat":{"accounts":{"c":{"config":{"root":"http://127.0.0.1:1"}}}},"mail":[]}}`)
	q.until("chat", "c", "running")
	if a := q.until("mail", "m", ""); a.Phase != "" {
		t.Errorf("%+v", a)
	}
	q.reload(`{"plugins":{"chat":7},"channels":{"chat":{"accounts":{"c":{"config":{"root":"http://127.0.0.1:1"}}}}}}`)
	if a := q.until("chat", "c", "invalid"); !strings.Contains(a.Message, "plugins.chat must be an object") {
		t.Errorf("%+v", a)
	}
}

// TestEditsAreStrict: a client that writes what the file may not say is told the field and what may be meant, and nothing changes.
func TestEditsAreStrict(t *testing.T) {
	t.Parallel()
	q := newQuarantine(t, `{"plugins":{"tuned":{"enabledd":true}}}`)
	var now system.ConfigResult
	q.MustCall("config.get", nil, &now)
	if now.Valid || len(now.Issues) != 1 || now.Issues[0].Path != "plugins.tuned.enabledd" || !strings.Contains(now.Raw, "enabledd") {
		t.Errorf("%+v", now)
	}
	const wrong = `{"channels":{"chat":{"accounts":{"a":{"dmPolcy":"open"}}}}}`
	for method, p := range map[string]object{
		"config.set": {"raw": wrong, "baseHash": now.Hash}, "config.apply": {"raw": wrong, "baseHash": now.Hash}, "config.patch": {"raw": wrong},
	} {
		if err := q.Call(t.Context(), method, p, nil); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "did you mean dmPolicy?") {
			t.Errorf("%s: %v", method, err)
		}
	}
	if err := q.Call(t.Context(), "config.set", object{"raw": now.Raw, "baseHash": now.Hash}, nil); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "did you mean enabled?") {
		t.Errorf("what was wrong is written once more: %v", err)
	}
	var seen system.ConfigValidateResult
	q.MustCall("config.validate", object{"raw": wrong}, &seen)
	if seen.Valid || len(seen.Issues) != 1 || seen.Issues[0].Path != "channels.chat.accounts.a.dmPolcy" || !strings.Contains(seen.Issues[0].Message, "did you mean dmPolicy?") {
		t.Errorf("%+v", seen)
	}
	q.MustCall("config.validate", object{"raw": `{"plugins":{"tuned":{"config":{"volume":"x"}}}}`}, &seen)
	if len(seen.Warnings) != 1 || seen.Warnings[0].Path != "plugins.tuned.config" {
		t.Errorf("%+v", seen)
	}
	q.MustCall("config.patch", object{"raw": `{"log":{"level":"warn"}}`}, nil) // what is wrong elsewhere does not stand in the way
	q.MustCall("plugins.configure", object{"id": "say", "enabled": false}, nil)
	q.MustCall("config.patch", object{"raw": `{"plugins":{"tuned":{"enabledd":null}}}`}, nil)
	if !q.runs("tuned") || q.runs("say") {
		t.Error("not mended by a patch")
	}
}

// TestAFormKeepsWhatItDoesNotShow: who saves the settings as config.get shows them in fields does not throw away a section that
// has a mistake, and is told of it.
func TestAFormKeepsWhatItDoesNotShow(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"plugins":{"tuned":{"enabledd":true}}}`,
		`{"channels":{"chat":{"accounts":{"a":{"dmPolcy":"open"}}}}}`,
		`{"channels":{"mail":{"dmPolcy":"open","accounts":{"m":{"config":{"root":"http://127.0.0.1:1"}}}}}}`,
	} {
		q := newQuarantine(t, text)
		var now struct {
			Config json.RawMessage
			Hash   string
		}
		q.MustCall("config.get", nil, &now)
		save := func(raw string) error {
			return q.Call(t.Context(), "config.set", object{"raw": raw, "baseHash": now.Hash}, nil)
		}
		if err := save(string(now.Config)); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "did you mean") {
			t.Errorf("%s: saved as %s: %v", text, now.Config, err)
		}
		if kept, err := os.ReadFile(q.path); err != nil || string(kept) != text {
			t.Errorf("%s became %s, %v", text, kept, err)
		}
		if err := save(`{"log":{"level":"info"}}`); err != nil {
			t.Errorf("%s: without the section: %v", text, err)
		}
	}
}

// TestAGateThatIsMisconfiguredIsShut: a hook that must agree does not agree while its settings cannot be used.
func TestAGateThatIsMisconfiguredIsShut(t *testing.T) {
	t.Parallel()
	gate := kerneltest.Hook("gate", wit.HookNameBeforeAgentStart, func(context.Context, *wit.HookEvent) (*wit.HookDecision, error) { return &wit.HookDecision{}, nil })
	dir := t.TempDir()
	q := &quarantine{t: t, path: filepath.Join(dir, "carapace.json")}
	q.write(`{"plugins":{"gate":{"enabledd":true}}}`)
	q.k = kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(gate, kerneltest.Echo("echo")))
	q.Listener = q.k.Listen()
	q.off("gate", "enabledd")
	q.Send("r1", "hello")
	if e := q.End("r1"); e.Message != nil && strings.Contains(kerneltest.Text(e.Message), "you said") {
		t.Errorf("answered without the gate: %+v", e)
	}
	q.reload(`{}`)
	if got := q.Ask("r2", "hello"); got == "" {
		t.Error("the gate stays shut")
	}
}
