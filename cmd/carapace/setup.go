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

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// setupFlags are what the command line says of a plugin.
type setupFlags struct {
	account, dmPolicy string
	set, secrets      []string // as they were written: name=value, name=where
}

// newSetup configures a plugin and turns it on. All goes to the gateway in one call, which keeps the credentials first:
// a plugin never runs with new settings and without its credentials.
func newSetup(o *options) *cobra.Command {
	var f setupFlags
	c := &cobra.Command{
		Use:   "setup PLUGIN",
		Short: "Configure a plugin and give it its credentials",
		Long: "Configure a plugin: on a terminal it asks for what the plugin's settings need; in scripts --set and\n" +
			"--secret give it. A credential is encrypted at once and never shown again.",
		Example: "  carapace setup telegram\n" +
			"  carapace setup telegram --secret botToken=env:BOT_TOKEN --dm open\n" +
			"  carapace setup openai --set baseUrl=http://127.0.0.1:11434/v1 --set model=llama3",
		Args: exactly("PLUGIN"),
		RunE: func(c *cobra.Command, args []string) error { return runSetup(c.Context(), o, args[0], f) },
	}
	c.Flags().StringVar(&f.account, "account", "", "which account of a channel (default when left out)")
	c.Flags().StringVar(&f.dmPolicy, "dm", "", "who may write directly: pairing, allowlist, open or disabled")
	c.Flags().StringArrayVar(&f.set, "set", nil, "a setting, name=value")
	c.Flags().StringArrayVar(&f.secrets, "secret", nil, "a credential: name=env:VARIABLE, or name=- to read it from standard input")
	return o.client(c)
}

// runSetup learns from the gateway what the plugin's settings are, takes them from the flags or the terminal, and
// hands them over. The gateway checks the values; here only names and places are.
func runSetup(ctx context.Context, o *options, id string, f setupFlags) error {
	var info plugin.Details
	if err := o.call(ctx, "plugins.info", plugin.IDParams{ID: id}, &info); err != nil {
		return err
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
	// Somebody who gave values by flags has a script: it is not asked, even on a terminal.
	if in, ok := terminal(o.in); ok && len(f.set) == 0 && len(f.secrets) == 0 {
		if err := newAsker(in, o.out).ask(s); err != nil {
			return err
		}
	}
	params, err := s.params()
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := o.call(ctx, "plugins.configure", params, &raw); err != nil {
		return err
	}
	if o.json {
		return o.printJSON(raw)
	}
	fmt.Fprintf(o.out, "%s is set up; `carapace status` shows how it is\n", info.Name)
	return nil
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
	s.setup = system.Setup{ID: id, Account: f.account, Enabled: &on, Secrets: map[string]string{}}
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
		b, err := io.ReadAll(io.LimitReader(in, maxSecret))
		return strings.TrimSpace(string(b)), err
	}
	variable, ok := strings.CutPrefix(from, "env:")
	if !ok {
		return "", errors.New("a credential on the command line would be seen by others; use env:VARIABLE or -")
	}
	if os.Getenv(variable) == "" {
		return "", fmt.Errorf("the variable %s is empty", variable)
	}
	return os.Getenv(variable), nil
}
