package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/audit"
)

// auditKinds are what audit shows, by the words of --kind.
var auditKinds = map[string]string{"calls": "tool_action", "runs": "agent_run", "all": ""}

// newAudit shows who changed the gateway, let a device in or was refused.
func newAudit(o *options) *cobra.Command {
	var since span
	var method string
	limit, kind := number{50, 1, 500}, "calls"
	c := &cobra.Command{
		Use: "audit", Short: "Show who changed the gateway, let a device in or was refused",
		Long: "Show who changed the gateway, let a device in or was refused, the last first. It is kept for 90 days, without what was said: " +
			"no setting's value, no credential.",
		Example: "  carapace audit\n  carapace audit --since 24h --method exec.approvals.set\n  carapace audit --method device.", Args: takes(),
		RunE: func(c *cobra.Command, args []string) error {
			params := audit.Params{Method: method, Limit: limit.n}
			known := false
			if params.Kind, known = auditKinds[kind]; !known {
				return usageError{fmt.Errorf("--kind cannot be %.40q: it takes calls, runs or all", kind)}
			}
			if since > 0 {
				params.After = time.Now().Add(-time.Duration(since)).UnixMilli()
			}
			return show(o, "audit.list", fixed(params), printAudit)(c, args)
		},
	}
	c.Flags().Var(&since, "since", "how far back, such as 24h")
	c.Flags().StringVar(&method, "method", "", "a method, or what several begin with up to a dot, such as device.")
	c.Flags().StringVar(&kind, "kind", kind, "calls, runs of the assistant, or all")
	c.Flags().Var(&limit, "limit", "how many, at most 500")
	offered := cobra.FixedCompletions([]string{"all", "calls", "runs"}, cobra.ShellCompDirectiveNoFileComp)
	if err := c.RegisterFlagCompletionFunc("kind", offered); err != nil {
		panic(err) // there is no such flag
	}
	return o.client(c)
}

func printAudit(w io.Writer, r audit.Result) error {
	var rows [][]string
	for _, e := range r.Events {
		at := time.UnixMilli(e.OccurredAt).Format("2006-01-02 15:04:05")
		if e.Call == nil {
			rows = append(rows, []string{at, cmp.Or(e.ErrorCode, e.Status), e.Action, e.AgentID, "-", e.SessionKey})
			continue
		}
		c := e.Call
		rows = append(rows, []string{at, auditOutcome(c), c.Method, auditCaller(c.Caller), auditPlace(c.Caller), auditAbout(c.About)})
	}
	if err := listed(w, "WHEN OUTCOME WHAT WHO FROM ABOUT", rows, "nothing is noted yet"); err != nil || r.NextCursor == "" {
		return err
	}
	_, err := fmt.Fprintln(w, "there are older ones: --limit shows more at a time, and `carapace call audit.list` goes on with a cursor")
	return err
}

// auditOutcome is what came of a call, and how often where that was refused again and again.
func auditOutcome(c *audit.Call) string {
	if c.Count > 1 {
		return fmt.Sprintf("%s (%d times)", c.Outcome, c.Count)
	}
	return c.Outcome
}

// auditCaller is who called, as he calls himself, with the beginning of what his device is known by.
func auditCaller(c audit.Caller) string {
	who := cmp.Or(c.Name, c.ClientID, "-")
	if c.DeviceID != "" {
		who += " (" + c.DeviceID[:min(len(c.DeviceID), 12)] + ")"
	}
	return who
}

func auditPlace(c audit.Caller) string {
	if c.Local {
		return "this machine"
	}
	if c.Channel != "" {
		return c.Channel
	}
	return cmp.Or(c.RemoteIP, "-")
}

func auditAbout(about map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(about)) {
		list = append(list, name+"="+about[name])
	}
	return cmp.Or(strings.Join(list, " "), "-")
}
