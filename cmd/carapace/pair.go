package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/qrcode"
)

// newPair lets one device in by a code. On a terminal the code is drawn, and the command waits until it was used.
func newPair(o *options) *cobra.Command {
	var limited, node bool
	var params auth.SetupCodeParams
	c := o.client(&cobra.Command{
		Use: "pair", Short: "Make a code that lets one device in, without waiting for your word",
		Long: `Makes a setup code for one device: scan it in the app, or paste it there. The first device that uses it within ten
minutes is paired, and may do all that the code is for. Treat it as a password until then.

A device that reaches the gateway without TLS gets no rights to administer.`,
		Example: "  carapace devices pair\n  carapace devices pair --public-url wss://chat.example.org\n  openclaw connect \"$(carapace devices pair --node)\"",
		Args:    takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case limited:
				params.BootstrapProfile = string(auth.AccessLimited)
			case node:
				params.BootstrapProfile = string(auth.AccessNode)
			}
			return pair(c.Context(), o, params)
		},
	})
	c.Flags().BoolVar(&limited, "limited", false, "let the device chat, approve and read, and administer nothing")
	c.Flags().BoolVar(&node, "node", false, "let the device be a node, which does what it is asked for, and nothing else")
	c.Flags().StringVar(&params.PublicURL, "public-url", "", "where the device reaches the gateway, such as wss://chat.example.org (gateway.publicUrl, or this machine's addresses, when left out)")
	c.MarkFlagsMutuallyExclusive("limited", "node")
	return c
}

func pair(ctx context.Context, o *options, params auth.SetupCodeParams) error {
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	unseen := false
	params.IncludeQR = &unseen
	var code auth.SetupCode
	if err := conn.Call(ctx, "device.pair.setupCode", params, &code); err != nil {
		return err
	}
	if o.json {
		return o.printJSON(code)
	}
	screen, watched := terminal(o.out)
	if watched {
		if err := qrcode.Draw(screen, code.SetupCode); err != nil {
			return err
		}
	}
	if err := o.println(code.SetupCode); err != nil {
		return err
	}
	until := time.UnixMilli(code.ExpiresAtMs)
	fmt.Fprintf(o.err, "lets one device in at %s until %s, with %s access\n", plain.Line(code.GatewayURL), until.Format("15:04"), code.Access)
	if code.AccessDowngraded {
		fmt.Fprintln(o.err, "it cannot administer, since others could listen on the way there: a wss:// address gives full access")
	}
	if !watched {
		return nil
	}
	fmt.Fprintln(o.err, "waiting for the device: Ctrl-C ends the waiting, not the code")
	name, err := deviceOf(ctx, conn, code.SetupID, until)
	if err != nil {
		return err
	}
	return o.println(name + " is paired")
}

// deviceOf waits until a device has used a code, and returns its name.
func deviceOf(ctx context.Context, conn *client.Client, setupID string, until time.Time) (string, error) {
	over := time.NewTimer(time.Until(until))
	defer over.Stop()
	for {
		select {
		case e, ok := <-conn.Events():
			if !ok {
				return "", conn.Err()
			}
			var done auth.SetupCompletion
			if e.Name == auth.SetupCompleted.Name && json.Unmarshal(e.Payload, &done) == nil && done.SetupID == setupID {
				return plain.Line(done.DeviceName), nil
			}
		case <-over.C:
			return "", errors.New("no device has used the code, and it has ended: `carapace devices pair` makes a new one")
		case <-ctx.Done():
			return "", errors.New("left; the code stays good until its end")
		}
	}
}
