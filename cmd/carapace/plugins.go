package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// provided names what a plugin is in one word each.
func provided(p wit.Provided) []string {
	var words []string
	if p.Channel != "" {
		words = append(words, "channel")
	}
	if p.Provider != "" {
		words = append(words, "provider")
	}
	for _, t := range p.Tools {
		words = append(words, "tool:"+t)
	}
	for _, h := range p.Hooks {
		words = append(words, "hook:"+h)
	}
	return words
}

// why is the reason of a failure, or of an update that does not run.
func why(p plugin.Status) string {
	if p.Update != nil {
		return strings.TrimSpace(p.Reason + " the update " + p.Update.Version + " does not run: " + p.Update.Reason)
	}
	return p.Reason
}

// hint says what to do about it.
func hint(p plugin.Status) string {
	if p.Update != nil {
		return p.Update.Hint
	}
	return p.Hint
}

func newPlugins(o *options) *cobra.Command {
	c := &cobra.Command{Use: "plugins", Short: "Look after plugins", Args: cobra.NoArgs}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the plugins", Example: "  carapace plugins list\n  carapace plugins list --json", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return o.listPlugins(c) },
		}),
		o.client(&cobra.Command{
			Use: "info PLUGIN", Short: "Show one plugin: what it is, what it may do, how it is", Example: "  carapace plugins info telegram", Args: cobra.ExactArgs(1),
			RunE: func(c *cobra.Command, args []string) error { return o.pluginInfo(c, args[0]) },
		}),
		o.client(&cobra.Command{
			Use: "grant PLUGIN", Short: "Grant the permissions that an update of a plugin asks for", Example: "  carapace plugins grant weather", Args: cobra.ExactArgs(1),
			RunE: func(c *cobra.Command, args []string) error {
				return o.do(c, "plugins.grant", plugin.IDParams{ID: args[0]}, "granted")
			},
		}),
		o.enabling("enable", "Turn a plugin on", true),
		o.enabling("disable", "Turn a plugin off", false),
	)
	return c
}

func (o *options) enabling(use, short string, on bool) *cobra.Command {
	return o.client(&cobra.Command{
		Use: use + " PLUGIN", Short: short, Example: "  carapace plugins " + use + " redact", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return o.do(c, "plugins.configure", system.Setup{ID: args[0], Enabled: &on}, use+"d")
		},
	})
}

// do makes a call whose answer is only interesting to programs.
func (o *options) do(c *cobra.Command, method string, params any, done string) error {
	var raw json.RawMessage
	if err := o.call(c.Context(), method, params, &raw); err != nil {
		return err
	}
	if o.json {
		return o.printJSON(raw)
	}
	fmt.Fprintln(o.out, done)
	return nil
}

func (o *options) listPlugins(c *cobra.Command) error {
	var raw json.RawMessage
	if err := o.call(c.Context(), "plugins.status", nil, &raw); err != nil || o.json {
		return firstError(err, func() error { return o.printJSON(raw) })
	}
	var list plugin.StatusResult
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	var rows [][]string
	for _, p := range list.Plugins {
		rows = append(rows, []string{p.ID, p.Version, string(p.State), strings.Join(provided(p.Provides), ","), p.Path, why(p)})
	}
	return table(o.out, "PLUGIN VERSION STATE PROVIDES PATH REASON", rows)
}

func (o *options) pluginInfo(c *cobra.Command, id string) error {
	var raw json.RawMessage
	if err := o.call(c.Context(), "plugins.info", plugin.IDParams{ID: id}, &raw); err != nil || o.json {
		return firstError(err, func() error { return o.printJSON(raw) })
	}
	var p plugin.Details
	if err := json.Unmarshal(raw, &p); err != nil {
		return fmt.Errorf("read the plugin: %w", err)
	}
	fmt.Fprintf(o.out, "%s %s (%s)\n%s\n\nstate     %s\n", p.Name, p.Version, p.ID, p.Description, p.State)
	for _, line := range [][2]string{{"reason", why(p.Status)}, {"hint", hint(p.Status)}, {"path", p.Path}, {"provides", strings.Join(provided(p.Provides), ", ")}} {
		if line[1] != "" {
			fmt.Fprintf(o.out, "%-9s %s\n", line[0], line[1])
		}
	}
	for i, perm := range p.Permissions {
		if i == 0 {
			fmt.Fprintln(o.out, "\npermissions")
		}
		mark := "granted"
		if !perm.Granted {
			mark = "NOT GRANTED"
		}
		fmt.Fprintf(o.out, "  %s (%s): %s\n", perm.Name, mark, perm.Reason)
		for _, line := range perm.Detail {
			fmt.Fprintf(o.out, "    %s\n", line)
		}
	}
	return nil
}
