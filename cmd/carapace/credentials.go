package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// newCredentials looks after what is kept encrypted. Nothing shows a value.
func newCredentials(o *options) *cobra.Command {
	c := &cobra.Command{Use: "credentials", Short: "See which credentials are kept, change them and take them back", Args: known, RunE: help}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the credentials, without what they are", Example: "  carapace credentials list", Args: takes(),
			RunE: show(o, "credentials.list", fixed(nil), printCredentials),
		}),
		o.client(&cobra.Command{
			Use: "status", Short: "Say how they are kept, and where the key is", Example: "  carapace credentials status", Args: takes(),
			RunE: show(o, "credentials.status", fixed(nil), printVault),
		}),
		newSet(o, false), newSet(o, true), newRevoke(o), newKey(o),
	)
	return c
}

// newSet gives a plugin a credential, or another in the place of the one that it has.
func newSet(o *options, rotate bool) *cobra.Command {
	p, from, untested := system.SetCredential{Rotate: rotate}, "", false
	c := &cobra.Command{
		Use: "set PLUGIN CREDENTIAL", Short: "Keep a credential of a plugin, encrypted",
		Long: "Keep a credential of a plugin, or of an account of a channel. It is asked for, or read from where --value says, and\n" +
			"never stands on the command line, which others on the machine see.",
		Example: "  carapace credentials set openai api_key --value env:OPENAI_API_KEY\n  carapace credentials set telegram botToken --account default\n  carapace credentials set openai api_key --account work",
	}
	if rotate {
		c.Use, c.Short = "rotate PLUGIN CREDENTIAL", "Put a new credential in the place of the old one, if it works"
		c.Long = "Put a new credential in the place of the old one. A provider and an account are tried with it first, and keep the old\n" +
			"one where it does not work. Requests that are under way end with the old one; all that come after have the new one.\n" +
			"The old one is to be revoked where it was made."
		c.Example = "  carapace credentials rotate openai apiKey --value env:OPENAI_API_KEY"
		c.Flags().BoolVar(&untested, "no-test", false, "do not try whether it works")
	}
	c.Args, c.ValidArgsFunction = takes("PLUGIN", "CREDENTIAL"), o.complete(pluginIDs)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		p.ID, p.Name, p.Test = args[0], args[1], rotate && !untested
		if p.Value, err = o.secret(c.Context(), "value", from, p.Name, false); err != nil {
			return err
		}
		return show(o, "credentials.set", fixed(p), func(w io.Writer, done system.ConfigureResult) error {
			tried := ""
			if done.Tested {
				tried = ", and it works"
			}
			_, err := fmt.Fprintln(w, "kept"+tried)
			return err
		})(c, args)
	}
	c.Flags().StringVar(&p.Account, "account", "", "which account of a channel, without it what serves all of them; or a name for a further key of a provider")
	c.Flags().StringVar(&from, "value", "", "where it is: env:VARIABLE, file:PATH, or - for standard input")
	return o.client(c)
}

// newKey seals the credentials anew.
func newKey(o *options) *cobra.Command {
	var p system.NewKey
	var from string
	c := &cobra.Command{
		Use: "key", Short: "Seal all credentials with a new key, and keep it where you say",
		Long: "Seal all credentials with a new key, in one step: they are whole under the old key or under the new one, also where\n" +
			"the gateway is killed meanwhile. What opens them is kept in the system's keyring, by a passphrase, or in a file of the\n" +
			"state directory that only you can read; without --to, where it is now. With a passphrase the gateway asks for it at\n" +
			"each start, or reads it from CARAPACE_PASSPHRASE or --passphrase.",
		Example: "  carapace credentials key\n  carapace credentials key --to passphrase\n  carapace credentials key --to keyring", Args: takes(),
		RunE: func(c *cobra.Command, args []string) (err error) {
			byPassphrase := p.Source == "passphrase"
			if p.Source == "" {
				var now system.VaultStatus
				if err := o.call(c.Context(), "credentials.status", nil, &now); err != nil {
					return err
				}
				byPassphrase = now.Source == "passphrase"
			}
			if byPassphrase {
				if p.Passphrase, err = o.secret(c.Context(), "passphrase", from, "new passphrase", true); err != nil {
					return err
				}
			}
			return show(o, "credentials.key", fixed(p), printVault)(c, args)
		},
	}
	c.Flags().StringVar(&p.Source, "to", "", "keyring, passphrase or file")
	c.Flags().StringVar(&from, "passphrase", "", "where the new passphrase is: env:VARIABLE, file:PATH, or - for standard input")
	return o.client(c)
}

// newRevoke takes credentials back, and an account with them.
func newRevoke(o *options) *cobra.Command {
	var p system.Revoke
	var yes bool
	c := &cobra.Command{
		Use: "revoke PLUGIN [CREDENTIAL]", Short: "Forget credentials of a plugin, or of an account with all its settings",
		Long: "Forget one credential of a plugin, or all of them when none is named. With --account those of an account of a\n" +
			"channel are meant, and without the name of one the account's settings go too: it is no account any more. What the\n" +
			"platform itself has to revoke, a bot's token say, is revoked there.",
		Example:           "  carapace credentials revoke openai api_key\n  carapace credentials revoke telegram --account default",
		Args:              takes("PLUGIN", "[CREDENTIAL]"),
		ValidArgsFunction: o.complete(pluginIDs),
		RunE: func(c *cobra.Command, args []string) error {
			p.ID = args[0]
			if len(args) == 2 {
				p.Name = args[1]
			}
			p.Settings = p.Account != "" && p.Name == ""
			return revoke(c.Context(), o, p, yes)
		},
	}
	c.Flags().StringVar(&p.Account, "account", "", "which account of a channel, without it what serves all of them; or which further key of a provider")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return o.client(c)
}

func revoke(ctx context.Context, o *options, p system.Revoke, yes bool) error {
	what := "all credentials of " + p.ID
	switch {
	case p.Name != "":
		what = "the credential " + p.Name + " of " + strings.TrimSuffix(p.ID+"/"+p.Account, "/")
	case p.Settings:
		what = "the account " + p.ID + "/" + p.Account + " with its credentials and settings"
	}
	if !yes {
		if err := o.confirm(ctx, "forget "+what+"?"); err != nil {
			return err
		}
	}
	var done system.Revoked
	if err := o.call(ctx, "plugins.revoke", p, &done); err != nil {
		return err
	}
	if o.json {
		return o.printJSON(done)
	}
	var gone []string
	if len(done.Credentials) > 0 {
		gone = append(gone, "credentials "+strings.Join(done.Credentials, ", "))
	}
	if done.Settings {
		gone = append(gone, "the account's settings")
	}
	return o.println("forgotten: " + plain.Line(strings.Join(gone, "; ")))
}

func printCredentials(w io.Writer, list system.KeptCredentials) error {
	var rows [][]string
	for _, c := range list.Credentials {
		state := "ok"
		if c.Damaged {
			state = "damaged: set it again"
		}
		rows = append(rows, []string{c.Plugin, orDash(c.Account), c.Name, since(c.SetAt), ago(c.UsedAt), state})
	}
	return listed(w, "PLUGIN ACCOUNT CREDENTIAL SET USED STATE", rows, "no credential is kept: `carapace setup` asks for them")
}

// since is ago for a moment that may be unknown.
func since(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return ago(ms)
}

func printVault(w io.Writer, s system.VaultStatus) error {
	where := map[string]string{
		"keyring": "in the system's keyring", "passphrase": "by a passphrase", "file": "in " + s.File + ", which only you can read", "memory": "in memory, until the gateway stops",
	}[s.Source]
	rows := [][]string{{"key", where}}
	if s.KDF != nil {
		rows = append(rows, []string{"derived", fmt.Sprintf("Argon2id, %d passes over %d MB, %d lanes", s.KDF.Time, s.KDF.Memory>>10, s.KDF.Threads)})
	}
	rows = append(rows, []string{"made", date(s.CreatedAt)}, []string{"changed", date(s.RotatedAt)}, []string{"credentials", fmt.Sprint(s.Credentials)})
	if s.Damaged > 0 {
		rows = append(rows, []string{"damaged", fmt.Sprintf("%d: `carapace credentials list` shows which are to be set again", s.Damaged)})
	}
	return table(w, "", rows)
}

// date is a day for people.
func date(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return time.UnixMilli(ms).Format(time.DateOnly)
}
