package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
)

// newGrant shows what an update of a plugin wants, with its reasons, and asks. What is granted is what was shown: the
// gateway refuses if the files are others by then.
func newGrant(o *options) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "grant PLUGIN", Short: "Look at what an update of a plugin wants, and grant it", Args: takes("PLUGIN"),
		Long:              "Show what an update of a plugin is, uses and asks for beyond what was granted, and grant it when you say so.",
		Example:           "  carapace plugins grant weather\n  carapace plugins grant weather --yes",
		ValidArgsFunction: o.complete(pluginIDs),
		RunE:              aPlugin.of(func(c *cobra.Command, args []string) error { return runGrant(c.Context(), o, args[0], yes) }),
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return o.client(c)
}

func runGrant(ctx context.Context, o *options, id string, yes bool) error {
	var info plugin.Details
	if err := o.call(ctx, "plugins.info", plugin.IDParams{ID: id}, &info); err != nil {
		return err
	}
	if info.Waiting == nil {
		return fmt.Errorf("nothing of %s waits for a grant", id)
	}
	if !o.json {
		printWaiting(o.out, info)
	}
	if !yes {
		if err := o.confirm(ctx, "grant it?"); err != nil {
			return err
		}
	}
	var granted plugin.Details
	if err := o.call(ctx, "plugins.grant", plugin.GrantParams{ID: id, Digest: info.Waiting.Digest}, &granted); err != nil {
		return err
	}
	if o.json {
		return o.printJSON(granted)
	}
	return o.println("granted")
}

// printWaiting writes what an update wants, for the owner to judge.
func printWaiting(w io.Writer, p plugin.Details) {
	fmt.Fprintf(w, "%s %s wants more than was granted: %s\n", plain.Line(p.ID), plain.Line(p.Waiting.Version), plain.Line(strings.Join(p.Waiting.Lacking, ", ")))
	for _, perm := range p.Waiting.Permissions {
		if !perm.Granted {
			printPermission(w, perm)
		}
	}
}

// confirm asks a question whose answer is no unless somebody says yes. Errors: that nobody did; errLeft.
func (o *options) confirm(ctx context.Context, question string) error {
	in, ok := terminal(o.in)
	if !ok {
		return usageError{errors.New("nobody can be asked here: add --yes to do it")}
	}
	answer, err := newAsker(in, o.err).line(ctx, question+" [y/N] ")
	if err != nil {
		return err
	}
	if answer != "y" && answer != "yes" {
		return errors.New("nothing was done")
	}
	return nil
}
