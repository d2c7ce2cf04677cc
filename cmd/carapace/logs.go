package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

const (
	// pollLogs is how often logs -f asks for more.
	pollLogs = 500 * time.Millisecond
	// followLines is how many lines one poll may bring; what is more comes with the next.
	followLines = 1000
)

// newLogs prints what the gateway has logged. It is asked for over the connection, so the gateway may run on
// another machine or under a service manager.
func newLogs(o *options) *cobra.Command {
	var follow bool
	limit := number{200, 1, 5000}
	c := &cobra.Command{
		Use: "logs", Short: "Print the gateway's log", Example: "  carapace logs\n  carapace logs -f", Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error { return printLogs(c.Context(), o, "", follow, limit.n) },
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C")
	c.Flags().Var(&limit, "limit", "how many lines, at most 5000")
	return o.client(c)
}

// newPluginLogs prints what a plugin has logged, of the lines that the gateway has kept.
func newPluginLogs(o *options) *cobra.Command {
	var follow bool
	c := &cobra.Command{
		Use: "logs PLUGIN", Short: "Print what a plugin has logged", Example: "  carapace plugins logs weather -f", Args: takes("PLUGIN"),
		ValidArgsFunction: o.complete(pluginIDs),
		RunE: aPlugin.of(func(c *cobra.Command, args []string) error {
			if err := o.call(c.Context(), "plugins.info", plugin.IDParams{ID: args[0]}, nil); err != nil {
				return err
			}
			return printLogs(c.Context(), o, pluginLog(args[0]), follow, 5000)
		}),
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C")
	return o.client(c)
}

// pluginLog is the part of the gateway that a plugin's lines are from.
func pluginLog(id string) string { return "plugin." + id }

// printLogs prints the last limit lines and, where follow says so, what comes after them: those of one part of the
// gateway, or all where from is empty. Ctrl-C is how following ends, so it is no error.
func printLogs(ctx context.Context, o *options, from string, follow bool, limit int) error {
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	t := &tail{o: o, conn: conn, from: from}
	cursor, err := t.print(ctx, system.TailParams{Limit: limit})
	if err == nil && t.printed == 0 && from != "" && !o.json {
		fmt.Fprintln(o.err, "nothing is in the log of it yet: `carapace config set log.level debug` has more written")
	}
	for err == nil && follow && retry.Sleep(ctx, pollLogs) {
		cursor, err = t.print(ctx, system.TailParams{Limit: followLines, Cursor: &cursor})
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// tail prints the log piece by piece over one connection.
type tail struct {
	o    *options
	conn *client.Client
	from string // the part of the gateway whose lines are printed; all when empty

	printed int // lines, so far
}

// concerns says that a line is from that part, or, where that is a plugin, what the gateway says of an account or a message of it.
func (t *tail) concerns(line logs.Line) bool {
	if line.From() == t.from {
		return true
	}
	id, ofPlugin := strings.CutPrefix(t.from, pluginLog(""))
	if !ofPlugin || strings.HasPrefix(line.From(), pluginLog("")) {
		return false
	}
	_, account, _ := strings.Cut(line.Text, " account=")
	_, channel, _ := strings.Cut(line.Text, " channel=")
	return strings.HasPrefix(account, id+"/") || strings.HasPrefix(channel+" ", id+" ")
}

// print prints one piece and returns where the next one begins. The gateway keeps the end of its log only: a
// reader that was too slow is told that something is missing.
func (t *tail) print(ctx context.Context, params system.TailParams) (next int64, err error) {
	var chunk system.TailResult
	if err := t.conn.Call(ctx, "logs.tail", params, &chunk); err != nil {
		return 0, err
	}
	if chunk.Reset {
		fmt.Fprintln(t.o.err, "(some lines are gone)")
	}
	if t.from != "" {
		chunk.Lines = slices.DeleteFunc(chunk.Lines, func(text string) bool {
			line, ok := logs.ParseLine(text)
			return !ok || !t.concerns(line)
		})
	}
	t.printed += len(chunk.Lines)
	if t.o.json && len(chunk.Lines) > 0 {
		return chunk.Cursor, t.o.printJSON(chunk)
	}
	for _, text := range chunk.Lines {
		if line, ok := logs.ParseLine(text); ok {
			text = line.String()
		}
		fmt.Fprintln(t.o.out, text)
	}
	return chunk.Cursor, nil
}
