package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/usage"
)

// newUsage shows what the models were asked for, and what that has cost.
func newUsage(o *options) *cobra.Command {
	days, months := number{n: 30, least: 1, most: 400}, number{n: 12, least: 1, most: 120}
	by := "day"
	c := &cobra.Command{
		Use: "usage", Short: "Show what was used of the models, and what that has cost", Example: "  carapace usage\n  carapace usage --days 7 --by model\n  carapace usage --by month", Args: takes(),
		RunE: func(c *cobra.Command, args []string) error {
			for flag, with := range map[string]bool{"days": by != "month", "months": by == "month"} {
				if c.Flags().Changed(flag) && !with {
					return usageError{fmt.Errorf("--%s means nothing with --by %.40s", flag, by)}
				}
			}
			if by == "month" {
				return show(o, "usage.monthly", fixed(usage.MonthlyParams{Months: months.n}), printMonths)(c, args)
			}
			span := usage.Span{Days: days.n}
			if by == "day" {
				return show(o, "usage.cost", fixed(usage.CostParams{Span: span}), printDays)(c, args)
			}
			list, known := usedBy[by]
			if !known {
				return usageError{fmt.Errorf("--by cannot be %.40q: it takes day, month, session, model, provider, agent or channel", by)}
			}
			return show(o, "sessions.usage", fixed(usage.SessionsParams{Span: span, Limit: 1000}), func(w io.Writer, r usage.SessionsResult) error {
				return printUse(w, list(r), r.Totals)
			})(c, args)
		},
	}
	c.Flags().Var(&days, "days", "how many days up to today; 400 are kept")
	c.Flags().Var(&months, "months", "how many months up to this one, with --by month; of the days that are kept")
	c.Flags().StringVar(&by, "by", by, "day, month, session, model, provider, agent or channel")
	return o.client(c)
}

// used is something and what was used of it, or by it.
type used struct {
	name string
	usage.Totals
}

// usedBy are the ways to put usage together.
var usedBy = map[string]func(usage.SessionsResult) []used{
	"session": func(r usage.SessionsResult) (list []used) {
		for _, s := range r.Sessions {
			list = append(list, used{s.Key, s.Usage.Totals})
		}
		return list
	},
	"model": func(r usage.SessionsResult) (list []used) {
		for _, m := range r.Aggregates.ByModel {
			list = append(list, used{m.Provider + "/" + m.Model, m.Totals})
		}
		return list
	},
	"provider": func(r usage.SessionsResult) (list []used) {
		for _, p := range r.Aggregates.ByProvider {
			list = append(list, used{p.Provider, p.Totals})
		}
		return list
	},
	"agent": func(r usage.SessionsResult) (list []used) {
		for _, a := range r.Aggregates.ByAgent {
			list = append(list, used{a.AgentID, a.Totals})
		}
		return list
	},
	"channel": func(r usage.SessionsResult) (list []used) {
		for _, c := range r.Aggregates.ByChannel {
			list = append(list, used{c.Channel, c.Totals})
		}
		return list
	},
}

func printDays(w io.Writer, r usage.CostResult) error {
	var list []used
	for _, d := range r.Daily {
		list = append(list, used{d.Date, d.Totals})
	}
	return printUse(w, list, r.Totals)
}

// printMonths says too which days are kept.
func printMonths(w io.Writer, r usage.MonthlyResult) error {
	var list []used
	for _, m := range r.Summaries {
		list = append(list, used{m.Month, m.Totals})
	}
	if err := printUse(w, list, r.Totals); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "the last %d days are kept, since %s: what was used before is not counted\n", r.KeptDays, plain.Line(r.KeptSince))
	return err
}

// money is what something has cost, as far as it has a price.
func money(t usage.Totals) string {
	switch {
	case t.MissingCostEntries > 0 && t.TotalCost == 0:
		return "no price"
	case t.MissingCostEntries > 0:
		return fmt.Sprintf("$%.4f + no price", t.TotalCost)
	}
	return fmt.Sprintf("$%.4f", t.TotalCost)
}

// printUse writes a table with the sum below, and says how much of it has no price.
func printUse(w io.Writer, list []used, sum usage.Totals) error {
	var rows [][]string
	for _, u := range append(list, used{"all", sum}) {
		n := func(tokens uint64) string { return strconv.FormatUint(tokens, 10) }
		rows = append(rows, []string{plain.Line(u.name), n(u.Input), n(u.Output), n(u.CacheRead + u.CacheWrite), n(u.TotalTokens), money(u.Totals)})
	}
	if len(list) == 0 {
		rows = nil
	}
	if err := listed(w, "WHAT INPUT OUTPUT CACHE TOKENS COST", rows, "nothing was used in these days"); err != nil || sum.MissingCostEntries == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "%s without a price: `carapace config describe usage.prices` says how to give one\n", service.Count(sum.MissingCostEntries, "answer"))
	return err
}
