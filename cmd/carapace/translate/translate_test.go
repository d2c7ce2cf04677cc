package translate_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/translate"
)

// read translates settings and other files; a word that begins with quiet is a credential.
func read(t *testing.T, settings string, files map[string]string) *translate.Plan {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "clawdbot.json"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	plan, err := translate.Read(dir, func(name string) (string, bool) { return "quiet-environ", name == "OUTSIDE" })
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.Join(plan.Left, "\n")
	for _, s := range plan.Setups {
		shown += s.Place + string(s.Config) + strings.Join(s.Fields, " ")
	}
	if strings.Contains(shown, "quiet") {
		t.Errorf("a credential stands where it does not belong: %s", shown)
	}
	return plan
}

// lines are the setups, a line each, with the names and values of their credentials.
func lines(p *translate.Plan) (all []string) {
	for _, s := range p.Setups {
		line := fmt.Sprint(s.ID, "/", s.Account, " ", *s.Enabled, " ", s.Secrets, " ", string(s.Config))
		if s.Access != nil {
			access, _ := json.Marshal(s.Access)
			line += " " + string(access)
		}
		all = append(all, line)
	}
	return all
}

// TestTranslation holds each kind of setting against what it is here, and what is not taken against its reason.
func TestTranslation(t *testing.T) {
	for name, c := range map[string]struct {
		settings string
		files    map[string]string
		want     []string
		left     []string
	}{
		"accounts over what holds for all": {
			settings: `{channels: {telegram: {dmPolicy: "open", allowFrom: ["*"], streamMode: "off", accounts: {
				Home: {botToken: "quiet-1"}, work: {botToken: "${OUTSIDE}", dmPolicy: "allowlist", allowFrom: [4711, "@ann"], enabled: false}}}}}`,
			want: []string{
				`telegram/home true map[botToken:quiet-1]  {"dmPolicy":"open","allowFrom":["*"]}`,
				`telegram/work false map[botToken:quiet-environ]  {"dmPolicy":"allowlist","allowFrom":["4711","@ann"]}`,
			},
			left: []string{"channels.telegram.accounts.Home: nothing here is like streamMode"},
		},
		"the older form of who may talk, and who was paired": {
			settings: `{channels: {discord: {token: "quiet-1", dm: {policy: "pairing", allowFrom: ["1"], groupEnabled: true}, guilds: {}}}}`,
			files:    map[string]string{"credentials/discord-allowFrom.json": `{"version":1,"allowFrom":["22","*"]}`},
			want:     []string{`discord/default true map[botToken:quiet-1]  {"dmPolicy":"pairing","allowFrom":["1","22"]}`},
			left:     []string{"channels.discord.dm: nothing here is like groupEnabled", "channels.discord: nothing here is like guilds"},
		},
		"groups in which only some might speak stay closed": {
			settings: `{channels: {telegram: {botToken: "quiet-1", groupPolicy: "allowlist", allowFrom: ["1"], groups: {"-100": {requireMention: false}}},
				slack: {botToken: "quiet-2", appToken: "quiet-3", mode: "http", groupPolicy: "allowlist", groupAllowFrom: ["*"], groups: {C1: {requireMention: false}}}}}`,
			want: []string{
				`slack/default true map[appToken:quiet-3 botToken:quiet-2] {"mode":"events"} {"groupPolicy":"allowlist","groups":["C1"],"requireMention":false}`,
				`telegram/default true map[botToken:quiet-1]  {"allowFrom":["1"]}`,
			},
			left: []string{"channels.telegram.groups: they stay closed"},
		},
		"nobody may write directly": {
			settings: `{channels: {matrix: {homeserver: "https://m.example.org", accessToken: "quiet-1", dm: {enabled: false}}}}`,
			want:     []string{`matrix/default true map[accessToken:quiet-1] {"homeserver":"https://m.example.org"} {"dmPolicy":"disabled"}`},
		},
		"a credential that cannot be had": {
			settings: `{channels: {telegram: {botToken: "${MISSING}"}, discord: {token: {source: "exec", provider: "vault", id: "x"}}, whatsapp: {}, imessage: {}}}`,
			left: []string{
				"channels.telegram.botToken: the variable MISSING is not set here", "channels.telegram: it has no botToken",
				`channels.discord.token: it is kept outside the settings, by "exec"`, "channels.whatsapp: a linked phone", "channels.imessage: no plugin",
			},
		},
		"providers, the one that answers first": {
			settings: `{env: {vars: {LOCAL_KEY: "quiet-2"}, ANTHROPIC_API_KEY: "quiet-1"}, models: {providers: {
				box: {baseUrl: "http://127.0.0.1:9/v1", apiKey: "${LOCAL_KEY}", api: "openai-completions", models: []}, openai: {baseUrl: "https://api.openai.com/v1", apiKey: "quiet-3"}}},
				agents: {defaults: {model: {primary: "box/big", fallbacks: ["anthropic/claude", "openai/o9"]}}}}`,
			want: []string{
				`openai/ true map[api_key:quiet-2] {"baseUrl":"http://127.0.0.1:9/v1","model":"big"}`,
				`anthropic/ true map[api_key:quiet-1] {}`,
			},
			left: []string{"models.providers.openai: the plugin openai is taken for box already", "agents.defaults.model: openai/o9 is of no provider that is taken"},
		},
		"keys of a sign-in": {
			settings: `{}`,
			files: map[string]string{"agents/main/agent/auth-profiles.json": `{"version":1,"profiles":{"anthropic:default":{"type":"token","provider":"anthropic","token":"quiet-1"},
				"google:default":{"type":"api_key","provider":"google","key":"quiet-2"},"openai-codex:me":{"type":"oauth","provider":"openai-codex","access":"quiet-3"}}}`, ".env": "# theirs\nexport GROQ_API_KEY='quiet-4'\n"},
			want: []string{`anthropic/ true map[auth_token:quiet-1] {}`, `gemini/ true map[api_key:quiet-2] {}`, `openai/ true map[api_key:quiet-4] {"preset":"groq"}`},
			left: []string{"agents.main.openai-codex:me: a sign-in of the kind oauth has no like here"},
		},
		"sign-ins of several agents, the main one's first": {
			settings: `{}`,
			files: map[string]string{"agents/abe/agent/auth-profiles.json": `{"profiles":{"a":{"type":"api_key","provider":"anthropic","key":"quiet-1"},"g":{"type":"api_key","provider":"google","key":"quiet-2"}}}`,
				"agents/main/agent/auth-profiles.json": `{"profiles":{"a":{"type":"api_key","provider":"anthropic","key":"quiet-3"}}}`, "agents/odd/agent/auth-profiles.json": `{`},
			want: []string{`anthropic/ true map[api_key:quiet-3] {}`, `gemini/ true map[api_key:quiet-2] {}`},
			left: []string{"agents.abe.a: anthropic has a key already", "agents.odd: "},
		},
		"files that are included": {
			settings: `{$include: ["base.json5", "./more/keys.json"], env: {B: "quiet-2"}, models: {providers: {box: {api: "openai-completions"}}}}`,
			files: map[string]string{"base.json5": `{models: {providers: {box: {baseUrl: "http://127.0.0.1:9/v1", api: "anthropic-messages"}}}}`,
				"more/keys.json": `{models: {$include: "deeper.json"}}`, "more/deeper.json": `{providers: {box: {apiKey: "${B}"}}}`},
			want: []string{`openai/ true map[api_key:quiet-2] {"baseUrl":"http://127.0.0.1:9/v1"}`},
		},
		"the rest": {
			settings: `{gateway: {auth: {token: "quiet-1"}}, hooks: {token: "quiet-2"}, browser: {}, session: {dmScope: "per-peer", store: "x"}}`,
			left:     []string{"gateway: this gateway has its own", "hooks: see docs/http.md", "browser: nothing here is like it", "session: nothing here is like store"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan := read(t, c.settings, c.files)
			if got := lines(plan); !slices.Equal(got, c.want) {
				t.Errorf("taken:\n%s", strings.Join(got, "\n"))
			}
			for _, want := range c.left {
				if !slices.ContainsFunc(plan.Left, func(said string) bool { return strings.HasPrefix(said, want) }) {
					t.Errorf("%q is missing in\n%s", want, strings.Join(plan.Left, "\n"))
				}
			}
			if len(c.left) == 0 && len(plan.Left) > 0 {
				t.Errorf("left: %q", plan.Left)
			}
		})
	}
}

// TestAgents: agents as a list and as an object, and bindings; one that would hold for more than it did is not taken.
func TestAgents(t *testing.T) {
	plan := read(t, `{
		env: {OPENAI_API_KEY: "quiet-1"}, agents: {list: [{id: "Main", default: true, workspace: "/x", identity: {emoji: "x"}}, {id: "work", name: "W", model: "openai/o9", tools: {}}],
			entries: {home: {name: "H"}}},
		bindings: [{agentId: "work", match: {channel: "discord", accountId: "A"}}, {agentId: "home", match: {channel: "discord", guildId: "1"}}, {agentId: "home", match: {channel: "fax"}}]}`, nil)
	var got []string
	for _, a := range plan.Agents {
		got = append(got, fmt.Sprint(a.ID, " ", a.Name, " ", a.Default, " ", a.Model.Primary))
	}
	if want := []string{"main  true ", "work W false openai/o9", "home H false "}; !slices.Equal(got, want) {
		t.Errorf("agents %q", got)
	}
	if len(plan.Bindings) != 1 || plan.Bindings[0].Match.Channel != "discord" || plan.Bindings[0].Match.AccountID != "a" {
		t.Errorf("bindings %+v", plan.Bindings)
	}
	want := []string{"agents.work: nothing here is like tools", "bindings of home: nothing here is like guildId", "bindings of home: fax is not taken"}
	if !slices.Equal(plan.Left, want) {
		t.Errorf("left %q", plan.Left)
	}
}

// TestDamage: a file that cannot be read is said, and odd values are left out.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	if plan, err := translate.Read(dir, os.LookupEnv); err != nil || plan.File != "" || len(plan.Left) > 0 {
		t.Errorf("nothing there: %+v, %v", plan, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "openclaw.json"), []byte(`{channels: [`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := translate.Read(dir, os.LookupEnv); err == nil || !strings.Contains(err.Error(), "openclaw.json") {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "openclaw.json"), []byte(`{$include: "../outside.json"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := translate.Read(dir, os.LookupEnv); err == nil || !strings.Contains(err.Error(), "outside of the folder") {
		t.Errorf("%v", err)
	}
	for _, odd := range []string{
		`{channels: {telegram: 5, discord: {token: 7}, slack: {accounts: {a: null}}}}`, `{models: {providers: {a: null}}}`, `{agents: {list: [{}, 3]}}`,
		`{agents: {list: [{}]}, bindings: 4, session: []}`, `{agents: {defaults: {model: 3}}, env: 4}`,
	} {
		read(t, odd, map[string]string{"agents/main/agent/auth-profiles.json": `{"profiles":{"x":4,"y":{"type":"api_key"}}}`})
	}
}
