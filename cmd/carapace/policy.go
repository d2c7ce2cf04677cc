package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/approval"
	"github.com/carapace-gateway/carapace/kernel/service/approval/policy"
)

// newPolicy shows the policy of approvals, and changes of it what it has flags for.
func newPolicy(o *options) *cobra.Command {
	var agent string
	var said policy.Rules
	c := o.client(&cobra.Command{
		Use: "policy", Short: "Show what may be done without asking, or change it", Args: takes(),
		Example: "  carapace approvals policy\n  carapace approvals policy --security allowlist --ask on-miss\n  carapace approvals policy --agent main --security deny",
		RunE: func(c *cobra.Command, args []string) error {
			if said == (policy.Rules{}) {
				return show(o, "exec.approvals.get", fixed(nil), printPolicy)(c, args)
			}
			return o.changePolicy(func(f *policy.File, _ []string) error { return rule(f, agent, said) }, "changed")(c, args)
		},
	})
	c.Flags().StringVar(&agent, "agent", "", "the agent that is meant; when left out, all of which nothing else is said")
	c.Flags().StringVar(&said.Security, "security", "", "what may be done: deny, allowlist or full")
	c.Flags().StringVar(&said.Ask, "ask", "", "when somebody is asked: off, on-miss or always")
	c.Flags().StringVar(&said.AskFallback, "fallback", "", "what holds where nobody answers: deny, allowlist or full")
	return c
}

// newAllowlist looks after what is never asked about.
func newAllowlist(o *options) *cobra.Command {
	var agent string
	c := &cobra.Command{Use: "allowlist", Short: "Look after what is allowed without asking", Args: known, RunE: help}
	change := func(use, short, example string, change func(a *policy.Agent, pattern string) error, done string) *cobra.Command {
		return o.client(&cobra.Command{
			Use: use + " PATTERN", Short: short, Example: "  carapace approvals allowlist " + use + " " + example, Args: takes("PATTERN"),
			RunE: o.changePolicy(func(f *policy.File, args []string) error {
				a := f.Agents[agent]
				err := change(&a, args[0])
				f.Agents[agent] = a
				return err
			}, done),
		})
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List what is allowed", Example: "  carapace approvals allowlist list", Args: takes(),
			RunE: show(o, "exec.approvals.get", fixed(nil), printAllowlist),
		}),
		change("add", "Allow what a pattern matches", "/usr/bin/git\n  carapace approvals allowlist add 'tool:calendar*' --agent main", addPattern, "added"),
		change("remove", "Ask again about what a pattern matches", "/usr/bin/git", removePattern, "removed"),
	)
	c.PersistentFlags().StringVar(&agent, "agent", policy.Everybody, "the agent whose list is changed; * is that of all")
	return c
}

// changePolicy changes the policy that the gateway has. Where somebody else changes it meanwhile the gateway refuses, and
// nothing is lost.
func (o *options) changePolicy(change func(f *policy.File, args []string) error, done string) runner {
	return func(c *cobra.Command, args []string) error {
		var now approval.Snapshot
		if err := o.call(c.Context(), "exec.approvals.get", nil, &now); err != nil {
			return err
		}
		next := approval.SetParams{File: now.File}
		if now.Exists {
			next.BaseHash = now.Hash
		}
		next.File.Version, next.File.Agents = 1, maps.Clone(now.File.Agents)
		if next.File.Agents == nil {
			next.File.Agents = map[string]policy.Agent{}
		}
		if err := change(&next.File, args); err != nil {
			return err
		}
		return act(o, "exec.approvals.set", fixed(next), done)(c, args)
	}
}

// rule says something of an agent, or of all of which nothing else is said.
func rule(f *policy.File, agent string, said policy.Rules) error {
	over := func(r policy.Rules) policy.Rules {
		r.Security, r.Ask, r.AskFallback = cmp.Or(said.Security, r.Security), cmp.Or(said.Ask, r.Ask), cmp.Or(said.AskFallback, r.AskFallback)
		return r
	}
	if agent != "" {
		a := f.Agents[agent]
		a.Rules = over(a.Rules)
		f.Agents[agent] = a
		return nil
	}
	var all policy.Rules
	if f.Defaults != nil {
		all = *f.Defaults
	}
	all = over(all)
	f.Defaults = &all
	return nil
}

func addPattern(a *policy.Agent, pattern string) error {
	if slices.ContainsFunc(a.Allowlist, func(e policy.Entry) bool { return e.Pattern == pattern }) {
		return fmt.Errorf("%.200s is on the list already", pattern)
	}
	a.Allowlist = append(slices.Clone(a.Allowlist), policy.Entry{Pattern: pattern})
	return nil
}

func removePattern(a *policy.Agent, pattern string) error {
	left := slices.DeleteFunc(slices.Clone(a.Allowlist), func(e policy.Entry) bool { return e.Pattern == pattern })
	if err := (kind{"pattern", "approvals allowlist list"}).unless(len(left) < len(a.Allowlist), pattern); err != nil {
		return err
	}
	a.Allowlist = left
	return nil
}

// printPolicy writes one line for those of whom nothing is said, and one for each agent of which something is.
func printPolicy(w io.Writer, s approval.Snapshot) error {
	r := s.ResolvedDefaults
	rows := [][]string{{"(others)", string(r.Security), string(r.Ask), string(r.AskFallback)}}
	for _, id := range slices.Sorted(maps.Keys(s.File.Agents)) {
		a := s.File.Agents[id]
		if a.Rules != (policy.Rules{}) {
			rows = append(rows, []string{id, orDash(a.Security), orDash(a.Ask), orDash(a.AskFallback)})
		}
	}
	if err := table(w, "AGENT SECURITY ASK FALLBACK", rows); err != nil || s.File.Defaults != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "what executes is asked about all the same, unless agent.approve of the config file says otherwise")
	return err
}

// printAllowlist writes one line for each pattern.
func printAllowlist(w io.Writer, s approval.Snapshot) error {
	var rows [][]string
	for _, id := range slices.Sorted(maps.Keys(s.File.Agents)) {
		for _, e := range s.File.Agents[id].Allowlist {
			rows = append(rows, []string{id, e.Pattern, ago(int64(e.LastUsedAt)), orDash(fmt.Sprintf("%.80s", e.LastUsedCommand))})
		}
	}
	return listed(w, "AGENT PATTERN USED FOR", rows, "nothing is allowed without asking: `carapace approvals allowlist add PATTERN` does that")
}

// printAnswered writes one line for each approval that is over.
func printAnswered(w io.Writer, h approval.HistoryResult) error {
	var rows [][]string
	for _, a := range h.Items {
		by := "-"
		if a.ResolvedBy != nil {
			by = orDash(*a.ResolvedBy)
		}
		what := cmp.Or(a.Presentation.CommandText, a.Presentation.Title)
		rows = append(rows, []string{a.ID, cmp.Or(string(a.Decision), a.Status), by, ago(a.CreatedAtMs), fmt.Sprintf("%.100s", what)})
	}
	return listed(w, "APPROVAL ANSWER BY ASKED WHAT", rows, "nothing was asked so far")
}
