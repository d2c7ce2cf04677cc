package main

import (
	"bufio"
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
			s := setup{system.Setup{ID: args[0], Account: account, Enabled: &on, Secrets: map[string]string{}}, map[string]json.RawMessage{}}
			if dmPolicy != "" {
				s.Access = &system.Access{DMPolicy: dmPolicy}
			}
			return o.setup(c, s, set, secrets)
		},
	}
	c.Flags().StringVar(&account, "account", "", "which account of a channel (default when left out)")
	c.Flags().StringVar(&dmPolicy, "dm", "", "who may write directly: pairing, allowlist, open or disabled")
	c.Flags().StringArrayVar(&set, "set", nil, "a setting, name=value")
	c.Flags().StringArrayVar(&secrets, "secret", nil, "a credential: name=env:VARIABLE, or name=- to read it from standard input")
	return o.client(c)
}

func (o *options) setup(c *cobra.Command, s setup, set, secrets []string) error {
	var info plugin.Details
	if err := o.call(c.Context(), "plugins.info", plugin.IDParams{ID: s.ID}, &info); err != nil {
		return err
	}
	if s.Account == "" && info.Provides.Channel != "" {
		s.Account = "default"
	}
	fields, err := readSchema(json.RawMessage(info.Config))
	if err != nil {
		return err
	}
	if err := o.take(&s, fields, set, secrets); err != nil {
		return err
	}
	if in, ok := o.in.(*os.File); ok && len(set) == 0 && len(secrets) == 0 && term.IsTerminal(int(in.Fd())) {
		if err := (&asker{o: o, in: in, lines: bufio.NewReader(in)}).ask(&s, fields); err != nil {
			return err
		}
	}
	if len(s.config) > 0 {
		if s.Config, err = json.Marshal(s.config); err != nil {
			return fmt.Errorf("write the settings: %w", err)
		}
	}
	var raw json.RawMessage
	if err := o.call(c.Context(), "plugins.configure", s.Setup, &raw); err != nil {
		return err
	}
	if o.json {
		return o.printJSON(raw)
	}
	fmt.Fprintf(o.out, "%s is set up; `carapace status` shows how it is\n", info.Name)
	return nil
}

// field is one setting of a plugin.
type field struct {
	name, title, kind string
	secret, required  bool
	otherwise         json.RawMessage
}

func readSchema(schema json.RawMessage) ([]field, error) {
	var s struct {
		Required   []string
		Properties map[string]struct {
			Title, Description string
			Type               any
			Secret             bool `json:"x-secret"`
			Default            json.RawMessage
		}
	}
	if len(schema) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, fmt.Errorf("read the plugin's settings: %w", err)
	}
	var fields []field
	for name, p := range s.Properties {
		kind, _ := p.Type.(string)
		title := p.Title
		if title == "" {
			title = p.Description
		}
		fields = append(fields, field{name, title, kind, p.Secret, slices.Contains(s.Required, name), p.Default})
	}
	slices.SortFunc(fields, func(a, b field) int {
		if a.required != b.required {
			return map[bool]int{true: -1, false: 1}[a.required]
		}
		return strings.Compare(a.name, b.name)
	})
	return fields, nil
}

// take reads the flags.
func (o *options) take(s *setup, fields []field, set, secrets []string) error {
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
	for _, pair := range secrets {
		name, from, ok := strings.Cut(pair, "=")
		if !ok {
			return usageError{fmt.Errorf("--secret %s: write name=env:VARIABLE or name=-", pair)}
		}
		value, err := o.readSecret(from)
		if err != nil {
			return usageError{fmt.Errorf("--secret %s: %w", name, err)}
		}
		s.Secrets[name] = value
	}
	return nil
}

func (o *options) readSecret(from string) (string, error) {
	if from == "-" {
		b, err := io.ReadAll(io.LimitReader(o.in, 64<<10))
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

// value is text as the JSON that the field takes.
func (f field) value(text string) json.RawMessage {
	if f.kind != "string" && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	b, err := json.Marshal(text)
	if err != nil {
		return nil
	}
	return b
}

func names(fields []field) string {
	var list []string
	for _, f := range fields {
		list = append(list, f.name)
	}
	return strings.Join(list, ", ")
}

// asker asks at the terminal.
type asker struct {
	o     *options
	in    *os.File
	lines *bufio.Reader
}

// ask asks for the credentials and for what is required; the rest has defaults.
func (a *asker) ask(s *setup, fields []field) error {
	for _, f := range fields {
		if !f.secret && !f.required {
			continue
		}
		text, err := a.read(f)
		switch {
		case err != nil:
			return err
		case text == "" && f.required && !f.secret:
			return fmt.Errorf("%s is needed", f.name)
		case text == "":
		case f.secret:
			s.Secrets[f.name] = text
		default:
			s.config[f.name] = f.value(text)
		}
	}
	return nil
}

func (a *asker) read(f field) (string, error) {
	fmt.Fprintf(a.o.out, "%s (%s): ", f.name, f.title)
	if f.secret {
		b, err := term.ReadPassword(int(a.in.Fd()))
		fmt.Fprintln(a.o.out)
		return strings.TrimSpace(string(b)), err
	}
	line, err := a.lines.ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimSpace(line), err
}
