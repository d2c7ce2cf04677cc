package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/form"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
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
		Short: "Begin: a model, a chat account; or configure one plugin and try whether it works",
		Long: "Without a name it leads through a first run on a terminal: a model, a first message, a chat account, and who\n" +
			"you are there; elsewhere it lists what can be set up.\n\n" +
			"With a name it configures that plugin: on a terminal it asks for what the plugin's settings need; in scripts\n" +
			"--set and --secret give it, and leave all else as it is. A credential is encrypted at once and never shown\n" +
			"again. What does not work is not kept.\n\n" +
			"With --dm open everybody may write to the account and have the model answer. They have sessions of their own\n" +
			"and change nothing, as long as session.dmScope is not main.",
		Example: "  carapace setup\n" +
			"  carapace setup telegram\n" +
			"  carapace setup telegram --secret botToken=env:BOT_TOKEN --dm pairing\n" +
			"  carapace setup openai --set baseUrl=http://127.0.0.1:11434/v1 --set model=llama3",
		Args: takes("[PLUGIN]"), ValidArgsFunction: o.complete(pluginIDs),
		RunE: func(c *cobra.Command, args []string) error {
			in, asked := terminal(o.in)
			switch {
			case len(args) == 1:
				return runSetup(c.Context(), o, args[0], f)
			case f.scripted():
				return usageError{errors.New("say of which plugin: carapace setup PLUGIN")}
			case asked && !o.json:
				return guide{o, newAsker(in, o.out)}.run(c.Context())
			}
			return listSetups(c.Context(), o)
		},
	}
	c.Flags().StringVar(&f.account, "account", "", "which account of a channel (default when left out)")
	c.Flags().StringVar(&f.dmPolicy, "dm", "", "who may write directly: pairing, allowlist, open or disabled")
	c.Flags().StringArrayVar(&f.set, "set", nil, "a setting, name=value")
	c.Flags().StringArrayVar(&f.secrets, "secret", nil, "a credential: name=env:VARIABLE, or name=- to read it from standard input")
	c.Flags().BoolVar(&f.noTest, "no-test", false, "keep it without trying whether it works")
	return o.client(c)
}

// settable lists the plugins that have something to be set up: a channel's account, settings, or credentials.
func settable(ctx context.Context, o *options) (list []plugin.Details, err error) {
	conn, err := o.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var all plugin.StatusResult
	if err := conn.Call(ctx, "plugins.status", nil, &all); err != nil {
		return nil, err
	}
	list = []plugin.Details{}
	for _, p := range all.Plugins {
		var info plugin.Details
		if err := conn.Call(ctx, "plugins.info", plugin.IDParams{ID: p.ID}, &info); err != nil {
			return nil, err
		}
		if len(info.Config) > 0 || len(info.Secrets) > 0 || info.Provides.Channel != "" {
			list = append(list, info)
		}
	}
	return list, nil
}

// listSetups shows what can be set up.
func listSetups(ctx context.Context, o *options) error {
	list, err := settable(ctx, o)
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(list)
	}
	var rows [][]string
	for _, info := range list {
		rows = append(rows, []string{info.ID, strings.Join(provided(info.Provides), ","), info.Description})
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
	s, err := settingsOf(info, f)
	if err != nil {
		return err
	}
	if err := s.take(f, o.in); err != nil {
		return err
	}
	var done system.ConfigureResult
	if in, asked := terminal(o.in); asked && !f.scripted() {
		done, err = interview(ctx, o, newAsker(in, o.out), info, s)
	} else {
		done, err = s.send(ctx, o)
	}
	switch {
	case err != nil:
		return err
	case o.json:
		return o.printJSON(done)
	}
	return printSetup(ctx, o, info.Name, s, done)
}

// interview asks for a plugin's settings, has the gateway keep and try them, and offers the models that a provider lists.
func interview(ctx context.Context, o *options, a *asker, info plugin.Details, s *settings) (done system.ConfigureResult, err error) {
	fmt.Fprintf(a.out, "%s: %s\n", plain.Line(info.Name), plain.Line(info.Description))
	if err = a.ask(ctx, s); err != nil {
		return done, err
	}
	if done, err = s.send(ctx, o); err == nil && len(done.Models) > 0 && s.values[form.Model] == nil && !o.json {
		err = chooseModel(ctx, o, a, s, done.Models)
	}
	return done, err
}

// printSetup says what holds now, and what is risky about it.
func printSetup(ctx context.Context, o *options, name string, s *settings, done system.ConfigureResult) error {
	how := "is set up; `carapace status` shows how it is"
	switch {
	case done.Tested:
		how = "is set up and works"
	case done.Login:
		how = "is set up, and has to be logged in: `carapace channels login " + plain.Words(done.ID, done.Account) + "`"
	case len(s.fields) == 0 && s.setup.Account == "":
		how = "is on; it has nothing to set up"
	}
	if err := o.println(plain.Line(name) + " " + how); err != nil {
		return err
	}
	var model string
	if len(done.Models) > 0 && json.Unmarshal(s.values[form.Model], &model) == nil && !slices.Contains(done.Models, model) {
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
	if _, asked := terminal(o.in); asked && done.Login {
		return login(ctx, o, channel.AccountParams{Channel: done.ID, AccountID: done.Account})
	}
	return nil
}

// chooseModel offers the models that the server lists.
func chooseModel(ctx context.Context, o *options, a *asker, s *settings, models []string) error {
	i := slices.IndexFunc(s.fields, func(f form.Field) bool { return f.Name == form.Model })
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
	fields []form.Field
}

// settingsOf is what a plugin can be told. A channel's are of its first account, unless the flags name one.
func settingsOf(info plugin.Details, f setupFlags) (*settings, error) {
	fields, err := form.Read(json.RawMessage(info.Config))
	if err != nil {
		return nil, err
	}
	on := true
	s := &settings{values: map[string]json.RawMessage{}, fields: fields}
	s.setup = system.Setup{ID: info.ID, Account: f.account, Enabled: &on, Test: !f.noTest, Secrets: map[string]string{}}
	if s.setup.Account == "" && info.Provides.Channel != "" {
		s.setup.Account = "default"
	}
	if f.dmPolicy != "" {
		s.setup.Access = &system.Access{DMPolicy: f.dmPolicy}
	}
	return s, nil
}

// take reads the flags; in is where a credential - comes from. Its errors are usageErrors.
func (s *settings) take(f setupFlags, in io.Reader) error {
	for _, pair := range f.set {
		name, value, ok := strings.Cut(pair, "=")
		i := slices.IndexFunc(s.fields, func(f form.Field) bool { return f.Name == name })
		switch {
		case !ok:
			return usageError{fmt.Errorf("--set %s: write name=value", pair)}
		case i < 0:
			return usageError{fmt.Errorf("--set %s: %s has no such setting; it has %s", name, s.setup.ID, form.Names(s.fields))}
		case s.fields[i].Secret:
			return usageError{fmt.Errorf("--set %s: that is a credential; give it with --secret %s=env:VARIABLE", name, name)}
		}
		s.values[name] = s.fields[i].Value(value)
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
func (s *settings) put(f form.Field, text string) {
	if f.Secret {
		s.setup.Secrets[f.Name] = text
		return
	}
	s.values[f.Name] = f.Value(text)
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
