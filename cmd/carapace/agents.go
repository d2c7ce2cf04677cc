package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/roster"
	"github.com/carapace-gateway/carapace/wit"
)

// newAgents looks after who answers.
func newAgents(o *options) *cobra.Command {
	c := &cobra.Command{
		Use: "agents", Short: "Look after who answers: one assistant or several", Args: known, RunE: help,
		Example: "  carapace agents list\n  carapace agents add Ops --model openai/gpt-6.2-sol\n  carapace agents bind ops telegram/work",
	}
	agent := func(args []string) any { return roster.FilesParams{AgentID: args[0]} }
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the agents, and where they answer", Example: "  carapace agents list", Args: takes(),
			RunE: o.listAgents,
		}),
		newAgentAdd(o), newAgentSet(o), newAgentRemove(o), newBind(o), newUnbind(o),
		o.client(&cobra.Command{
			Use: "files AGENT", Short: "List the texts that an agent has in its prompt", Example: "  carapace agents files main", Args: takes("AGENT"),
			RunE: show(o, "agents.files.list", agent, printAgentFiles),
		}),
		newAgentFile(o),
	)
	return c
}

func newAgentAdd(o *options) *cobra.Command {
	var p roster.CreateParams
	c := o.client(&cobra.Command{
		Use: "add NAME", Short: "Add an agent", Args: takes("NAME"), Example: "  carapace agents add Ops --model openai/gpt-6.2-sol --emoji 🛠",
		RunE: func(c *cobra.Command, args []string) error {
			p.Name = args[0]
			return show(o, "agents.create", fixed(p), func(w io.Writer, r roster.CreateResult) error {
				_, err := fmt.Fprintln(w, "added as "+r.AgentID)
				return err
			})(c, args)
		},
	})
	c.Flags().StringVar(&p.Model, "model", "", "provider/model; when left out, that of all agents")
	c.Flags().StringVar(&p.Emoji, "emoji", "", "what apps show beside its name")
	c.Flags().StringVar(&p.Avatar, "avatar", "", "the address of a picture")
	return c
}

// newAgentSet changes what it has flags for.
func newAgentSet(o *options) *cobra.Command {
	c := o.client(&cobra.Command{
		Use: "set AGENT", Short: "Change an agent", Args: takes("AGENT"),
		Example: "  carapace agents set ops --model anthropic/claude-opus-5-5 --tools 'calendar*,weather'\n  carapace agents set ops --default",
	})
	f := c.Flags()
	texts := map[string]*string{}
	for _, flag := range [][2]string{
		{"name", "how it is called"}, {"model", "provider/model; empty is that of all agents"}, {"emoji", "what apps show beside its name"},
		{"avatar", "the address of a picture"}, {"theme", "its manner in a few words"}, {"prompt", "what the model is told first; empty is that of all agents"},
		{"thinking", "how long the model thinks: off, low, high, …"},
	} {
		texts[flag[0]] = f.String(flag[0], "", flag[1])
	}
	allow := f.StringSlice("tools", nil, "the only tools that it may use, with * for any letters; all is all of them, and none none")
	deny := f.StringSlice("deny", nil, "tools that it may not use; none forbids none")
	main := f.Bool("default", false, "let it answer where nothing else is said")
	c.RunE = func(c *cobra.Command, args []string) error {
		p := roster.UpdateParams{AgentID: args[0], Default: *main}
		given := func(flag string) *string {
			if !f.Changed(flag) {
				return nil
			}
			return texts[flag]
		}
		p.Name, p.Emoji, p.Avatar, p.Theme = given("name"), given("emoji"), given("avatar"), given("theme")
		p.Model, p.SystemPrompt, p.ThinkingDefault = orNull(given("model")), orNull(given("prompt")), orNull(given("thinking"))
		tools := map[string]any{}
		if f.Changed("tools") {
			tools["allow"] = rules(*allow)
		}
		if f.Changed("deny") {
			tools["deny"] = rules(*deny)
		}
		if len(tools) > 0 {
			p.Tools, _ = json.Marshal(tools) // lists of texts have JSON
		}
		return act(o, "agents.update", fixed(p), "changed")(c, args)
	}
	return c
}

// orNull is a text as JSON, null for an empty one, and nothing for none.
func orNull(text *string) json.RawMessage {
	if text == nil {
		return nil
	}
	if *text == "" {
		return json.RawMessage("null")
	}
	b, _ := json.Marshal(*text) // a text has JSON
	return b
}

// rules reads names of tools: nil, for all, and an empty list, for none, have words.
func rules(names []string) []string {
	switch {
	case len(names) == 1 && names[0] == "all":
		return nil
	case len(names) == 0 || len(names) == 1 && names[0] == "none":
		return []string{}
	}
	return names
}

func newAgentRemove(o *options) *cobra.Command {
	keep := false
	c := o.client(&cobra.Command{
		Use: "remove AGENT", Short: "Remove an agent, with its bindings; what it said stays readable", Args: takes("AGENT"), Example: "  carapace agents remove ops",
		RunE: func(c *cobra.Command, args []string) error {
			p := roster.DeleteParams{AgentID: args[0]}
			if keep {
				p.DeleteFiles = new(bool)
			}
			return act(o, "agents.delete", fixed(p), "removed")(c, args)
		},
	})
	c.Flags().BoolVar(&keep, "keep-files", false, "keep its texts for an agent of the same name")
	return c
}

// newAgentFile shows a text of an agent, or writes it.
func newAgentFile(o *options) *cobra.Command {
	from := ""
	c := o.client(&cobra.Command{
		Use: "file AGENT NAME", Short: "Show a text that an agent has in its prompt, or write it", Args: takes("AGENT", "NAME"),
		Example: "  carapace agents file main SOUL.md\n  carapace agents file main SOUL.md --from soul.md",
		RunE: func(c *cobra.Command, args []string) error {
			at := roster.FileParams{AgentID: args[0], Name: args[1]}
			if !c.Flags().Changed("from") {
				return show(o, "agents.files.get", fixed(at), printAgentFile)(c, args)
			}
			text, err := fileText(o, from)
			if err != nil {
				return err
			}
			return act(o, "agents.files.set", fixed(roster.SetFileParams{FileParams: at, Content: text}), "written")(c, args)
		},
	})
	c.Flags().StringVar(&from, "from", "", "the file to write it from, - is the input; an empty one takes the text away")
	return c
}

// mostText is more than a text of an agent may have, so that the gateway says how much that is.
const mostText = 1 << 20

func fileText(o *options, path string) (string, error) {
	in := io.Reader(o.in)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, mostText))
	return string(b), err
}

// listAgents says who there is, and by which bindings each answers.
func (o *options) listAgents(c *cobra.Command, _ []string) error {
	var list chat.AgentsListResult
	if err := o.call(c.Context(), "agents.list", nil, &list); err != nil {
		return err
	}
	_, settings, err := readBindings(c.Context(), o)
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(struct {
			chat.AgentsListResult
			Bindings []config.Binding `json:"bindings"`
		}{list, append([]config.Binding{}, settings...)})
	}
	var rows [][]string
	for _, a := range list.Agents {
		model := ""
		if a.Model != nil {
			model = a.Model.Primary
		}
		var where []string
		for _, b := range settings {
			if config.AgentID(b.AgentID) == a.ID {
				where = append(where, bindingPlace(b.Match))
			}
		}
		if a.ID == list.DefaultID {
			where = append(where, "everywhere else")
		}
		rows = append(rows, []string{a.ID, orDash(a.Name), orDash(model), orDash(strings.Join(where, ", "))})
	}
	return table(o.out, "AGENT NAME MODEL ANSWERS", rows)
}

func printAgentFiles(w io.Writer, r roster.FilesResult) error {
	var rows [][]string
	for _, f := range r.Files {
		size, changed := "-", "-"
		if !f.Missing {
			size, changed = fmt.Sprint(f.Size), ago(f.UpdatedAtMs)
		}
		rows = append(rows, []string{f.Name, size, changed})
	}
	return table(w, "FILE BYTES CHANGED", rows)
}

func printAgentFile(w io.Writer, r roster.FileResult) error {
	if r.File.Content == nil {
		return wit.Errorf(wit.CodeNotFound, "agent %s has no %s: `carapace agents file %s %s --from FILE` writes it", r.AgentID, r.File.Name, r.AgentID, r.File.Name)
	}
	_, err := fmt.Fprintln(w, strings.TrimSuffix(*r.File.Content, "\n"))
	return err
}

// readBindings reads the settings, and the bindings in them.
func readBindings(ctx context.Context, o *options) (settingsText, []config.Binding, error) {
	now, err := o.settings().read(ctx)
	if err != nil {
		return now, nil, err
	}
	d, err := config.ParseDocument([]byte(now.Raw))
	if err != nil {
		return now, nil, err
	}
	var list []config.Binding
	if text, ok := d.Get("bindings"); ok {
		err = json.Unmarshal(text, &list)
	}
	return now, list, err
}
