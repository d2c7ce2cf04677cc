package main

import (
	"cmp"
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/auth"
)

// newDevices decides which apps may connect. An app proves who it is by a key of its own device; the owner lets
// that key in once.
func newDevices(o *options) *cobra.Command {
	c := &cobra.Command{Use: "devices", Short: "Say which apps may connect to the gateway", Args: known, RunE: help}
	request := func(args []string) any { return auth.RequestRef{RequestID: args[0]} }
	decide := func(use, short, method, done string) *cobra.Command {
		return o.client(&cobra.Command{
			Use: use + " REQUEST", Short: short, Example: "  carapace devices " + use + " 3f6c…", Args: takes("REQUEST"),
			RunE: kind{"request", "devices list"}.of(act(o, method, request, done)),
		})
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List paired devices and those that ask to be", Example: "  carapace devices list", Args: takes(),
			RunE: show(o, "device.pair.list", fixed(nil), printDevices),
		}),
		decide("approve", "Pair the device that asks", "device.pair.approve", "approved"),
		o.client(&cobra.Command{
			Use: "revoke DEVICE", Short: "Forget a paired device and end its connections", Example: "  carapace devices revoke 3f6c…", Args: takes("DEVICE"),
			RunE: kind{"device", "devices list"}.of(act(o, "device.pair.remove", func(args []string) any { return auth.DeviceRef{DeviceID: args[0]} }, "revoked")),
		}),
		o.client(&cobra.Command{
			Use: "rename DEVICE NAME", Short: "Give a paired device a name of yours", Example: "  carapace devices rename 3f6c… 'my phone'", Args: takes("DEVICE", "NAME"),
			RunE: kind{"device", "devices list"}.of(act(o, "device.pair.rename", func(args []string) any { return auth.Renaming{DeviceID: args[0], Label: args[1]} }, "renamed")),
		}),
		decide("reject", "Turn the device away", "device.pair.reject", "rejected"),
	)
	return c
}

// printDevices writes who asks first, since that is what waits for the owner. A device that has a name is shown by it.
func printDevices(w io.Writer, list auth.PairList) error {
	var rows [][]string
	for _, d := range list.Pending {
		rows = append(rows, []string{"asks", d.RequestID, orDash(d.ClientID), orDash(d.Platform), orDash(d.RemoteIP), ago(d.Ts)})
	}
	for _, d := range list.Paired {
		rows = append(rows, []string{"paired", d.DeviceID, orDash(cmp.Or(d.OperatorLabel, d.ClientID)), orDash(d.Platform), orDash(d.RemoteIP), ago(d.ApprovedAtMs)})
	}
	return listed(w, "STATE ID CLIENT PLATFORM FROM SINCE", rows, "no device is paired, and none asks to be")
}
