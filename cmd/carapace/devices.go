package main

import (
	"cmp"
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/wire"
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
		newRotate(o),
		decide("reject", "Turn the device away", "device.pair.reject", "rejected"),
	)
	return c
}

// newRotate replaces the token of a device. The gateway shows the new one to nobody but the device where that is to be so.
func newRotate(o *options) *cobra.Command {
	role := string(wire.RoleOperator)
	c := &cobra.Command{
		Use: "rotate DEVICE", Short: "Replace the token of a paired device, and end its connections", Args: takes("DEVICE"),
		Example: "  carapace devices rotate 'my phone'\n  carapace devices rotate 3f6c51 --role node",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		id, err := o.deviceID(c.Context(), args[0])
		if err != nil {
			return err
		}
		return show(o, "device.token.rotate", fixed(auth.Rotation{DeviceID: id, Role: wire.Role(role)}), printRotated)(c, args)
	}
	c.Flags().StringVar(&role, "role", role, "whose token: operator, or node for what it does as a node")
	return o.client(c)
}

// printRotated writes the new token where the gateway shows it, and else how the device gets one.
func printRotated(w io.Writer, r auth.Rotated) error {
	text := "rotated: what it had is void. It asks for a new one with the gateway's token, or comes back by `carapace devices pair`\n"
	if r.Token != "" {
		text = "rotated: what it had is void. The new token, which is not shown again:\n" + plain.Line(r.Token) + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// device calls a method about the paired device that the first argument names.
func (o *options) device(method string, params func(id string, args []string) any, done string) runner {
	return func(c *cobra.Command, args []string) error {
		id, err := o.deviceID(c.Context(), args[0])
		if err != nil {
			return err
		}
		return act(o, method, fixed(params(id, args)), done)(c, args)
	}
}

// deviceID is the id of the paired device that an argument names.
func (o *options) deviceID(ctx context.Context, name string) (string, error) {
	var list auth.PairList
	if err := o.call(ctx, "device.pair.list", nil, &list); err != nil {
		return "", err
	}
	var all []called
	for _, d := range list.Paired {
		all = append(all, called{d.DeviceID, deviceName(d)})
	}
	return kind{"device", "devices list"}.named(name, all)
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
