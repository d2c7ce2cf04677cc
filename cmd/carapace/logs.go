package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

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
		RunE: func(c *cobra.Command, _ []string) error { return printLogs(c.Context(), o, follow, limit) },
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C")
	c.Flags().IntVar(&limit, "limit", 200, "how many lines, at most 5000")
	return o.client(c)
}

// printLogs prints the log's last lines, and with follow what is added until ctx ends.
func printLogs(ctx context.Context, o *options, follow bool, limit int) error {
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for params := (system.TailParams{Limit: limit}); ; {
		var chunk system.TailResult
		if err = conn.Call(ctx, "logs.tail", params, &chunk); err == nil {
			err = writeLogs(o, chunk)
		}
		if err != nil || !follow || !retry.Sleep(ctx, pollLogs) {
			break
		}
		params = system.TailParams{Limit: 1000, Cursor: &chunk.Cursor}
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func writeLogs(o *options, chunk system.TailResult) error {
	if chunk.Reset {
		fmt.Fprintln(o.err, "(some lines are gone)")
	}
	if o.json && len(chunk.Lines) > 0 {
		return printJSON(o.out, chunk)
	}
	for _, line := range chunk.Lines {
		fmt.Fprintln(o.out, line)
	}
	return nil
}
