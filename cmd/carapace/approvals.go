package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/approval"
)

// newApprovals answers what the assistant, or a client, asks before it does something.
func newApprovals(o *options) *cobra.Command {
	c := &cobra.Command{Use: "approvals", Short: "Say whether the assistant may do what it asks about", Args: known, RunE: help}
	decision := func(d approval.Decision) func([]string) any {
		return func(args []string) any {
			return approval.ResolveParams{IDParams: approval.IDParams{ID: args[0]}, Decision: d}
		}
	}
	always := false
	allow := &cobra.Command{
		Use: "allow APPROVAL", Short: "Let it be done", Args: takes("APPROVAL"), Example: "  carapace approvals allow 3f6c…\n  carapace approvals allow 3f6c… --always",
		RunE: func(c *cobra.Command, args []string) error {
			d := approval.AllowOnce
			if always {
				d = approval.AllowAlways
			}
			return anApproval.of(act(o, "approval.resolve", decision(d), "allowed"))(c, args)
		},
	}
	allow.Flags().BoolVar(&always, "always", false, "do not ask about the same again")
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List what waits for an answer", Example: "  carapace approvals list", Args: takes(),
			RunE: show(o, "exec.approval.list", fixed(struct{}{}), printApprovals),
		}),
		o.client(allow),
		o.client(&cobra.Command{
			Use: "deny APPROVAL", Short: "Forbid it", Example: "  carapace approvals deny 3f6c…", Args: takes("APPROVAL"),
			RunE: anApproval.of(act(o, "approval.resolve", decision(approval.Deny), "denied")),
		}),
		o.client(&cobra.Command{
			Use: "history", Short: "List what was asked and what was said to it, the newest first", Example: "  carapace approvals history", Args: takes(),
			RunE: show(o, "approval.history", fixed(nil), printAnswered),
		}),
		newPolicy(o), newAllowlist(o),
	)
	return c
}

// anApproval is what the commands work on.
var anApproval = kind{"approval", "approvals list"}

// printApprovals writes one line for each approval that waits.
func printApprovals(w io.Writer, list []approval.ExecPending) error {
	var rows [][]string
	for _, a := range list {
		agent := "-"
		if a.Request.AgentID != nil {
			agent = *a.Request.AgentID
		}
		left := length(max(time.Until(time.UnixMilli(a.ExpiresAtMs)), 0))
		rows = append(rows, []string{a.ID, agent, fmt.Sprintf("%.100s", a.Request.Command), left})
	}
	return listed(w, "APPROVAL AGENT COMMAND LEFT", rows, "nothing waits for an answer")
}
