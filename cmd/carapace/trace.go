package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/retry"
)

// newTrace shows what a plugin does, call by call.
func newTrace(o *options) *cobra.Command {
	var follow bool
	limit := number{20, 1, 200}
	c := &cobra.Command{
		Use: "trace PLUGIN", Short: "Show the calls of a plugin: how long, how much, and what it asked for",
		Long: "Show the calls of a plugin: how long each took, the fuel (of 65,536 steps) and the memory that it used, and what it asked the gateway for. " +
			"Calls are kept from the first look on, and for ten minutes after the last one. What was said in them is not shown.",
		Example: "  carapace plugins trace weather -f", Args: takes("PLUGIN"),
		ValidArgsFunction: o.complete(pluginIDs),
		RunE: aPlugin.of(func(c *cobra.Command, args []string) error {
			return printTraces(c.Context(), o, plugin.TraceParams{ID: args[0], Limit: limit.n}, follow)
		}),
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C")
	c.Flags().Var(&limit, "limit", "how many calls, at most 200")
	return o.client(c)
}

// printTraces prints the last calls and, where follow says so, those that come after them. Ctrl-C is how following ends, so it
// is no error.
func printTraces(ctx context.Context, o *options, params plugin.TraceParams, follow bool) error {
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	started := time.Now()
	r, err := o.printCalls(ctx, conn, params)
	if err == nil && len(r.Calls) == 0 && !follow && !o.json {
		fmt.Fprintf(o.err, "there was no call of %s since %s: what is called from now on is kept\n", params.ID, clockTime(min(r.Since, started.UnixMilli())))
	}
	for params.Limit = 200; err == nil && follow && retry.Sleep(ctx, pollLogs); {
		params.After = &r.Cursor
		r, err = o.printCalls(ctx, conn, params)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// printCalls asks for calls and prints them.
func (o *options) printCalls(ctx context.Context, conn *client.Client, params plugin.TraceParams) (plugin.TraceResult, error) {
	var r plugin.TraceResult
	if err := conn.Call(ctx, "plugins.trace", params, &r); err != nil {
		return r, err
	}
	if r.Missed > 0 {
		fmt.Fprintf(o.err, "(%d calls came too fast to be kept)\n", r.Missed)
	}
	if o.json && (len(r.Calls) > 0 || params.After == nil) {
		return r, o.printJSON(r)
	}
	for _, call := range r.Calls {
		printTraced(o.out, call)
	}
	return r, nil
}

// printTraced writes a line for a call and one for each thing that it asked for.
func printTraced(w io.Writer, c plugin.TracedCall) {
	fmt.Fprintf(w, "%s  %-16s %-12s %9s  code %s  host %s  fuel %d  memory %s  in %s  out %s  %s\n", clockTime(c.At), c.Export, howItWent(c), micros(c.Duration),
		micros(c.Guest), micros(c.Host), c.Fuel, size(c.Memory), size(int64(c.In)), size(int64(c.Out)), plain.Line(c.Version))
	for _, h := range c.HostCalls {
		fmt.Fprintf(w, "              %s\n", strings.TrimSpace(fmt.Sprintf("%-16s %9s  %s", h.Name, micros(h.Duration), h.Code)))
	}
	if c.MoreCalls > 0 {
		fmt.Fprintf(w, "              and %d more\n", c.MoreCalls)
	}
}

// howItWent is the code of a call's error, or ok.
func howItWent(c plugin.TracedCall) string {
	if c.Code != "" {
		return string(c.Code)
	}
	return "ok"
}

// singly is how many calls are shown each by itself that came at once.
const singly = 5

// printOutcomes writes a line for each call and, where there were many at once, one for all of a kind.
func printOutcomes(w io.Writer, r plugin.TraceResult) {
	if len(r.Calls) <= singly {
		for _, c := range r.Calls {
			fmt.Fprintf(w, "%s  call %s  %s  %s\n", clockTime(c.At), c.Export, howItWent(c), micros(c.Duration))
		}
	} else {
		printCounts(w, r.Calls)
	}
	if r.Missed > 0 {
		fmt.Fprintf(w, "%d more calls came too fast to be kept\n", r.Missed)
	}
}

// printCounts writes how often there was a call of each kind, in the order of the first ones, and how long the longest took.
func printCounts(w io.Writer, calls []plugin.TracedCall) {
	type kind struct{ export, outcome string }
	var order []kind
	of := map[kind][]plugin.TracedCall{}
	for _, c := range calls {
		k := kind{c.Export, howItWent(c)}
		if of[k] == nil {
			order = append(order, k)
		}
		of[k] = append(of[k], c)
	}
	for _, k := range order {
		longest := slices.MaxFunc(of[k], func(a, b plugin.TracedCall) int { return cmp.Compare(a.Duration, b.Duration) })
		fmt.Fprintf(w, "%s  %d calls %s  %s  at most %s\n",
			clockTime(of[k][0].At), len(of[k]), k.export, k.outcome, micros(longest.Duration))
	}
}

// clockTime is a moment in Unix milliseconds as the log shows it.
func clockTime(ms int64) string { return time.UnixMilli(ms).Format("15:04:05.000") }

// micros is a duration in microseconds for people.
func micros(us int64) string {
	switch {
	case us < 1000:
		return fmt.Sprintf("%d µs", us)
	case us < 1_000_000:
		return fmt.Sprintf("%.1f ms", float64(us)/1e3)
	}
	return fmt.Sprintf("%.1f s", float64(us)/1e6)
}
