package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/retry"
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

type logChunk struct {
	Lines     []string `json:"lines"`
	Cursor    int64    `json:"cursor"`
	Truncated bool     `json:"truncated,omitempty"`
	Reset     bool     `json:"reset,omitempty"`
}

func (o *options) logs(c *cobra.Command, follow bool, limit int) error {
	conn, err := o.dial(c.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	chunk, err := o.tail(c, conn, map[string]any{"limit": limit})
	for err == nil && follow && retry.Sleep(c.Context(), pollLogs) {
		chunk, err = o.tail(c, conn, map[string]any{"limit": 1000, "cursor": chunk.Cursor})
	}
	if c.Context().Err() != nil {
		return nil
	}
	return err
}

func (o *options) tail(c *cobra.Command, conn *client.Client, params map[string]any) (logChunk, error) {
	var chunk logChunk
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
