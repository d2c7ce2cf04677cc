package config_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/config"
)

// TestAgentsRefused: what a file says of agents that cannot be is refused with its place and what may be.
func TestAgentsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"agents":{"list":[{"id":"a b"}]}}`:                                                                              "agents.list.0: an agent's id is",
		`{"agents":{"list":[{}]}}`:                                                                                        "agents.list.0: an agent's id is",
		`{"agents":{"list":[{"id":"a"},{"id":"A"}]}}`:                                                                     "there are two agents a",
		`{"agents":{"list":[{"id":"a","default":true},{"id":"b","default":true}]}}`:                                       "a and b are both the default",
		`{"agents":{"list":[{"id":"a","model":"gpt"}]}}`:                                                                  `agents.list.0.model: "gpt" must be provider/model, or an alias`,
		`{"agents":{"list":[{"id":"a","model":{"primary":"x/y","backups":["z/z"]}}]}}`:                                    `agents.list.model has no field "backups": there are primary, fallbacks`,
		`{"agents":{"list":[{"id":"a","model":{"primary":"x/y","fallbacks":["z"]}}]}}`:                                    `agents.list.0.model.fallbacks.0: "z" must be provider/model`,
		`{"agents":{"list":[{"id":"a","model":7}]}}`:                                                                      "must be a text or an object, not a number",
		`{"agents":{"list":[{"id":"a","thinkingDefault":"much"}]}}`:                                                       `"much" must be one of off, minimal`,
		`{"agents":{"list":[{"id":"a","tools":{"deny":["group:fs"]}}]}}`:                                                  "there are no groups of tools",
		`{"agents":{"list":[{"id":"a","heartbeat":{"every":"1s"}}]}}`:                                                     "agents.list.0.heartbeat.every: ",
		`{"agents":{"list":[{"id":"a","sandbox":{}}]}}`:                                                                   `agents.list has no field "sandbox"`,
		`{"bindings":[{"agentId":"b","match":{"channel":"chat"}}]}`:                                                       `there is no agent "b": there are main`,
		`{"agents":{"list":[{"id":"a"}]},"bindings":[{"agentId":"main","match":{"channel":"chat"}}]}`:                     `there is no agent "main": there are a`,
		`{"bindings":[{"agentId":"main","match":{}}]}`:                                                                    "is no id of a channel",
		`{"bindings":[{"agentId":"main","match":{"channel":"chat","peer":{"id":"7"}}}]}`:                                  "an id stands beside its kind",
		`{"bindings":[{"agentId":"main","match":{"channel":"chat","peer":{"kind":"dog"}}}]}`:                              "must be one of direct, dm",
		`{"bindings":[{"agentId":"main","match":{"channel":"chat","guildId":"7"}}]}`:                                      "bind its conversations by peer",
		`{"bindings":[{"agentId":"main","match":{"channel":"chat","accountId":"A B"}}]}`:                                  "is no account's name",
		`{"hooks":{"token":"a-token-for-hooks","mappings":[{"messageTemplate":"x","agentId":"b"}]}}`:                      `hooks.mappings.0.agentId: there is no agent "b"`,
		`{"bindings":[` + strings.Repeat(`{"agentId":"main","match":{"channel":"chat"}},`, 1024) + `{"agentId":"main"}]}`: "there may be 1024",
	} {
		if _, err := config.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200s: %v, want %q", text, err, want)
		}
	}
}

// TestDefaultAgent is the one that says so, or the first, or main.
func TestDefaultAgent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`: "main", `{"agents":{"list":[]}}`: "main", `{"agents":{"list":[{"id":"Ops"},{"id":"main"}]}}`: "ops",
		`{"agents":{"list":[{"id":"ops"},{"id":"Main","default":true}]}}`: "main",
	} {
		c, err := config.Parse([]byte(text))
		if err != nil || c.DefaultAgent() != want {
			t.Errorf("%s: %v %v", text, c, err)
		}
	}
}

// TestEditsOfAgents change what they are for, and leave all else as it was written.
func TestEditsOfAgents(t *testing.T) {
	t.Parallel()
	edit := func(text string, change config.Change) (string, error) {
		d, err := config.ParseDocument([]byte(text))
		if err == nil {
			err = change(d)
		}
		return strings.Join(strings.Fields(string(d.Text())), ""), err
	}
	drop := func(d *config.Document) error { _, err := d.DropAgent("OPS"); return err }
	for _, c := range []struct {
		text       string
		change     config.Change
		want, says string
	}{
		{`{}`, func(d *config.Document) error { return d.AddAgent(config.AgentEntry{ID: "ops"}) }, `{"agents":{"list":[{"id":"main"},{"id":"ops"}]}}`, ""},
		{`{}`, func(d *config.Document) error { return d.AddAgent(config.AgentEntry{ID: "main"}) }, "", "already exists"},
		{`{"agents":{"list":[{"id":"Ops","workspace":"w","tools":{"deny":["x"]}}]}}`, func(d *config.Document) error { return d.PatchAgent("ops", []byte(`{"tools":null,"name":"O"}`)) },
			`{"agents":{"list":[{"id":"Ops","workspace":"w","name":"O"}]}}`, ""},
		{`{}`, func(d *config.Document) error { return d.PatchAgent("ops", []byte(`{}`)) }, "", "not found"},
		{`{"agents":{"list":[{"id":"a"},{"id":"ops"}]},"bindings":[{"agentId":"Ops","match":{"channel":"c"}},{"agentId":"a","match":{"channel":"c"}}]}`, drop,
			`{"agents":{"list":[{"id":"a"}]},"bindings":[{"agentId":"a","match":{"channel":"c"}}]}`, ""},
		{`{"agents":{"list":[{"id":"ops"},{"id":"a"}]}}`, drop, "", "make another one the default first"},
		{`{"agents":{"list":[{"id":"ops","default":true},{"id":"a"}]}}`, func(d *config.Document) error { return d.DefaultTo("a") },
			`{"agents":{"list":[{"id":"ops"},{"id":"a","default":true}]}}`, ""},
	} {
		got, err := edit(c.text, c.change)
		if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) || c.says == "" && (err != nil || got != c.want) {
			t.Errorf("%s: %s %v", c.text, got, err)
		}
	}
}
