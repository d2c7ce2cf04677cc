package main

import (
	"fmt"
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
			RunE: o.listApprovals,
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

// waiting are the approvals of both kinds that wait.
type waiting struct {
	Exec   []approval.ExecPending   `json:"exec"`
	Plugin []approval.PluginPending `json:"plugin"`
}

// listApprovals lists what waits for an answer: what tools and clients want to do, and what clients' plugins ask.
func (o *options) listApprovals(c *cobra.Command, _ []string) error {
	var w waiting
	for method, into := range map[string]any{"exec.approval.list": &w.Exec, "plugin.approval.list": &w.Plugin} {
		if err := o.call(c.Context(), method, nil, into); err != nil {
			return err
		}
	}
	if o.json {
		return o.printJSON(w)
	}
	var rows [][]string
	row := func(id string, agent *string, what string, expires int64) {
		who := "-"
		if agent != nil {
			who = *agent
		}
		rows = append(rows, []string{id, who, fmt.Sprintf("%.100s", what), length(max(time.Until(time.UnixMilli(expires)), 0))})
	}
	for _, a := range w.Exec {
		row(a.ID, a.Request.AgentID, a.Request.Command, a.ExpiresAtMs)
	}
	for _, a := range w.Plugin {
		row(a.ID, a.Request.AgentID, a.Request.Title+": "+a.Request.Description, a.ExpiresAtMs)
	}
	return listed(o.out, "APPROVAL AGENT WHAT LEFT", rows, "nothing waits for an answer")
}
