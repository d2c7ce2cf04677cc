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

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// newPairing is the owner's side of pairing: a stranger who writes to a channel is told a code, and the owner
// approves or dismisses that code here, takes approvals back, and says who they are themselves.
func newPairing(o *options) *cobra.Command {
	c := &cobra.Command{Use: "pairing", Short: "Say who may write to the assistant on a chat channel", Args: known, RunE: help}
	list := func(args []string) any {
		var p inbox.PairingListParams
		if len(args) == 1 {
			p.Channel = args[0]
		}
		return p
	}
	decision := func(args []string) any { return inbox.PairingDecisionParams{Channel: args[0], Code: args[1]} }
	allow := func(args []string) any { return inbox.PairingAllowParams{Channel: args[0], Sender: args[1]} }
	revoke := func(args []string) any { return inbox.PairingRevokeParams{Channel: args[0], SenderID: args[1]} }
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list [CHANNEL]", Short: "List who asks to write", Example: "  carapace pairing list", Args: takes("[CHANNEL]"),
			RunE: show(o, "channels.pairing.list", list, printPairing),
		}),
		o.client(&cobra.Command{
			Use: "approved [CHANNEL]", Short: "List who may write because you approved it", Example: "  carapace pairing approved", Args: takes("[CHANNEL]"),
			RunE: show(o, "channels.pairing.approved", list, printApproved),
		}),
		newApprove(o),
		o.client(&cobra.Command{
			Use: "allow CHANNEL SENDER", Short: "Let somebody write who has not asked", Args: takes("CHANNEL", "SENDER"),
			Long:    "Let somebody write who has not asked, by the id, or by the @username or the name that `carapace directory` shows.",
			Example: "  carapace pairing allow telegram @ada", RunE: act(o, "channels.pairing.allow", allow, "allowed"),
		}),
		o.client(&cobra.Command{
			Use: "dismiss CHANNEL CODE", Short: "Forget a request", Example: "  carapace pairing dismiss telegram ABCD2345", Args: takes("CHANNEL", "CODE"),
			RunE: act(o, "channels.pairing.dismiss", decision, "dismissed"),
		}),
		o.client(&cobra.Command{
			Use: "revoke CHANNEL SENDER", Short: "Take an approval back", Example: "  carapace pairing revoke telegram 12345", Args: takes("CHANNEL", "SENDER"),
			RunE: act(o, "channels.pairing.revoke", revoke, "revoked"),
		}),
		o.client(&cobra.Command{
			Use: "owner CHANNEL SENDER", Short: "Say that somebody on a channel is you", Args: takes("CHANNEL", "SENDER"),
			Long: "Say that somebody on a channel is you, by the id that /whoami shows, or by a name that one person has. You may\n" +
				"write there, your chats with the assistant are the main session, and you alone give commands that change\n" +
				"something, such as /new and /model.",
			Example: "  carapace pairing owner telegram 12345",
			RunE: func(c *cobra.Command, args []string) error {
				id, err := o.sender(c.Context(), args[0], args[1])
				if err != nil {
					return err
				}
				return nameOwner(c.Context(), o, args[0]+":"+id)
			},
		}),
	)
	return c
}

// newApprove lets a sender in. Who has not said who they are is asked whether it is themselves.
func newApprove(o *options) *cobra.Command {
	var owner bool
	c := &cobra.Command{
		Use: "approve CHANNEL CODE", Short: "Let the sender with this code write", Args: takes("CHANNEL", "CODE"),
		Example: "  carapace pairing approve telegram ABCD2345\n  carapace pairing approve telegram ABCD2345 --owner",
		RunE: func(c *cobra.Command, args []string) error {
			p := inbox.PairingDecisionParams{Channel: args[0], Code: args[1], BootstrapCommandOwner: owner}
			return approve(c.Context(), o, p)
		},
	}
	c.Flags().BoolVar(&owner, "owner", false, "it is you: your chats are the main session, and you may give commands there")
	return o.client(c)
}

func approve(ctx context.Context, o *options, p inbox.PairingDecisionParams) error {
	var list inbox.PairingListResult
	if err := o.call(ctx, "channels.pairing.list", inbox.PairingListParams{Channel: p.Channel}, &list); err != nil {
		return err
	}
	if _, ok := terminal(o.in); ok && !list.CommandOwnerConfigured && !p.BootstrapCommandOwner && !o.json {
		err := o.confirm(ctx, "no owner is named yet: is that you?")
		if errors.Is(err, errLeft) {
			return err
		}
		p.BootstrapCommandOwner = err == nil
	}
	var done inbox.PairingDecisionResult
	if err := o.call(ctx, "channels.pairing.approve", p, &done); err != nil {
		return err
	}
	switch {
	case o.json:
		return o.printJSON(done)
	case done.CommandOwnerBootstrap == "configured":
		return o.println("approved, and named as the owner")
	case done.CommandOwnerBootstrap == "already-configured":
		return o.println(fmt.Sprintf("approved; an owner is named already: `carapace pairing owner %s` adds this one", plain.Words(done.Channel, done.SenderID)))
	case !list.CommandOwnerConfigured:
		return o.println(fmt.Sprintf("approved; if that is you, say so: `carapace pairing owner %s`", plain.Words(done.Channel, done.SenderID)))
	}
	return o.println("approved")
}

// nameOwner adds a person to the settings.
func nameOwner(ctx context.Context, o *options, owner string) error {
	done, err := addOwner(ctx, o.settings(), owner)
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(done)
	}
	if channel, _, _ := strings.Cut(owner, ":"); channel != "" {
		if odd := unsaidOfPlugin(ctx, o, []string{"channels", channel}); odd != nil {
			fmt.Fprintln(o.err, "note:", plain.Line(odd.Error()))
		}
	}
	return o.println(plain.Line(owner) + " is an owner: that is you, on that channel")
}

// addTries is how often the settings are read anew, since somebody else has changed them.
const addTries = 5

// addOwner adds a person to the owners. A list is written as a whole, so that nobody else may have written meanwhile.
func addOwner(ctx context.Context, store settingsStore, owner string) (done settingsChange, err error) {
	for range addTries {
		var now settingsText
		if now, err = store.read(ctx); err != nil {
			return done, err
		}
		var change wit.JSON
		if change, err = withOwner(now.Raw, owner); err != nil {
			return done, err
		}
		if done, err = store.patch(ctx, change, now.Hash); wit.CodeOf(err) != wit.CodeConflict {
			return done, err
		}
	}
	return done, err
}

// withOwner is the change that makes a person one more owner of the settings.
func withOwner(raw, owner string) (wit.JSON, error) {
	var owners []string
	if d, err := config.ParseDocument([]byte(raw)); err != nil {
		return nil, err
	} else if list, ok := d.Get("owners"); ok {
		if err := json.Unmarshal(list, &owners); err != nil {
			return nil, err
		}
	}
	if !slices.Contains(owners, owner) {
		owners = append(owners, owner)
	}
	return json.Marshal(map[string][]string{"owners": owners})
}

// printPairing writes the requests that wait; the code is what approve and dismiss take.
func printPairing(w io.Writer, list inbox.PairingListResult) error {
	var rows [][]string
	for _, p := range list.Requests {
		rows = append(rows, []string{p.Channel, p.AccountID, p.SenderID, orDash(p.SenderLabel), p.RequestID})
	}
	return listed(w, "CHANNEL ACCOUNT SENDER NAME CODE", rows, "nobody asks to write: who writes to an account for the first time is told a code, and stands here then")
}

// printApproved writes who was let in; the sender is what revoke takes.
func printApproved(w io.Writer, list inbox.PairingApprovedResult) error {
	var rows [][]string
	for _, p := range list.Approved {
		rows = append(rows, []string{p.Channel, p.AccountID, p.SenderID, orDash(p.SenderLabel), p.ApprovedAt})
	}
	return listed(w, "CHANNEL ACCOUNT SENDER NAME APPROVED", rows, "nobody was approved: `carapace pairing list` shows who asks to write")
}
