package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/heartbeat"
)

// newHeartbeat shows and switches when the assistant wakes by itself.
func newHeartbeat(o *options) *cobra.Command {
	c := o.client(&cobra.Command{
		Use: "heartbeat", Short: "Show how the assistant last woke by itself, and switch that on or off", Example: "  carapace heartbeat\n  carapace heartbeat on",
		Args: known, RunE: show(o, "last-heartbeat", fixed(nil), printBeat),
	})
	for _, name := range []string{"on", "off"} {
		c.AddCommand(o.client(&cobra.Command{
			Use: name, Short: "Switch heartbeats " + name, Example: "  carapace heartbeat " + name, Args: takes(),
			RunE: show(o, "set-heartbeats", fixed(heartbeat.SetParams{Enabled: name == "on"}), printHeartbeats),
		}))
	}
	return c
}

// newWake tells the assistant something.
func newWake(o *options) *cobra.Command {
	var later bool
	c := &cobra.Command{
		Use: "wake TEXT", Short: "Tell the assistant something that it looks at now", Example: "  carapace wake \"The backup has failed.\"", Args: takes("TEXT"),
		RunE: func(c *cobra.Command, args []string) error {
			p, done := heartbeat.WakeParams{Mode: "now", Text: args[0]}, "told"
			if later {
				p.Mode, done = "next-heartbeat", "noted for its next run"
			}
			return act(o, "wake", fixed(p), done)(c, args)
		},
	}
	c.Flags().BoolVar(&later, "later", false, "with its next run, for whatever reason that begins")
	return o.client(c)
}

func printHeartbeats(w io.Writer, r heartbeat.SetResult) error {
	if !r.Enabled {
		_, err := fmt.Fprintln(w, "the assistant does not wake by itself")
		return err
	}
	_, err := fmt.Fprintf(w, "the assistant wakes every %s\n", exact(milliseconds(r.IntervalMs)))
	return err
}

func printBeat(w io.Writer, b *heartbeat.Beat) error {
	if b == nil {
		_, err := fmt.Fprintln(w, "no heartbeat yet: `carapace heartbeat on` has the assistant wake by itself")
		return err
	}
	said := map[heartbeat.Status]string{
		heartbeat.Sent: "it said: " + b.Preview, heartbeat.Quiet: "it had nothing to say", heartbeat.Skipped: "skipped: " + b.Reason, heartbeat.Failed: "it failed: " + b.Reason,
	}
	_, err := fmt.Fprintf(w, "%s, %s\n", ago(b.Ts), plain.Line(cmp.Or(said[b.Status], string(b.Status))))
	return err
}
