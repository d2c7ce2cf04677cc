package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
)

func newDelivery(o *options) *cobra.Command {
	c := &cobra.Command{Use: "delivery", Short: "Look at outgoing messages that wait", Args: cobra.NoArgs}
	decide := func(use, short, done string) *cobra.Command {
		return o.client(&cobra.Command{
			Use: use + " MESSAGE", Short: short, Example: "  carapace delivery " + use + " 3f6c…", Args: cobra.ExactArgs(1),
			RunE: func(c *cobra.Command, args []string) error {
				return o.show(c.Context(), "delivery."+use, delivery.IDParams{ID: args[0]}, line(done))
			},
		})
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the messages that wait, are held, or failed", Example: "  carapace delivery list", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				return o.show(c.Context(), "delivery.list", delivery.ListParams{}, as(writeDelivery))
			},
		}),
		decide("release", "Send a held message after all", "released"),
		decide("drop", "Do not send a message", "dropped"),
	)
	return c
}

func writeDelivery(w io.Writer, list delivery.ListResult) error {
	var rows [][]string
	for _, m := range list.Messages {
		reason := m.Waiting
		if m.Error != nil {
			reason = m.Error.Message
		}
		rows = append(rows, []string{m.ID, m.Channel + "/" + m.AccountID, string(m.State), ago(m.CreatedAt), reason})
	}
	return table(w, "MESSAGE CHANNEL STATE CREATED REASON", rows)
}
