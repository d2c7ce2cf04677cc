package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// setupFlags are what the command line says of a plugin.
type setupFlags struct {
	account, dmPolicy string
	set, secrets      []string // as they were written: name=value, name=where
	noTest            bool
}

// scripted reports whether somebody gave values by flags: they have a script and are not asked, even on a terminal.
func (f setupFlags) scripted() bool { return len(f.set) > 0 || len(f.secrets) > 0 || f.dmPolicy != "" }

// newSetup configures a plugin and turns it on. All goes to the gateway in one call, which keeps the credentials first:
// a plugin never runs with new settings and without its credentials.
func newSetup(o *options) *cobra.Command {
	var f setupFlags
	c := &cobra.Command{
		Use:   "setup [PLUGIN]",
		Short: "Configure a plugin, give it its credentials, and try whether it works",
		Long: "Configure a plugin: on a terminal it asks for what the plugin's settings need; in scripts --set and\n" +
			"--secret give it, and leave all else as it is. A credential is encrypted at once and never shown again.\n" +
			"What does not work is not kept. Without a name it lists what can be set up.\n\n" +
			"With --dm open everybody may write to the account and have the model answer. They have sessions of their own\n" +
			"and change nothing, as long as session.dmScope is not main.",
		Example: "  carapace setup telegram\n" +
			"  carapace setup telegram --secret botToken=env:BOT_TOKEN --dm pairing\n" +
			"  carapace setup openai --set baseUrl=http://127.0.0.1:11434/v1 --set model=llama3",
		Args: takes("[PLUGIN]"), ValidArgsFunction: o.complete(pluginIDs),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listSetups(c.Context(), o)
			}
			return runSetup(c.Context(), o, args[0], f)
		},
	}
	c.Flags().StringVar(&f.account, "account", "", "which account of a channel (default when left out)")
	c.Flags().StringVar(&f.dmPolicy, "dm", "", "who may write directly: pairing, allowlist, open or disabled")
	c.Flags().StringArrayVar(&f.set, "set", nil, "a setting, name=value")
	c.Flags().StringArrayVar(&f.secrets, "secret", nil, "a credential: name=env:VARIABLE, or name=- to read it from standard input")
	c.Flags().BoolVar(&f.noTest, "no-test", false, "keep it without trying whether it works")
	return o.client(c)
}

// listSetups shows which plugins have something to be set up: a channel's account, settings, or credentials.
func listSetups(ctx context.Context, o *options) error {
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var all plugin.StatusResult
	if err := conn.Call(ctx, "plugins.status", nil, &all); err != nil {
		return err
	}
	list := []plugin.Details{}
	var rows [][]string
	for _, p := range all.Plugins {
		var info plugin.Details
		if err := conn.Call(ctx, "plugins.info", plugin.IDParams{ID: p.ID}, &info); err != nil {
			return err
		}
		if len(info.Config) > 0 || len(info.Secrets) > 0 || info.Provides.Channel != "" {
			list = append(list, info)
			rows = append(rows, []string{info.ID, strings.Join(provided(info.Provides), ","), info.Description})
		}
	}
	if o.json {
		return o.printJSON(list)
	}
	if err := table(o.out, "PLUGIN PROVIDES WHAT", rows); err != nil {
		return err
	}
	return o.println("\n`carapace setup PLUGIN` asks for what is needed")
}

// runSetup learns from the gateway what the plugin's settings are, takes them from the flags or the terminal, and
// hands them over. The gateway checks the values and tries them; here only names and places are.
func runSetup(ctx context.Context, o *options, id string, f setupFlags) error {
	var info plugin.Details
	if err := o.call(ctx, "plugins.info", plugin.IDParams{ID: id}, &info); err != nil {
		return plainly(err, aPlugin, id)
	}
	if info.Provides.Channel == "" && f.account+f.dmPolicy != "" {
		return usageError{fmt.Errorf("%s is no channel: --account and --dm are for those that are", id)}
	}
	fields, err := readSchema(json.RawMessage(info.Config))
	if err != nil {
		return err
	}
	s := newSettings(id, fields, f)
	if s.setup.Account == "" && info.Provides.Channel != "" {
		s.setup.Account = "default"
	}
	if err := s.take(f, o.in); err != nil {
		return err
	}
	in, asked := terminal(o.in)
	if asked = asked && !f.scripted(); asked {
		fmt.Fprintf(o.out, "%s: %s\n", plain.Line(info.Name), plain.Line(info.Description))
		if err := newAsker(in, o.out).ask(ctx, s); err != nil {
			return err
		}
	}
	done, err := s.send(ctx, o)
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(done)
	}
	if asked && len(done.Models) > 0 && s.values[modelField] == nil {
		if err := chooseModel(ctx, o, newAsker(in, o.out), s, done.Models); err != nil {
			return err
		}
	}
	return printSetup(ctx, o, info.Name, s, done)
}

// printSetup says what holds now, and what is risky about it.
func printSetup(ctx context.Context, o *options, name string, s *settings, done system.ConfigureResult) error {
	how := "is set up; `carapace status` shows how it is"
	switch {
	case done.Tested:
		how = "is set up and works"
	case len(s.fields) == 0 && s.setup.Account == "":
		how = "is on; it has nothing to set up"
	}
	if err := o.println(plain.Line(name) + " " + how); err != nil {
		return err
	}
	var model string
	if len(done.Models) > 0 && json.Unmarshal(s.values[modelField], &model) == nil && !slices.Contains(done.Models, model) {
		fmt.Fprintf(o.err, "note: the server does not list the model %s; it lists %s\n", plain.Line(model), plain.Line(some(done.Models)))
	}
	if s.setup.Account == "" {
		return nil
	}
	var status system.Status
	if err := o.call(ctx, "status", nil, &status); err != nil {
		return err
	}
	for _, risk := range status.Risks {
		fmt.Fprintln(o.err, "risk:", plain.Line(risk))
	}
	return nil
}

// modelField is the setting that names a provider's model, by convention.
const modelField = "model"

// chooseModel offers the models that the server lists.
func chooseModel(ctx context.Context, o *options, a *asker, s *settings, models []string) error {
	i := slices.IndexFunc(s.fields, func(f field) bool { return f.name == modelField })
	if i < 0 {
		return nil
	}
	fmt.Fprintf(o.out, "\nThe server has the models %s\n", plain.Line(some(models)))
	text, err := a.read(ctx, s.fields[i])
	if err != nil || text == "" {
		return err
	}
	s.put(s.fields[i], text)
	_, err = s.send(ctx, o)
	return err
}

// some is the beginning of a list for people.
func some(list []string) string {
	const most = 20
	text := strings.Join(list[:min(len(list), most)], ", ")
	if len(list) > most {
		text += fmt.Sprintf(" and %d more", len(list)-most)
	}
	return text
}

// settings gathers what a plugin is to be told, from flags and from answers at the terminal.
type settings struct {
	setup  system.Setup
	values map[string]json.RawMessage
	fields []field
}

func newSettings(id string, fields []field, f setupFlags) *settings {
	on := true
	s := &settings{values: map[string]json.RawMessage{}, fields: fields}
	s.setup = system.Setup{ID: id, Account: f.account, Enabled: &on, Test: !f.noTest, Secrets: map[string]string{}}
	if f.dmPolicy != "" {
		s.setup.Access = &system.Access{DMPolicy: f.dmPolicy}
	}
	return s
}

// take reads the flags; in is where a credential - comes from. Its errors are usageErrors.
func (s *settings) take(f setupFlags, in io.Reader) error {
	for _, pair := range f.set {
		name, value, ok := strings.Cut(pair, "=")
		i := slices.IndexFunc(s.fields, func(f field) bool { return f.name == name })
		switch {
		case !ok:
			return usageError{fmt.Errorf("--set %s: write name=value", pair)}
		case i < 0:
			return usageError{fmt.Errorf("--set %s: %s has no such setting; it has %s", name, s.setup.ID, names(s.fields))}
		case s.fields[i].secret:
			return usageError{fmt.Errorf("--set %s: that is a credential; give it with --secret %s=env:VARIABLE", name, name)}
		}
		s.values[name] = s.fields[i].value(value)
	}
	for _, pair := range f.secrets {
		name, from, ok := strings.Cut(pair, "=")
		if !ok {
			return usageError{fmt.Errorf("--secret %s: write name=env:VARIABLE or name=-", pair)}
		}
		value, err := readSecret(in, from)
		if err != nil {
			return usageError{fmt.Errorf("--secret %s: %w", name, err)}
		}
		s.setup.Secrets[name] = value
	}
	return nil
}

// put takes one answer. A credential goes where the gateway encrypts it, and never into the settings.
func (s *settings) put(f field, text string) {
	if f.secret {
		s.setup.Secrets[f.name] = text
		return
	}
	s.values[f.name] = f.value(text)
}

// send has the gateway keep it all, and try it.
func (s *settings) send(ctx context.Context, o *options) (done system.ConfigureResult, err error) {
	params, err := s.params()
	if err == nil {
		err = o.call(ctx, "plugins.configure", params, &done)
	}
	return done, err
}

// params are those of plugins.configure. Without a value the settings are left out, and stay as they are.
func (s *settings) params() (system.Setup, error) {
	if len(s.values) == 0 {
		return s.setup, nil
	}
	b, err := json.Marshal(s.values)
	if err != nil {
		return s.setup, fmt.Errorf("write the settings: %w", err)
	}
	s.setup.Config = b
	return s.setup, nil
}

// maxSecret bounds a credential from standard input, in bytes.
const maxSecret = 64 << 10

// readSecret reads a credential from where the command line says. The credential itself may not stand there: a
// command line is seen by every process of the machine, and kept in the shell's history.
func readSecret(in io.Reader, from string) (string, error) {
	if from == "-" {
		text, err := readText(in, maxSecret)
		if text = strings.TrimSpace(text); err == nil && text == "" {
			err = errors.New("standard input is empty")
		}
		return text, err
	}
	variable, ok := strings.CutPrefix(from, "env:")
	if !ok {
		return "", errors.New("a credential on the command line would be seen by others; use env:VARIABLE or -")
	}
	if os.Getenv(variable) == "" {
		return "", fmt.Errorf("the environment variable %q is not set, or empty", variable)
	}
	return os.Getenv(variable), nil
}
