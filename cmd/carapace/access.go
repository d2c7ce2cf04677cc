package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
)

func newPairing(o *options) *cobra.Command {
	c := &cobra.Command{Use: "pairing", Short: "Say who may write to the assistant on a chat channel", Args: cobra.NoArgs}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list [CHANNEL]", Short: "List who asks to write", Example: "  carapace pairing list", Args: cobra.MaximumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error { return o.listPairing(c, args) },
		}),
		o.client(&cobra.Command{
			Use: "approve CHANNEL CODE", Short: "Let the sender with this code write", Example: "  carapace pairing approve telegram ABCD2345", Args: cobra.ExactArgs(2),
			RunE: func(c *cobra.Command, args []string) error {
				return o.do(c, "channels.pairing.approve", inbox.PairingDecisionParams{Channel: args[0], Code: args[1]}, "approved")
			},
		}),
		o.client(&cobra.Command{
			Use: "dismiss CHANNEL CODE", Short: "Forget a request", Example: "  carapace pairing dismiss telegram ABCD2345", Args: cobra.ExactArgs(2),
			RunE: func(c *cobra.Command, args []string) error {
				return o.do(c, "channels.pairing.dismiss", inbox.PairingDecisionParams{Channel: args[0], Code: args[1]}, "dismissed")
			},
		}),
	)
	return c
}

func (o *options) listPairing(c *cobra.Command, args []string) error {
	var params inbox.PairingListParams
	if len(args) == 1 {
		params.Channel = args[0]
	}
	var raw json.RawMessage
	if err := o.call(c.Context(), "channels.pairing.list", params, &raw); err != nil || o.json {
		return firstError(err, func() error { return o.printJSON(raw) })
	}
	var list inbox.PairingListResult
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	var rows [][]string
	for _, p := range list.Requests {
		rows = append(rows, []string{p.Channel, p.AccountID, p.SenderID, orDash(p.SenderLabel), p.RequestID})
	}
	return table(o.out, "CHANNEL ACCOUNT SENDER NAME CODE", rows)
}

func newDevices(o *options) *cobra.Command {
	c := &cobra.Command{Use: "devices", Short: "Say which apps may connect to the gateway", Args: cobra.NoArgs}
	decide := func(use, short, method, done string) *cobra.Command {
		return o.client(&cobra.Command{
			Use: use + " REQUEST", Short: short, Example: "  carapace devices " + use + " 3f6c…", Args: cobra.ExactArgs(1),
			RunE: func(c *cobra.Command, args []string) error {
				return o.do(c, method, auth.RequestRef{RequestID: args[0]}, done)
			},
		})
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List paired devices and those that ask to be", Example: "  carapace devices list", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return o.listDevices(c) },
		}),
		decide("approve", "Pair the device that asks", "device.pair.approve", "approved"),
		decide("reject", "Turn the device away", "device.pair.reject", "rejected"),
	)
	return c
}

func (o *options) listDevices(c *cobra.Command) error {
	var raw json.RawMessage
	if err := o.call(c.Context(), "device.pair.list", nil, &raw); err != nil || o.json {
		return firstError(err, func() error { return o.printJSON(raw) })
	}
	var list auth.PairList
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	var rows [][]string
	for _, d := range list.Pending {
		rows = append(rows, []string{"asks", d.RequestID, orDash(d.ClientID), orDash(d.Platform), orDash(d.RemoteIP), ago(d.Ts)})
	}
	for _, d := range list.Paired {
		rows = append(rows, []string{"paired", d.DeviceID, orDash(d.ClientID), orDash(d.Platform), orDash(d.RemoteIP), ago(d.ApprovedAtMs)})
	}
	return table(o.out, "STATE ID CLIENT PLATFORM FROM SINCE", rows)
}

func newDelivery(o *options) *cobra.Command {
	c := &cobra.Command{Use: "delivery", Short: "Look at outgoing messages that wait", Args: cobra.NoArgs}
	decide := func(use, short, done string) *cobra.Command {
		return o.client(&cobra.Command{
			Use: use + " MESSAGE", Short: short, Example: "  carapace delivery " + use + " 3f6c…", Args: cobra.ExactArgs(1),
			RunE: func(c *cobra.Command, args []string) error {
				return o.do(c, "delivery."+use, delivery.IDParams{ID: args[0]}, done)
			},
		})
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the messages that wait, are held, or failed", Example: "  carapace delivery list", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return o.listDelivery(c) },
		}),
		decide("release", "Send a held message after all", "released"),
		decide("drop", "Do not send a message", "dropped"),
	)
	return c
}

func (o *options) listDelivery(c *cobra.Command) error {
	var raw json.RawMessage
	if err := o.call(c.Context(), "delivery.list", delivery.ListParams{}, &raw); err != nil || o.json {
		return firstError(err, func() error { return o.printJSON(raw) })
	}
	var list delivery.ListResult
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	var rows [][]string
	for _, m := range list.Messages {
		why := m.Waiting
		if m.Error != nil {
			why = m.Error.Message
		}
		rows = append(rows, []string{m.ID, m.Channel + "/" + m.AccountID, string(m.State), ago(m.CreatedAt), why})
	}
	return table(o.out, "MESSAGE CHANNEL STATE CREATED REASON", rows)
}

func newCall(o *options) *cobra.Command {
	var params string
	c := &cobra.Command{
		Use: "call METHOD", Short: "Call any method of the gateway and print its answer", Example: "  carapace call health\n  carapace call chat.history --params '{\"sessionKey\":\"main\"}'", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !json.Valid([]byte(params)) {
				return usageError{fmt.Errorf("--params is not JSON: %s", params)}
			}
			var raw json.RawMessage
			return firstError(o.call(c.Context(), args[0], json.RawMessage(params), &raw), func() error { return o.printJSON(raw) })
		},
	}
	c.Flags().StringVar(&params, "params", "{}", "the parameters, a JSON object")
	return o.client(c)
}
