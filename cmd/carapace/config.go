package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/form"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/wit"
)

// newConfig reads and changes the config file: through the gateway, which checks what its plugins can use and puts it
// in force, or in the file where none runs.
func newConfig(o *options) *cobra.Command {
	c := &cobra.Command{
		Use: "config", Short: "Read and change the settings",
		Long: "Read and change carapace.json, the one place of all settings. A change is in force at once, also one that is\n" +
			"made in the file itself; what needs a restart is named. Credentials are not settings: `carapace setup` keeps them.",
		Example: "  carapace config get\n  carapace config set log.level debug",
		Args:    known, RunE: help,
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "get [PATH]", Short: "Print the settings, or what stands at a path", Example: "  carapace config get\n  carapace config get plugins.openai.config", Args: takes("[PATH]"),
			ValidArgsFunction: o.complete(settingPaths),
			RunE:              func(c *cobra.Command, args []string) error { return getSetting(c.Context(), o, args) },
		}),
		o.client(&cobra.Command{
			Use: "set PATH VALUE", Short: "Change one setting", Args: takes("PATH", "VALUE"), ValidArgsFunction: o.complete(settingPaths),
			Example: "  carapace config set log.level debug\n  carapace config set channels.telegram.accounts.default.groups '[\"-100123\"]'",
			RunE:    func(c *cobra.Command, args []string) error { return setSetting(c.Context(), o, args[0], args[1]) },
		}),
		o.client(&cobra.Command{
			Use: "unset PATH", Short: "Take a setting away, so that its default holds", Example: "  carapace config unset session.dmScope", Args: takes("PATH"),
			ValidArgsFunction: o.complete(settingPaths),
			RunE:              func(c *cobra.Command, args []string) error { return unsetSetting(c.Context(), o, args[0]) },
		}),
		o.client(&cobra.Command{
			Use: "edit", Short: "Open the settings in $EDITOR and put them in force", Example: "  carapace config edit", Args: takes(),
			RunE: func(c *cobra.Command, _ []string) error { return editSettings(c.Context(), o) },
		}),
		o.client(&cobra.Command{
			Use: "describe [PATH]", Short: "Say which settings there are, or stand below a path", Example: "  carapace config describe gateway", Args: takes("[PATH]"),
			ValidArgsFunction: o.complete(settingPaths), RunE: show(o, "config.schema.lookup", placeOf, printPlace),
		}),
		o.client(&cobra.Command{
			Use: "validate FILE", Short: "Say whether the gateway could use a file of settings", Example: "  carapace config validate new.json", Args: takes("FILE"),
			RunE: func(c *cobra.Command, args []string) error { return validateSettings(c.Context(), o, args[0]) },
		}),
	)
	return c
}

// getSetting prints a text as it is and everything else as JSON, which --json makes of a text too.
func getSetting(ctx context.Context, o *options, args []string) error {
	now, err := o.settings().read(ctx)
	if err != nil {
		return err
	}
	d, err := config.ParseDocument([]byte(now.Raw))
	if err != nil {
		return err
	}
	var path []string
	if len(args) > 0 {
		if path, err = settingPath(args[0]); err != nil {
			return err
		}
	}
	value, ok := d.Get(path...)
	if !ok {
		return unsaid(ctx, o, path)
	}
	var text string
	if !o.json && json.Unmarshal(value, &text) == nil {
		return o.println(text)
	}
	return o.printJSON(value)
}

// setSetting takes a value as JSON where that can stand at the path, and as a text otherwise.
func setSetting(ctx context.Context, o *options, path, value string) error {
	parts, err := settingPath(path)
	if err != nil {
		return err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	forms := []json.RawMessage{text}
	if json.Valid([]byte(value)) {
		forms = []json.RawMessage{json.RawMessage(value), text}
	}
	change, err := firstThatFits(parts, forms)
	if err != nil {
		return usageError{err}
	}
	if err := changeSettings(ctx, o, change); err != nil {
		return err
	}
	if odd := unsaidOfPlugin(ctx, o, parts); odd != nil {
		fmt.Fprintln(o.err, "note:", plain.Line(odd.Error()))
	}
	return nil
}

// firstThatFits is the change that sets a path to the first of the values that may stand there, or why the first may not.
func firstThatFits(path []string, values []json.RawMessage) (wit.JSON, error) {
	var first error
	for _, value := range values {
		change, err := nested(path, value)
		if err == nil {
			_, err = config.Parse(change)
		}
		if err == nil {
			return change, nil
		}
		if first == nil {
			first = err
		}
	}
	if _, after, ok := strings.Cut(first.Error(), ": "); ok && strings.HasPrefix(first.Error(), "line ") {
		return nil, errors.New(after) // the line is one of this program's own making
	}
	return nil, first
}

// unsaid is why nothing stands at a path: no setting can, or its default holds.
func unsaid(ctx context.Context, o *options, path []string) error {
	if err := config.Known(path...); err != nil {
		return usageError{err}
	}
	if err := unsaidOfPlugin(ctx, o, path); err != nil {
		return usageError{err}
	}
	return wit.Errorf(wit.CodeNotFound, "%s is not set: its default holds", strings.Join(path, "."))
}

// unsaidOfPlugin is why nothing can stand at the path of a plugin's setting, as far as a gateway can be asked.
func unsaidOfPlugin(ctx context.Context, o *options, path []string) error {
	below := map[string]int{"plugins": 3, "channels": 5}[path[0]] // where names of the plugin's own settings begin
	if below == 0 || len(path) == 1 {
		return nil
	}
	var info plugin.Details
	err := o.call(ctx, "plugins.info", plugin.IDParams{ID: path[1]}, &info)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return aPlugin.unless(false, path[1])
	}
	fields, bad := form.Read(json.RawMessage(info.Config))
	if err != nil || bad != nil || len(path) <= below {
		return nil // nobody knows better
	}
	if !slices.ContainsFunc(fields, func(f form.Field) bool { return f.Name == path[below] }) {
		return fmt.Errorf("%s has no setting %.100q: there are %s", path[1], path[below], form.Names(fields))
	}
	return nil
}

func unsetSetting(ctx context.Context, o *options, path string) error {
	parts, err := settingPath(path)
	if err != nil {
		return err
	}
	now, err := o.settings().read(ctx)
	if err != nil {
		return err
	}
	if d, err := config.ParseDocument([]byte(now.Raw)); err == nil {
		if _, ok := d.Get(parts...); !ok {
			return unsaid(ctx, o, parts)
		}
	}
	change, err := nested(parts, json.RawMessage("null"))
	if err != nil {
		return err
	}
	return changeSettings(ctx, o, change)
}

// putSetting writes a value of the settings, which has to fit them, and says so.
func putSetting(ctx context.Context, o *options, path []string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	change, err := firstThatFits(path, []json.RawMessage{text})
	if err != nil {
		return usageError{err}
	}
	return changeSettings(ctx, o, change)
}

func changeSettings(ctx context.Context, o *options, change wit.JSON) error {
	done, err := o.settings().patch(ctx, change, "")
	if err != nil {
		return err
	}
	return o.printChange(done)
}

// printChange says what became of a change.
func (o *options) printChange(done settingsChange) error {
	if o.json {
		return o.printJSON(done)
	}
	if err := o.println("written to " + done.Path); err != nil {
		return err
	}
	if len(done.Restart) > 0 {
		return o.println("in force after a restart of the gateway: " + strings.Join(done.Restart, ", "))
	}
	return nil
}

// settingPath reads a path as people write it: names with dots between.
func settingPath(path string) ([]string, error) {
	parts := strings.Split(path, ".")
	for _, part := range parts {
		if part == "" {
			return nil, usageError{fmt.Errorf("%q is no path of a setting: write names with dots between, such as log.level", path)}
		}
	}
	return parts, nil
}

// nested is an object with a value at a path.
func nested(path []string, value json.RawMessage) (wit.JSON, error) {
	for i := len(path) - 1; i >= 0; i-- {
		b, err := json.Marshal(map[string]json.RawMessage{path[i]: value})
		if err != nil {
			return nil, err
		}
		value = b
	}
	return wit.JSON(value), nil
}

// editSettings gives the settings to the editor. The text is kept where it could not be put in force, so that nobody's
// work is lost.
func editSettings(ctx context.Context, o *options) error {
	store := o.settings()
	now, err := store.read(ctx)
	if err != nil {
		return err
	}
	path, err := draft(now.Raw)
	if err != nil {
		return err
	}
	kept := func(err error) error { return fmt.Errorf("%w; what you wrote is kept in %s", err, path) }
	if err := openEditor(ctx, o, path); err != nil {
		return kept(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if string(text) == now.Raw {
		_ = os.Remove(path) // it holds nothing new
		return o.println("nothing was changed")
	}
	done, err := store.replace(ctx, string(text), now.Hash)
	if err != nil {
		return kept(err)
	}
	_ = os.Remove(path)
	return o.printChange(done)
}

// draft puts a text into a file of its own, which only the owner can read.
func draft(text string) (path string, err error) {
	f, err := os.CreateTemp("", "carapace-*.json")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	return f.Name(), errors.Join(err, f.Close())
}

func openEditor(ctx context.Context, o *options, path string) error {
	editor := env("VISUAL", env("EDITOR", "vi"))
	cmd := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", path) // it may have arguments
	cmd.Stdin, cmd.Stdout, cmd.Stderr = o.in, o.out, o.err
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the editor %s: %w; set EDITOR to another, or use `carapace config set`", editor, err)
	}
	return nil
}
