package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/auth"
)

func newDevices(o *options) *cobra.Command {
	c := &cobra.Command{Use: "devices", Short: "Say which apps may connect to the gateway", Args: cobra.NoArgs}
	decide := func(use, short, done string) *cobra.Command {
		return o.client(&cobra.Command{
			Use: use + " REQUEST", Short: short, Example: "  carapace devices " + use + " 3f6c…", Args: cobra.ExactArgs(1),
			RunE: func(c *cobra.Command, args []string) error {
				return o.show(c.Context(), "device.pair."+use, auth.RequestRef{RequestID: args[0]}, line(done))
			},
		})
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List paired devices and those that ask to be", Example: "  carapace devices list", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				return o.show(c.Context(), "device.pair.list", nil, as(writeDevices))
			},
		}),
		decide("approve", "Pair the device that asks", "approved"),
		decide("reject", "Turn the device away", "rejected"),
	)
	return c
}

func writeDevices(w io.Writer, list auth.PairList) error {
	var rows [][]string
	for _, d := range list.Pending {
		rows = append(rows, []string{"asks", d.RequestID, orDash(d.ClientID), orDash(d.Platform), orDash(d.RemoteIP), ago(d.Ts)})
	}
	for _, d := range list.Paired {
		rows = append(rows, []string{"paired", d.DeviceID, orDash(d.ClientID), orDash(d.Platform), orDash(d.RemoteIP), ago(d.ApprovedAtMs)})
	}
	return table(w, "STATE ID CLIENT PLATFORM FROM SINCE", rows)
}
