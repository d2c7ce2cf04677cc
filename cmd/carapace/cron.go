package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/wit"
)

// newCron looks after what the assistant does by itself, at a time.
func newCron(o *options) *cobra.Command {
	c := &cobra.Command{Use: "cron", Short: "Say what the assistant does at a time", Args: known, RunE: help}
	id := func(args []string) any { return cron.IDParams{ID: args[0]} }
	started := func(r cron.RunResult) error {
		if r.Ran != nil && !*r.Ran {
			return wit.Errorf(wit.CodeConflict, "it was not started: it is %s", strings.ReplaceAll(r.Reason, "-", " "))
		}
		return nil
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the jobs", Example: "  carapace cron list", Args: takes(),
			RunE: show(o, "cron.list", fixed(map[string]bool{"includeDisabled": true}), printJobs),
		}),
		newCronAdd(o),
		o.client(&cobra.Command{
			Use: "run JOB", Short: "Run a job now", Example: "  carapace cron run 3f6c…", Args: takes("JOB"), RunE: aJob.of(actIf(o, "cron.run", id, started, "it runs")),
		}),
		o.client(&cobra.Command{
			Use: "remove JOB", Short: "Remove a job", Example: "  carapace cron remove 3f6c…", Args: takes("JOB"),
			RunE: func(c *cobra.Command, args []string) error {
				removed := func(r cron.RemoveResult) error { return aJob.unless(r.Removed, args[0]) }
				return actIf(o, "cron.remove", id, removed, "removed")(c, args)
			},
		}),
	)
	return c
}

// newCronAdd adds a question that is asked in a session of its own.
func newCronAdd(o *options) *cobra.Command {
	var f struct {
		cron, at string
		every    span
	}
	c := &cobra.Command{
		Use: "add NAME MESSAGE", Short: "Have the assistant answer a message at a time", Args: takes("NAME", "MESSAGE"),
		Example: "  carapace cron add morning \"What is on today?\" --cron \"0 7 * * *\"\n  carapace cron add tea \"Say that the tea is ready.\" --at 2027-01-01T08:00:00Z",
		RunE: func(c *cobra.Command, args []string) error {
			var when []map[string]any // of each kind only what it has
			if f.cron != "" {
				when = append(when, map[string]any{"kind": "cron", "expr": f.cron})
			}
			if f.at != "" {
				when = append(when, map[string]any{"kind": "at", "at": f.at})
			}
			if f.every > 0 {
				when = append(when, map[string]any{"kind": "every", "everyMs": time.Duration(f.every).Milliseconds()})
			}
			if len(when) != 1 {
				return usageError{errors.New("say when: one of --cron, --at and --every")}
			}
			job := map[string]any{
				"name": args[0], "schedule": when[0], "sessionTarget": "isolated",
				"payload": map[string]any{"kind": "agentTurn", "message": args[1]},
			}
			return show(o, "cron.add", fixed(job), func(w io.Writer, j cron.Job) error {
				_, err := fmt.Fprintln(w, "added as", j.ID)
				return err
			})(c, args)
		},
	}
	c.Flags().StringVar(&f.cron, "cron", "", "minute, hour, day, month and weekday, such as \"0 7 * * *\"")
	c.Flags().StringVar(&f.at, "at", "", "once, such as 2027-01-01T08:00:00+01:00")
	c.Flags().Var(&f.every, "every", "again and again, such as 2h")
	return o.client(c)
}

// aJob is what the commands work on.
var aJob = kind{"job", "cron list"}

// printJobs writes one line for each job.
func printJobs(w io.Writer, list cron.ListResult) error {
	var rows [][]string
	for _, j := range list.Jobs {
		on := "on"
		if !j.Enabled {
			on = "off"
		}
		next := "-"
		if j.State.NextRunAtMs > 0 {
			next = time.UnixMilli(j.State.NextRunAtMs).Format("2006-01-02 15:04 MST")
		}
		rows = append(rows, []string{j.ID, j.Name, when(j.Schedule), next, on})
	}
	return listed(w, "JOB NAME WHEN NEXT STATE", rows, "there is no job: `carapace cron add` makes one")
}

// when says when a job is due, as cron add takes it.
func when(s cron.Schedule) string {
	switch s.Kind {
	case "every":
		return "every " + exact(time.Duration(s.EveryMs)*time.Millisecond)
	case "cron":
		return strings.TrimSpace(s.Expr + " " + s.TZ)
	}
	at := time.UnixMilli(s.AtMs)
	if s.At != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, s.At); err != nil {
			return s.At
		}
	}
	return "at " + at.Format(time.RFC3339)
}
