package main

import (
	"cmp"
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
			Use: "show JOB", Short: "Show what a job does, and how it went", Example: "  carapace cron show 3f6c…", Args: takes("JOB"),
			RunE: aJob.of(show(o, "cron.get", id, printJob)),
		}),
		newCronRuns(o),
		newCronSwitch(o, "enable", true),
		newCronSwitch(o, "disable", false),
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

// newCronSwitch switches a job on or off.
func newCronSwitch(o *options, name string, on bool) *cobra.Command {
	change := func(args []string) any {
		return map[string]any{"id": args[0], "patch": map[string]bool{"enabled": on}}
	}
	return o.client(&cobra.Command{
		Use: name + " JOB", Short: strings.ToUpper(name[:1]) + name[1:] + " a job, which stays in the list", Example: "  carapace cron " + name + " 3f6c…",
		Args: takes("JOB"), RunE: aJob.of(act(o, "cron.update", change, name+"d")),
	})
}

// newCronRuns shows the history of a job or of all.
func newCronRuns(o *options) *cobra.Command {
	var limit int
	var status string
	c := &cobra.Command{
		Use: "runs [JOB]", Short: "List how jobs have ended, the latest first", Example: "  carapace cron runs\n  carapace cron runs 3f6c… --status error", Args: takes("[JOB]"),
		RunE: func(c *cobra.Command, args []string) error {
			p := map[string]any{"limit": limit}
			if status != "" {
				p["status"] = status
			}
			run := show(o, "cron.runs", fixed(p), printRuns)
			if len(args) == 0 {
				return run(c, args)
			}
			p["id"] = args[0]
			return aJob.of(run)(c, args)
		},
	}
	c.Flags().IntVar(&limit, "limit", 20, "how many")
	c.Flags().StringVar(&status, "status", "", "only those that ended so: ok, error or skipped")
	return o.client(c)
}

// jobFlags are what cron add is told of a job.
type jobFlags struct {
	cron, at, zone   string
	every            span
	event            bool
	catchUp, overlap string
	catchUpMax       int
	channel, to      string
	webhook          string
}

// newCronAdd adds a question that is asked in a session of its own, or an event for the main one.
func newCronAdd(o *options) *cobra.Command {
	var f jobFlags
	c := &cobra.Command{
		Use: "add NAME MESSAGE", Short: "Have the assistant answer a message at a time", Args: takes("NAME", "MESSAGE"),
		Example: "  carapace cron add morning \"What is on today?\" --cron \"0 7 * * *\" --tz Europe/Vienna\n  carapace cron add tea \"Say that the tea is ready.\" --at 2027-01-01T08:00:00Z",
		RunE: func(c *cobra.Command, args []string) error {
			job, err := f.job(args[0], args[1])
			if err != nil {
				return err
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
	c.Flags().StringVar(&f.zone, "tz", "", "the time zone of --cron and --at, such as Europe/Vienna; without it --cron is in yours and --at in UTC")
	c.Flags().BoolVar(&f.event, "event", false, "put the message before the main session instead of asking it in a session of its own")
	c.Flags().StringVar(&f.catchUp, "catch-up", "", "what becomes of times that were missed: skip, once (as without it) or all")
	c.Flags().IntVar(&f.catchUpMax, "catch-up-max", 0, "how many of the latest missed times are run with --catch-up all; 10 without it")
	c.Flags().StringVar(&f.overlap, "overlap", "", "what becomes of a time that comes while the job still runs: skip (as without it) or queue")
	c.Flags().StringVar(&f.channel, "channel", "", "the channel that the answer goes to; where the main session was last spoken to without it")
	c.Flags().StringVar(&f.to, "to", "", "to whom on the channel")
	c.Flags().StringVar(&f.webhook, "webhook", "", "the address that is told how each run went, such as https://example.org/done")
	return o.client(c)
}

// job is what is added.
func (f *jobFlags) job(name, message string) (map[string]any, error) {
	when, err := f.schedule()
	if err != nil {
		return nil, err
	}
	job := map[string]any{
		"name": name, "schedule": when, "sessionTarget": "isolated", "payload": map[string]any{"kind": "agentTurn", "message": message},
	}
	if f.event {
		job["sessionTarget"], job["payload"] = "main", map[string]any{"kind": "systemEvent", "text": message}
	}
	for key, word := range map[string]string{"catchUp": f.catchUp, "overlap": f.overlap} {
		if word != "" {
			job[key] = word
		}
	}
	if f.catchUpMax != 0 {
		job["catchUpMax"] = f.catchUpMax
	}
	switch {
	case f.webhook != "" && (f.channel != "" || f.to != ""):
		return nil, usageError{errors.New("an answer goes to one place: give --webhook, or --channel and --to")}
	case f.webhook != "":
		job["delivery"] = map[string]any{"mode": "webhook", "to": f.webhook}
	case f.channel != "" || f.to != "":
		delivery := map[string]any{"mode": "announce"}
		for key, word := range map[string]string{"channel": f.channel, "to": f.to} {
			if word != "" {
				delivery[key] = word
			}
		}
		job["delivery"] = delivery
	}
	return job, nil
}

// schedule is one of the three kinds, with only what it has.
func (f *jobFlags) schedule() (map[string]any, error) {
	var when []map[string]any
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
		return nil, usageError{errors.New("say when: one of --cron, --at and --every")}
	}
	if f.zone != "" {
		when[0]["tz"] = f.zone
	}
	return when[0], nil
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
		rows = append(rows, []string{j.ID, j.Name, when(j.Schedule), clock(j.State.NextRunAtMs), on})
	}
	return listed(w, "JOB NAME WHEN NEXT STATE", rows, "there is no job: `carapace cron add` makes one")
}

// printJob writes what a job is, line by line.
func printJob(w io.Writer, j cron.Job) error {
	state := "due " + clock(j.State.NextRunAtMs)
	switch {
	case j.State.RunningAtMs != 0:
		state = "running since " + clock(j.State.RunningAtMs)
	case !j.Enabled:
		state = "off"
	case j.State.NextRunAtMs == 0:
		state = "not due any more"
	}
	last := "never"
	if j.State.LastRunAtMs != 0 {
		last = fmt.Sprintf("%s, %s", ago(j.State.LastRunAtMs), j.State.LastStatus)
	}
	asks := "asks in " + j.SessionTarget
	if j.Payload.Kind == "systemEvent" {
		asks = "tells the main session"
	}
	rows := [][]string{
		{"name", j.Name}, {"when", when(j.Schedule)}, {"state", state}, {"does", asks + ": " + cmp.Or(j.Payload.Message, j.Payload.Text)},
		{"catch up", string(cmp.Or(j.CatchUp, "once"))}, {"overlap", string(cmp.Or(j.Overlap, "skip"))}, {"last run", last},
	}
	if j.State.LastError != "" {
		rows = append(rows, []string{"error", j.State.LastError})
	}
	return table(w, "", rows)
}

// printRuns writes one line for each run.
func printRuns(w io.Writer, list cron.RunsResult) error {
	var rows [][]string
	for _, r := range list.Entries {
		rows = append(rows, []string{clock(r.RunAtMs), cmp.Or(r.JobName, r.JobID), string(r.Status), length(milliseconds(r.DurationMs)), cmp.Or(r.Error, r.Summary)})
	}
	return listed(w, "BEGAN JOB STATUS TOOK WHAT", rows, "no job has run yet")
}

// clock is a moment for people, "-" for none.
func clock(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return time.UnixMilli(ms).Format("2006-01-02 15:04 MST")
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
