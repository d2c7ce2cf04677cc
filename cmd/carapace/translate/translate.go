// Package translate says in this gateway's words what a clawdbot, moltbot or OpenClaw gateway has in its settings: accounts on chat
// platforms with who may talk to them, providers of models with their keys, agents, bindings, and when conversations end.
//
// It reads files and changes nothing. What it cannot say exactly it leaves out and names, and where a translation would let in more
// people than before it is left out too. Credentials are in Setup.Secrets alone; no other text has one.
package translate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// maxFile bounds a file that is read, in bytes.
const maxFile = 4 << 20

// Plan is what another gateway's settings are here.
type Plan struct {
	// File is the settings' name, "" where there are none.
	File string
	// Setups are plugins that are to be configured, providers before accounts.
	Setups []Setup
	// Agents, Bindings and the rest of Settings are for the settings' file.
	Agents   []config.AgentEntry
	Bindings []config.Binding
	// Settings are other fields, by their path.
	Settings map[string]any
	// Left says what is not taken, and why.
	Left []string
}

// Setup is a plugin, or an account of one, that is to be configured.
type Setup struct {
	// Place is where it stands in the other settings.
	Place string
	system.Setup
	// Fields are the names of the fields that are taken.
	Fields []string
}

// names are those of the settings' files, the newest first.
func names() []string { return []string{"openclaw.json", "moltbot.json", "clawdbot.json"} }

// Read translates the settings below a state directory. environ is the environment in which the other gateway ran, as far as it is
// known. Errors: a file that is there and cannot be read.
func Read(folder string, environ func(string) (string, bool)) (*Plan, error) {
	t := &translation{folder: folder, environ: environ, plan: &Plan{Settings: map[string]any{}}, providers: map[string]string{}}
	for _, name := range names() {
		whole, err := readObject(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t.plan.File = name
		t.read(whole)
		return t.plan, nil
	}
	return t.plan, nil
}

// readObject reads a file that has one JSON5 object, with the files that it includes.
func readObject(path string) (section, error) {
	whole, err := config.Whole(path)
	if err != nil {
		return nil, err
	}
	s := section{}
	if len(whole) > 0 {
		err = json.Unmarshal(whole, &s)
	}
	return s, err
}

// translation is the work on one state directory.
type translation struct {
	folder  string
	environ func(string) (string, bool)
	env     map[string]string // what the settings themselves and the file .env say
	plan    *Plan
	// providers are the plugins by what the other gateway calls a provider.
	providers map[string]string
}

func (t *translation) left(format string, args ...any) {
	t.plan.Left = append(t.plan.Left, fmt.Sprintf(format, args...))
}

// read translates the sections; what remains of them is left.
func (t *translation) read(whole section) {
	for _, note := range []string{"meta", "wizard", "$schema"} {
		delete(whole, note) // what the other program notes for itself
	}
	t.readEnv(whole.section("env"))
	agents := whole.section("agents")
	t.readProviders(whole.section("models"), agents)
	t.readChannels(whole.section("channels"))
	t.readAgents(agents, whole)
	t.readSession(whole.section("session"))
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		t.left("%s: %s", name, elsewhere(name))
	}
}

// elsewhere says what an owner does about a section that is not taken.
func elsewhere(name string) string {
	if said, ok := map[string]string{
		"hooks": "see docs/http.md for hooks", "gateway": "this gateway has its own port and token", "tools": "see carapace approvals", "approvals": "see carapace approvals",
		"plugins": "plugins of other gateways do not run here", "skills": "skills are plugins here", "messages": "see docs/voice.md for speech, docs/channels.md for the rest",
		"cron": "jobs are taken, other settings of theirs not", "mcp": "see carapace mcp add",
	}[name]; ok {
		return said
	}
	return "nothing here is like it"
}

// readEnv takes the variables that the settings have, and those of the file .env beside them.
func (t *translation) readEnv(env section) {
	t.env = map[string]string{}
	text, err := file.Read(filepath.Join(t.folder, ".env"), maxFile)
	if err == nil {
		for line := range strings.Lines(string(text)) {
			name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
			if ok && !strings.HasPrefix(name, "#") {
				t.env[strings.TrimSpace(name)] = strings.Trim(strings.TrimSpace(value), `"'`)
			}
		}
	}
	vars := env.section("vars")
	delete(env, "shellEnv")
	for _, from := range []section{env, vars} {
		for name, raw := range from {
			var value string
			if json.Unmarshal(raw, &value) == nil {
				t.env[name] = value
			}
		}
	}
}

// lookup finds a variable.
func (t *translation) lookup(name string) (string, bool) {
	if value, ok := t.env[name]; ok {
		return value, value != ""
	}
	value, ok := t.environ(name)
	return value, ok && value != ""
}
