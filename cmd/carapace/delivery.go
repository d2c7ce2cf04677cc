package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
)

// newDelivery looks after the outbound queue. A message is held when a crash or a timeout left open whether it
// arrived: only the owner can find out whether sending it now would be a second time.
func newDelivery(o *options) *cobra.Command {
	c := &cobra.Command{Use: "delivery", Short: "Look at outgoing messages that wait", Args: known, RunE: help}
	message := func(args []string) any { return delivery.IDParams{ID: args[0]} }
	decide := func(use, short, done string) *cobra.Command {
		return o.client(&cobra.Command{
			Use: use + " MESSAGE", Short: short, Example: "  carapace delivery " + use + " 3f6c…", Args: takes("MESSAGE"),
			RunE: kind{"message", "delivery list"}.of(act(o, "delivery."+use, message, done)),
		})
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the messages that wait, are held, or failed", Example: "  carapace delivery list", Args: takes(),
			RunE: show(o, "delivery.list", fixed(delivery.ListParams{Limit: 1000}), printDelivery),
		}),
		decide("release", "Send a held message after all", "released"),
		decide("drop", "Do not send a message", "dropped"),
	)
	return c
}

// printDelivery writes the queue; the reason is the last error, or what the message waits for.
func printDelivery(w io.Writer, list delivery.ListResult) error {
	var rows [][]string
	for _, m := range list.Messages {
		why := m.Waiting
		if m.Error != nil {
			why = m.Error.Message
		}
		rows = append(rows, []string{m.ID, m.Channel + "/" + m.AccountID, string(m.State), ago(m.CreatedAt), why})
	}
	return listed(w, "MESSAGE CHANNEL STATE CREATED REASON", rows, "all messages were sent: none waits, is held, or failed")
}
