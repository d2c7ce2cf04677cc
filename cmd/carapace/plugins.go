package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// newPlugins looks after what is installed, and helps those who write plugins.
func newPlugins(o *options) *cobra.Command {
	c := &cobra.Command{Use: "plugins", Aliases: []string{"plugin"}, Short: "Look after plugins", Args: known, RunE: help}
	id := func(args []string) any { return plugin.IDParams{ID: args[0]} }
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the plugins", Example: "  carapace plugins list\n  carapace plugins list --json", Args: takes(),
			RunE: show(o, "plugins.status", fixed(nil), printPlugins),
		}),
		o.client(&cobra.Command{
			Use: "info PLUGIN", Short: "Show one plugin: what it is, what it may do, how it is", Example: "  carapace plugins info telegram", Args: takes("PLUGIN"),
			ValidArgsFunction: o.complete(pluginIDs),
			RunE:              aPlugin.of(show(o, "plugins.info", id, printPlugin)),
		}),
		newInstall(o), newUpdate(o), newRollback(o), newRemove(o),
		newSearch(o),
		newPublish(o),
		newInsist(o),
		newGrant(o), newRevokeGrant(o),
		o.client(&cobra.Command{
			Use: "call PLUGIN TOOL|EXPORT ARGUMENTS", Short: "Call a tool as a model would, or a function that the plugin exports, to try it",
			Example: "  carapace plugins call calc calc '{\"expression\":\"17*23\"}'\n  carapace plugins call eliza provider_models '{}'",
			Args:    callArgs, ValidArgsFunction: o.complete(pluginIDs),
			RunE: callTool(o),
		}),
		newNew(o), newDev(o), newTest(o), newBuild(o), newPack(o), newKeygen(o), newSign(o), newVerify(o),
		newPluginLogs(o),
		newTrace(o),
		newEnable(o, "enable", "Turn a plugin on", true),
		newEnable(o, "disable", "Turn a plugin off", false),
	)
	return c
}

// aPlugin is what the commands work on.
var aPlugin = kind{"plugin", "plugins list"}

// callArgs wants arguments that can be sent; whether they fit is for the gateway to say.
func callArgs(c *cobra.Command, args []string) error {
	if err := takes("PLUGIN", "TOOL|EXPORT", "ARGUMENTS")(c, args); err != nil {
		return err
	}
	if !json.Valid([]byte(args[2])) {
		return fmt.Errorf("ARGUMENTS is not JSON such as '{}': %.100s", args[2])
	}
	return nil
}

// newEnable makes the commands enable and disable. They change nothing else: settings and credentials stay.
func newEnable(o *options, use, short string, on bool) *cobra.Command {
	setup := func(args []string) any { return system.Setup{ID: args[0], Enabled: &on} }
	change := act(o, "plugins.configure", setup, use+"d")
	return o.client(&cobra.Command{
		Use: use + " PLUGIN", Short: short, Example: "  carapace plugins " + use + " redact", Args: takes("PLUGIN"),
		ValidArgsFunction: o.complete(pluginIDs),
		RunE: aPlugin.of(func(c *cobra.Command, args []string) error {
			if err := change(c, args); err != nil || !on {
				return err
			}
			return o.runs(c.Context(), args[0])
		}),
	})
}

// runs fails for a plugin that is on and cannot run, with the reason.
func (o *options) runs(ctx context.Context, id string) error {
	var info plugin.Details
	if err := o.call(ctx, "plugins.info", plugin.IDParams{ID: id}, &info); err != nil {
		return err
	}
	if info.State != plugin.StateFailed {
		return nil
	}
	return wit.Errorf(wit.CodeUnavailable, "it is on, but it does not run: %s", strings.TrimSuffix(info.Reason+": "+info.Hint, ": "))
}

// printPlugins writes one line for each plugin.
func printPlugins(w io.Writer, list plugin.StatusResult) error {
	var rows [][]string
	for _, p := range list.Plugins {
		rows = append(rows, []string{p.ID, p.Version, string(p.State), strings.Join(provided(p.Provides), ","), p.Path, why(p)})
	}
	return listed(w, "PLUGIN VERSION STATE PROVIDES PATH REASON", rows, "there is no plugin: `carapace plugins install` installs one")
}

// printPlugin writes all of one plugin. Permissions come with the plugin's reasons and their details, for the
// owner to judge.
func printPlugin(w io.Writer, p plugin.Details) error {
	fmt.Fprintf(w, "%s %s (%s)\n%s\n\nstate     %s\n", plain.Line(p.Name), plain.Line(p.Version), plain.Line(p.ID), plain.Line(p.Description), p.State)
	for _, line := range [][2]string{{"reason", why(p.Status)}, {"hint", hint(p.Status)}, {"path", p.Path}, {"provides", strings.Join(provided(p.Provides), ", ")},
		{"maturity", string(p.Maturity)}, {"support", p.Support}, {"homepage", p.Homepage}} {
		if line[1] != "" {
			fmt.Fprintf(w, "%-9s %s\n", line[0], plain.Line(line[1]))
		}
	}
	if is := p.Service; is != nil {
		fmt.Fprintf(w, "service   %s\n", plain.Line(serviceLine(is)))
	}
	for i, hook := range p.Webhooks {
		if i == 0 {
			fmt.Fprintln(w, "\nwebhooks")
		}
		fmt.Fprintf(w, "  %s /plugins/%s/%s (%s)\n", cmp.Or(strings.Join(hook.Accepts.Methods, ", "), "POST"), p.ID, hook.Path, hook.Accepts.Auth)
	}
	for i, perm := range p.Permissions {
		if i == 0 {
			fmt.Fprintln(w, "\npermissions")
		}
		printPermission(w, perm)
	}
	for i, v := range p.Versions {
		if i == 0 {
			fmt.Fprintln(w, "\nversions")
		}
		printVersion(w, p, v)
	}
	if p.Waiting != nil {
		fmt.Fprintln(w)
		printWaiting(w, p)
	}
	if c := p.Crash; c != nil {
		fmt.Fprintf(w, "\nlast crash, %s, of version %s\n  %s\n", ago(c.At), plain.Line(c.Version), plain.Line(c.Message))
		printTrace(w, c)
	}
	return nil
}

// printVersion writes a version that is kept: whether it runs, or why not where it should, and who signed it.
func printVersion(w io.Writer, p plugin.Details, v plugin.Installed) {
	runs := p.Digest == v.Digest
	fmt.Fprintf(w, "%s %s %s, installed %s\n", map[bool]string{true: "*", false: " "}[runs], plain.Line(v.Version), v.Digest, ago(v.At))
	if v.Wanted && !runs {
		fmt.Fprintf(w, "    should run, and %s\n", idle(p, v))
	}
	for _, s := range v.Signers {
		fmt.Fprintf(w, "    signed by %s\n", s)
	}
}

// idle says why a version does not run that should.
func idle(p plugin.Details, v plugin.Installed) string {
	switch why := refusal(p.Status); {
	case p.Waiting != nil && p.Waiting.Digest == v.Digest:
		return "waits for a grant"
	case why != "":
		return "does not: " + why
	case p.Origin == plugin.OriginFolder:
		return plain.Line(p.Path) + " runs in its place"
	}
	return "is being made ready"
}

// serviceLine says how a service is, and for how long.
func serviceLine(is *plugin.ServiceState) string {
	line := is.State + " for " + length(time.Since(time.UnixMilli(is.Since)))
	if is.Restarts > 0 {
		line += ", started anew " + service.Count(is.Restarts, "time")
	}
	for _, text := range []string{is.Message, is.Problem} {
		if text != "" {
			line += ": " + text
		}
	}
	return line
}

// printTrace writes what a plugin's crash left behind, for its author.
func printTrace(w io.Writer, c *plugin.Crash) {
	for line := range strings.Lines(plain.Text(c.Trace)) {
		fmt.Fprintln(w, "  "+strings.TrimSuffix(line, "\n"))
	}
}

// printPermission writes one permission with its reason and how far it goes.
func printPermission(w io.Writer, perm plugin.PermissionRow) {
	mark := "granted"
	if !perm.Granted {
		mark = "NOT GRANTED"
	}
	fmt.Fprintf(w, "  %s (%s): %s\n", perm.Name, mark, plain.Line(perm.Reason))
	for _, line := range perm.Detail {
		fmt.Fprintf(w, "    %s\n", plain.Line(line))
	}
}

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
	if p.STT != "" {
		words = append(words, "stt")
	}
	if p.TTS != "" {
		words = append(words, "tts")
	}
	if p.Service != "" {
		words = append(words, "service")
	}
	for _, path := range p.Webhooks {
		words = append(words, "webhook:"+path)
	}
	for _, h := range p.Hooks {
		words = append(words, "hook:"+h)
	}
	return words
}

// why is the reason of a failure, or of an update that does not run: the version before it then still works,
// so the state alone would hide it.
func why(p plugin.Status) string {
	if p.Update != nil {
		return strings.TrimSpace(p.Reason + " the update " + p.Update.Version + " does not run: " + p.Update.Reason)
	}
	return p.Reason
}

// hint says what to do about what why says.
func hint(p plugin.Status) string {
	if p.Update != nil {
		return p.Update.Hint
	}
	return p.Hint
}

// refusal says why the version that was asked for last does not run, and what to do.
func refusal(p plugin.Status) string {
	text := p.Reason
	if p.Update != nil {
		text = p.Update.Reason
	}
	if do := hint(p); do != "" {
		text += ": " + do
	}
	return plain.Line(text)
}

// callTool calls a tool and shows how far it is, to people only, until its answer is there.
func callTool(o *options) runner {
	return func(c *cobra.Command, args []string) error {
		var raw json.RawMessage
		params := plugin.CallParams{ID: args[0], Tool: args[1], Args: wit.JSON(args[2])}
		if err := o.callHearing(c.Context(), "plugins.call", params, &raw, o.printProgress); err != nil {
			return err
		}
		var answer plugin.CallResult
		if err := errors.Join(printAnswer(o, "plugins.call", raw, printCall), json.Unmarshal(raw, &answer)); err != nil {
			return err
		}
		if answer.Failed {
			return errors.New("the tool says that it failed")
		}
		return nil
	}
}

// printProgress writes a line for each text that a tool says of its progress, if e is one.
func (o *options) printProgress(e client.Event) {
	var said plugin.Reported
	if !o.json && e.Name == plugin.ReportedKind.Name && json.Unmarshal(e.Payload, &said) == nil {
		fmt.Fprintln(o.err, "… "+plain.Line(said.Text))
	}
}

// printCall writes the texts of an answer, and what kind the rest is.
func printCall(w io.Writer, r plugin.CallResult) error {
	if len(r.Answer) > 0 {
		var shown bytes.Buffer
		if err := json.Indent(&shown, r.Answer, "", "  "); err != nil {
			return err
		}
		_, err := fmt.Fprintln(w, shown.String())
		return err
	}
	for _, part := range r.Content {
		text := "(" + string(part.Kind) + ")"
		if part.Text != nil {
			text = *part.Text
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	return nil
}
