package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// newCredentials looks after what setup has encrypted. Nothing shows a value.
func newCredentials(o *options) *cobra.Command {
	c := &cobra.Command{Use: "credentials", Short: "See which credentials are kept, and take them back", Args: known, RunE: help}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the credentials, without what they are", Example: "  carapace credentials list", Args: takes(),
			RunE: show(o, "plugins.credentials", fixed(nil), printCredentials),
		}),
		newRevoke(o),
	)
	return c
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
	c.Flags().StringVar(&p.Account, "account", "", "which account of a channel; without it, what serves all of them")
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

func printCredentials(w io.Writer, list system.CredentialList) error {
	var rows [][]string
	for _, c := range list.Credentials {
		rows = append(rows, []string{c.Plugin, orDash(c.Account), c.Name})
	}
	return listed(w, "PLUGIN ACCOUNT CREDENTIAL", rows, "no credential is kept: `carapace setup` asks for them")
}
