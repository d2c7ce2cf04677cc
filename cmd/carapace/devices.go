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
		newPair(o),
		decide("approve", "Pair the device that asks", "device.pair.approve", "approved"),
		o.client(&cobra.Command{
			Use: "revoke DEVICE", Short: "Forget a paired device and end its connections", Example: "  carapace devices revoke 'my phone'", Args: takes("DEVICE"),
			RunE: o.device("device.pair.remove", func(id string, _ []string) any { return auth.DeviceRef{DeviceID: id} }, "revoked"),
		}),
		o.client(&cobra.Command{
			Use: "rename DEVICE NAME", Short: "Give a paired device a name of yours", Example: "  carapace devices rename 3f6c51 'my phone'", Args: takes("DEVICE", "NAME"),
			RunE: o.device("device.pair.rename", func(id string, args []string) any { return auth.Renaming{DeviceID: id, Label: args[1]} }, "renamed"),
		}),
		decide("reject", "Turn the device away", "device.pair.reject", "rejected"),
	)
	return c
}

// device calls a method about the paired device that the first argument names.
func (o *options) device(method string, params func(id string, args []string) any, done string) runner {
	return func(c *cobra.Command, args []string) error {
		var list auth.PairList
		if err := o.call(c.Context(), "device.pair.list", nil, &list); err != nil {
			return err
		}
		var all []called
		for _, d := range list.Paired {
			all = append(all, called{d.DeviceID, deviceName(d)})
		}
		id, err := kind{"device", "devices list"}.named(args[0], all)
		if err != nil {
			return err
		}
		return act(o, method, fixed(params(id, args)), done)(c, args)
	}
}

// deviceName is what a device is called: by the owner, by itself, or by the program that it is.
func deviceName(d auth.DeviceRow) string { return cmp.Or(d.OperatorLabel, d.DisplayName, d.ClientID) }

// printDevices writes who asks first, since that is what waits for the owner. A device that has a name is shown by it.
func printDevices(w io.Writer, list auth.PairList) error {
	var rows [][]string
	for _, d := range list.Pending {
		rows = append(rows, []string{"asks", d.RequestID, orDash(cmp.Or(d.DisplayName, d.ClientID)), orDash(d.Platform), orDash(d.RemoteIP), ago(d.Ts)})
	}
	for _, d := range list.Paired {
		state := "paired"
		if d.Connected {
			state = "connected"
		}
		rows = append(rows, []string{state, d.DeviceID, orDash(deviceName(d)), orDash(d.Platform), orDash(d.RemoteIP), ago(d.ApprovedAtMs)})
	}
	return listed(w, "STATE ID NAME PLATFORM FROM SINCE", rows, "no device is paired, and none asks to be")
}
