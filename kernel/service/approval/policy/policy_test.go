package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/approval/policy"
	"github.com/carapace-gateway/carapace/wit"
)

func never(string) bool { return false }

// TestDecide is the whole table: policy × ask × allowlist hit × fallback.
func TestDecide(t *testing.T) {
	const r, a, y = policy.Refused, policy.Asked, policy.Allowed
	for _, row := range []struct {
		security  policy.Security
		ask       policy.Ask
		miss, hit policy.Verdict
	}{
		{policy.Deny, policy.Off, r, r}, {policy.Deny, policy.OnMiss, r, r}, {policy.Deny, policy.Always, r, r},
		{policy.Allowlist, policy.Off, r, y}, {policy.Allowlist, policy.OnMiss, a, y}, {policy.Allowlist, policy.Always, a, a},
		{policy.Full, policy.Off, y, y}, {policy.Full, policy.OnMiss, y, y}, {policy.Full, policy.Always, a, a},
	} {
		p := policy.Resolved{Security: row.security, Ask: row.ask}
		if p.Decide(false) != row.miss || p.Decide(true) != row.hit {
			t.Errorf("%s %s: %v for a miss, %v for a hit", row.security, row.ask, p.Decide(false), p.Decide(true))
		}
	}
	for _, row := range []struct {
		fallback  policy.Security
		miss, hit policy.Verdict
	}{{policy.Deny, r, r}, {policy.Allowlist, r, y}, {policy.Full, y, y}, {"", r, r}} {
		p := policy.Resolved{AskFallback: row.fallback}
		if p.Unanswered(false) != row.miss || p.Unanswered(true) != row.hit {
			t.Errorf("fallback %q: %v for a miss, %v for a hit", row.fallback, p.Unanswered(false), p.Unanswered(true))
		}
	}
}

// TestResolve: what is said of the agent goes before what is said of all, before the defaults, before the settings.
func TestResolve(t *testing.T) {
	file := policy.File{
		Defaults: &policy.Rules{Security: "full", AskFallback: "allowlist"},
		Agents: map[string]policy.Agent{
			"*":    {Rules: policy.Rules{Ask: "always"}},
			"main": {Rules: policy.Rules{Security: "allowlist", Ask: "off"}},
			"odd":  {Rules: policy.Rules{Security: "Full", Ask: "never", AskFallback: "yes"}},
		},
	}
	executes, sends := []wit.Effect{wit.EffectExecutes}, []wit.Effect{wit.EffectReads, wit.EffectSends}
	for name, tt := range map[string]struct {
		file    policy.File
		agent   string
		approve []wit.Effect
		effects []wit.Effect
		want    string
	}{
		"nothing said, sends":           {policy.File{}, "main", nil, sends, "full off deny"},
		"nothing said, executes":        {policy.File{}, "main", nil, executes, "allowlist on-miss deny"},
		"the owner asks for nothing":    {policy.File{}, "main", []wit.Effect{}, executes, "full off deny"},
		"the owner asks for sends":      {policy.File{}, "main", sends, sends, "allowlist on-miss deny"},
		"the agent's own":               {file, "main", nil, sends, "allowlist off allowlist"},
		"every agent's, defaults":       {file, "other", nil, executes, "full always allowlist"},
		"words that there are not":      {file, "odd", nil, sends, "deny always deny"},
		"the settings bound the file":   {file, "main", sends, sends, "allowlist on-miss allowlist"},
		"they only make it stricter":    {file, "other", sends, sends, "allowlist always allowlist"},
		"of other effects they are not": {file, "main", sends, executes, "allowlist off allowlist"},
	} {
		got := tt.file.Resolve(tt.agent, policy.Settings{Approve: tt.approve}, tt.effects)
		if s := fmt.Sprint(got.Security, " ", got.Ask, " ", got.AskFallback); s != tt.want {
			t.Errorf("%s: %s, want %s", name, s, tt.want)
		}
	}
}

func TestMatch(t *testing.T) {
	run := func(command string) policy.Subject {
		args := wit.JSON(fmt.Sprintf(`{"command":%q}`, command))
		return policy.Subject{Tool: "run", Args: args, Effects: []wit.Effect{wit.EffectExecutes}, Executables: policy.Executables(policy.CommandOf(args))}
	}
	mail := policy.Subject{Tool: "mail", Args: wit.JSON(`{"to":"Bob"}`), Effects: []wit.Effect{wit.EffectSends}}
	for _, tt := range []struct {
		pattern string
		subject policy.Subject
		want    bool
	}{
		{"/usr/bin/rg", run("/usr/bin/rg x"), true},
		{"/usr/bin/*", run("/usr/bin/rg x"), true},
		{"/usr/*", run("/usr/bin/rg x"), false},
		{"/usr/**", run("/usr/bin/rg x"), true},
		{"/usr/bin/r?", run("/usr/bin/rg x"), true},
		{"/usr?bin/rg", run("/usr/bin/rg x"), false},
		{"~/Projects/**/bin/rg", run("/home/ada/Projects/a/b/bin/rg x"), true},
		{"~/Projects/**", run("/home/ada/Projects/../.ssh/x"), false},
		{"/usr/**", run("/usr/../tmp/evil"), false},
		{"/usr/bin/*", run("/usr/bin/rg x | /usr/bin/wc"), true},
		{"/usr/bin/rg", run("/usr/bin/rg x | /usr/bin/wc"), false},
		{"/usr/bin/**", run("/usr/bin/rg x; rm -r ."), false},
		{"/usr/bin/**", run("/usr/bin/rg $(rm -r .)"), false},
		{"/usr/bin/**", run("/usr/bin/rg \"`rm -r .`\""), false},
		{"/usr/bin/**", run("/usr/bin/rg \"$(rm -r .)\""), false},
		{"/usr/bin/**", run("/usr/bin/rg '$(rm -r .)'"), true},
		{"/usr/bin/**", run("/usr/bin/rg x > /etc/passwd"), false},
		{"/usr/bin/**", run("/usr/bin/rg x && rm y"), false},
		{"/usr/bin/**", run("/usr/bin/rg x\nrm y"), false},
		{"/usr/bin/**", run("PATH=/tmp /usr/bin/rg x"), false},
		{"/usr/bin/**", run("/usr/bin/rg 'x"), false},
		{"/usr/bin/**", run("/usr/bin/rg || rm y"), false},
		{"**", run("rg x"), false},
		{"rg", run("rg x"), false},
		{"run", run("rg x"), false},
		{"tool:run", run("rg x"), true},
		{"tool:r*", run("rg x"), true},
		{"tool:mail", mail, true},
		{"tool:mai", mail, false},
		{"mail", mail, false},
		{"/mail", mail, false},
		{`tool=mail {"to":"Bob"}`, mail, true},
		{`tool=mail {"to":"*"}`, mail, false},
		{`tool=mail`, mail, false},
		{"", mail, false},
	} {
		file, _ := policy.File{}.Add("main", policy.Entry{Pattern: tt.pattern})
		if _, _, got := file.Match("main", "/home/ada", tt.subject); got != tt.want {
			t.Errorf("%q has %s %v: %v", tt.pattern, tt.subject.Args, tt.subject.Executables, got)
		}
		if _, _, got := file.Match("other", "/home/ada", tt.subject); got {
			t.Errorf("%q is another agent's", tt.pattern)
		}
	}
	narrow, _ := policy.File{}.Add("*", policy.Entry{Pattern: "tool:mail", ArgPattern: "^Bob$"})
	if _, _, got := narrow.Match("main", "", mail); got {
		t.Error("an entry is taken for more than it says")
	}
}

// TestCommandOf: what may change what is run besides the command, is no command that a path can stand for.
func TestCommandOf(t *testing.T) {
	for args, want := range map[string]string{
		`{"command":"rg x","cwd":"/"}`:         "rg x",
		`{"command":"rg","env":{"A":"b"}}`:     "",
		`{"command":"rg","command":"rm"}`:      "",
		`{"command":"rg","Command":"rm"}`:      "",
		`{"command":["rg"]}`:                   "",
		`["command","rg"]`:                     "",
		`{"command":`:                          "",
		``:                                     "",
		`{"command":"rg","cwd":{"command":1}}`: "rg",
	} {
		if got := policy.CommandOf(wit.JSON(args)); got != want {
			t.Errorf("%s: %q", args, got)
		}
	}
}

// TestRemember: what is remembered has what was shown, and nothing that may do more harm.
func TestRemember(t *testing.T) {
	long := wit.JSON(`{"a":"` + strings.Repeat("x", 2000) + `"}`)
	for name, tt := range map[string]struct {
		tool          string
		effect        wit.Effect
		args, another wit.JSON
		want          string // "" does not say
		anotherToo    bool
	}{
		"sends":              {"mail", wit.EffectSends, wit.JSON(`{"to":"Bob"}`), wit.JSON(`{"to":"Eve"}`), "tool:mail", true},
		"executes":           {"run", wit.EffectExecutes, wit.JSON(`{ "command":"rm *"}`), wit.JSON(`{"command":"rm x"}`), `tool=run {"command":"rm *"}`, false},
		"executes at length": {"run", wit.EffectExecutes, long, wit.JSON(`{"a":"x"}`), "", false},
		"spends":             {"pay", wit.EffectSpends, wit.JSON(`{"sum":1}`), wit.JSON(`{"sum":100}`), `tool=pay {"sum":1}`, false},
		"a secret":           {"run", wit.EffectExecutes, wit.JSON(`{"key":"hunter2"}`), wit.JSON(`{"key":"hunter3"}`), "", false},
	} {
		of := func(args wit.JSON) policy.Subject {
			return policy.Subject{Tool: tt.tool, Args: args, Effects: []wit.Effect{tt.effect}}
		}
		pattern := of(tt.args).Remember(func(s string) bool { return strings.Contains(s, "hunter2") })
		if pattern == "" || len(pattern) > 600 || tt.want != "" && pattern != tt.want || strings.Contains(pattern, "hunter2") {
			t.Errorf("%s: %q", name, pattern)
		}
		file, _ := policy.File{}.Add("main", policy.Entry{Pattern: pattern})
		_, _, same := file.Match("main", "", of(tt.args))
		if _, _, more := file.Match("main", "", of(tt.another)); !same || more != tt.anotherToo {
			t.Errorf("%s: %q has the call: %v, another: %v", name, pattern, same, more)
		}
	}
	command := policy.Subject{Executables: []string{"/usr/bin/rg"}}
	if got := command.Remember(never); got != "/usr/bin/rg" {
		t.Errorf("a command: %q", got)
	}
	for _, unknown := range [][]string{nil, {"rg"}, {"/a", "/b"}, {"/a*"}} {
		if got := (policy.Subject{Executables: unknown}).Remember(never); got != "" {
			t.Errorf("%v: %q", unknown, got)
		}
	}
}

func TestNormal(t *testing.T) {
	f, err := policy.File{Agents: map[string]policy.Agent{"main": {Allowlist: []policy.Entry{{Pattern: " /a "}, {Pattern: " "}, {ID: "x", Pattern: "/b"}}}}}.Normal()
	list := f.Agents["main"].Allowlist
	if err != nil || len(list) != 2 || list[0].Pattern != "/a" || list[0].ID == "" || list[1].ID != "x" || f.Version != 1 {
		t.Errorf("%+v, %v", f, err)
	}
	if again, _ := f.Normal(); again.Hash() != f.Hash() {
		t.Error("a file that is in order changes")
	}
	for _, bad := range []policy.Rules{{Security: "open"}, {Ask: "sometimes"}, {AskFallback: "off"}} {
		for _, f := range []policy.File{{Defaults: &bad}, {Agents: map[string]policy.Agent{"a": {Rules: bad}}}} {
			if _, err := f.Normal(); wit.CodeOf(err) != wit.CodeInvalid {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	}
	kept := policy.File{Socket: &policy.Socket{Path: "/s", Token: "secret"}}
	if shown := kept.Shown(); shown.Socket.Token != "" || kept.Socket.Token != "secret" {
		t.Errorf("%+v", shown.Socket)
	}
	for effects, gated := range map[wit.Effect]bool{wit.EffectReads: false, wit.EffectWrites: true, wit.EffectSpends: true, wit.EffectSends: true, wit.EffectExecutes: true} {
		if policy.Gated([]wit.Effect{wit.EffectReads, effects}) != gated {
			t.Errorf("%s", effects)
		}
	}
	if policy.Gated(nil) || !slices.Equal(policy.Executables("/a b|/c"), []string{"/a", "/c"}) {
		t.Error("nothing declared is asked about, or a pipeline is not read")
	}
}
