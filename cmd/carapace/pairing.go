package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
)

func newPairing(o *options) *cobra.Command {
	c := &cobra.Command{Use: "pairing", Short: "Say who may write to the assistant on a chat channel", Args: cobra.NoArgs}
	decide := func(use, short, done string) *cobra.Command {
		return o.client(&cobra.Command{
			Use: use + " CHANNEL CODE", Short: short, Example: "  carapace pairing " + use + " telegram ABCD2345", Args: cobra.ExactArgs(2),
			RunE: func(c *cobra.Command, args []string) error {
				return o.show(c.Context(), "channels.pairing."+use, inbox.PairingDecisionParams{Channel: args[0], Code: args[1]}, line(done))
			},
		})
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list [CHANNEL]", Short: "List who asks to write", Example: "  carapace pairing list", Args: cobra.MaximumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error {
				var params inbox.PairingListParams
				if len(args) == 1 {
					params.Channel = args[0]
				}
				return o.show(c.Context(), "channels.pairing.list", params, as(writePairing))
			},
		}),
		decide("approve", "Let the sender with this code write", "approved"),
		decide("dismiss", "Forget a request", "dismissed"),
	)
	return c
}

func writePairing(w io.Writer, list inbox.PairingListResult) error {
	var rows [][]string
	for _, p := range list.Requests {
		rows = append(rows, []string{p.Channel, p.AccountID, p.SenderID, orDash(p.SenderLabel), p.RequestID})
	}
	return table(w, "CHANNEL ACCOUNT SENDER NAME CODE", rows)
}
