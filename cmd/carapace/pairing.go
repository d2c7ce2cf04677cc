package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
)

// newPairing is the owner's side of pairing: a stranger who writes to a channel is told a code, and the owner
// approves or dismisses that code here.
func newPairing(o *options) *cobra.Command {
	c := &cobra.Command{Use: "pairing", Short: "Say who may write to the assistant on a chat channel", Args: cobra.NoArgs, RunE: help}
	list := func(args []string) any {
		var p inbox.PairingListParams
		if len(args) == 1 {
			p.Channel = args[0]
		}
		return p
	}
	decision := func(args []string) any { return inbox.PairingDecisionParams{Channel: args[0], Code: args[1]} }
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list [CHANNEL]", Short: "List who asks to write", Example: "  carapace pairing list", Args: atMost("[CHANNEL]"),
			RunE: show(o, "channels.pairing.list", list, printPairing),
		}),
		o.client(&cobra.Command{
			Use: "approve CHANNEL CODE", Short: "Let the sender with this code write", Example: "  carapace pairing approve telegram ABCD2345", Args: exactly("CHANNEL", "CODE"),
			RunE: act(o, "channels.pairing.approve", decision, "approved"),
		}),
		o.client(&cobra.Command{
			Use: "dismiss CHANNEL CODE", Short: "Forget a request", Example: "  carapace pairing dismiss telegram ABCD2345", Args: exactly("CHANNEL", "CODE"),
			RunE: act(o, "channels.pairing.dismiss", decision, "dismissed"),
		}),
	)
	return c
}

// printPairing writes the requests that wait; the code is what approve and dismiss take.
func printPairing(w io.Writer, list inbox.PairingListResult) error {
	var rows [][]string
	for _, p := range list.Requests {
		rows = append(rows, []string{p.Channel, p.AccountID, p.SenderID, orDash(p.SenderLabel), p.RequestID})
	}
	return table(w, "CHANNEL ACCOUNT SENDER NAME CODE", rows)
}
