package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// setup is what the flags and the owner's answers say of a plugin.
type setup struct {
	system.Setup
	config map[string]json.RawMessage
}

func newSetup(o *options) *cobra.Command {
	var account, dmPolicy string
	var set, secrets []string
	c := &cobra.Command{
		Use:   "setup PLUGIN",
		Short: "Configure a plugin and give it its credentials",
		Long: "Configure a plugin: on a terminal it asks for what the plugin's settings need; in scripts --set and\n" +
			"--secret give it. A credential is encrypted at once and never shown again.",
		Example: "  carapace setup telegram\n" +
			"  carapace setup telegram --secret botToken=env:BOT_TOKEN --dm open\n" +
			"  carapace setup openai --set baseUrl=http://127.0.0.1:11434/v1 --set model=llama3",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			on := true
			s := &setup{system.Setup{ID: args[0], Account: account, Enabled: &on, Secrets: map[string]string{}}, map[string]json.RawMessage{}}
			if dmPolicy != "" {
				s.Access = &system.Access{DMPolicy: dmPolicy}
			}
			return setUpPlugin(c.Context(), o, s, setupFlags{set, secrets})
		},
	}
	c.Flags().StringVar(&account, "account", "", "which account of a channel (default when left out)")
	c.Flags().StringVar(&dmPolicy, "dm", "", "who may write directly: pairing, allowlist, open or disabled")
	c.Flags().StringArrayVar(&set, "set", nil, "a setting, name=value")
	c.Flags().StringArrayVar(&secrets, "secret", nil, "a credential: name=env:VARIABLE, or name=- to read it from standard input")
	return o.client(c)
}

// setupFlags are what --set and --secret say, as they were written.
type setupFlags struct{ set, secrets []string }

// setUpPlugin takes the flags, asks on a terminal where there are none, and tells the gateway.
func setUpPlugin(ctx context.Context, o *options, s *setup, flags setupFlags) error {
	var info plugin.Details
	if err := o.call(ctx, "plugins.info", plugin.IDParams{ID: s.ID}, &info); err != nil {
		return err
	}
	if s.Account == "" && info.Provides.Channel != "" {
		s.Account = "default"
	}
	fields, err := readSchema(json.RawMessage(info.Config))
	if err != nil {
		return err
	}
	if err := s.takeSettings(flags.set, fields); err != nil {
		return err
	}
	if err := s.takeSecrets(flags.secrets, o.in); err != nil {
		return err
	}
	if in, ok := o.in.(*os.File); ok && len(flags.set) == 0 && len(flags.secrets) == 0 && term.IsTerminal(int(in.Fd())) {
		if err := (&asker{in: in, lines: bufio.NewReader(in), out: o.out}).ask(s, fields); err != nil {
			return err
		}
	}
	if len(s.config) > 0 {
		if s.Config, err = json.Marshal(s.config); err != nil {
			return fmt.Errorf("write the settings: %w", err)
		}
	}
	return o.show(ctx, "plugins.configure", s.Setup, line(info.Name+" is set up; `carapace status` shows how it is"))
}

// takeSettings reads --set.
func (s *setup) takeSettings(set []string, fields []field) error {
	for _, pair := range set {
		name, value, ok := strings.Cut(pair, "=")
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		switch {
		case !ok:
			return usageError{fmt.Errorf("--set %s: write name=value", pair)}
		case i < 0:
			return usageError{fmt.Errorf("--set %s: %s has no such setting; it has %s", name, s.ID, names(fields))}
		case fields[i].secret:
			return usageError{fmt.Errorf("--set %s: that is a credential; give it with --secret %s=env:VARIABLE", name, name)}
		}
		s.config[name] = fields[i].value(value)
	}
	return nil
}

// takeSecrets reads --secret, and in for those that are to be read from there.
func (s *setup) takeSecrets(secrets []string, in io.Reader) error {
	for _, pair := range secrets {
		name, from, ok := strings.Cut(pair, "=")
		if !ok {
			return usageError{fmt.Errorf("--secret %s: write name=env:VARIABLE or name=-", pair)}
		}
		value, err := readSecret(from, in)
		if err != nil {
			return usageError{fmt.Errorf("--secret %s: %w", name, err)}
		}
		s.Secrets[name] = value
	}
	return nil
}

func readSecret(from string, in io.Reader) (string, error) {
	if from == "-" {
		b, err := io.ReadAll(io.LimitReader(in, 64<<10))
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
