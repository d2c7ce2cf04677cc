package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// pollLogs is how often logs -f asks for more.
const pollLogs = 500 * time.Millisecond

func newLogs(o *options) *cobra.Command {
	var follow bool
	var limit int
	c := &cobra.Command{
		Use: "logs", Short: "Print the gateway's log", Example: "  carapace logs\n  carapace logs -f", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.logs(c, follow, limit) },
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C")
	c.Flags().IntVar(&limit, "limit", 200, "how many lines, at most 5000")
	return o.client(c)
}

func (o *options) logs(c *cobra.Command, follow bool, limit int) error {
	conn, err := o.dial(c.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	chunk, err := o.tail(c, conn, system.TailParams{Limit: limit})
	for err == nil && follow && retry.Sleep(c.Context(), pollLogs) {
		chunk, err = o.tail(c, conn, system.TailParams{Limit: 1000, Cursor: &chunk.Cursor})
	}
	if c.Context().Err() != nil {
		return nil
	}
	return err
}

func (o *options) tail(c *cobra.Command, conn *client.Client, params system.TailParams) (system.TailResult, error) {
	var chunk system.TailResult
	if err := conn.Call(c.Context(), "logs.tail", params, &chunk); err != nil {
		return chunk, err
	}
	if chunk.Reset {
		fmt.Fprintln(o.err, "(some lines are gone)")
	}
	if o.json && len(chunk.Lines) > 0 {
		return chunk, o.printJSON(chunk)
	}
	for _, line := range chunk.Lines {
		fmt.Fprintln(o.out, line)
	}
	return chunk, nil
}
