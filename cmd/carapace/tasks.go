package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/task"
	"github.com/carapace-gateway/carapace/wit"
)

// newTasks shows what the assistant does and did, and stops what has not ended.
func newTasks(o *options) *cobra.Command {
	c := &cobra.Command{Use: "tasks", Short: "Show what the assistant does and did, and stop it", Args: known, RunE: help}
	stopped := func(r task.CancelResult) error {
		if r.Cancelled {
			return nil
		}
		return wit.Errorf(wit.CodeConflict, "it was not stopped: %s", r.Reason)
	}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the tasks: first what has not ended", Example: "  carapace tasks list", Args: takes(),
			RunE: show(o, "tasks.list", fixed(task.ListParams{}), printTasks),
		}),
		o.client(&cobra.Command{
			Use: "stop TASK", Short: "Stop a task that has not ended", Example: "  carapace tasks stop 3f6c…", Args: takes("TASK"),
			RunE: actIf(o, "tasks.cancel", func(args []string) any { return task.CancelParams{IDParams: task.IDParams{TaskID: args[0]}} }, stopped, "stopped"),
		}),
	)
	return c
}

func printTasks(w io.Writer, r task.ListResult) error {
	var rows [][]string
	for _, t := range r.Tasks {
		rows = append(rows, []string{t.ID, t.Kind, t.Status, ago(t.UpdatedAt), t.SessionKey, cmp.Or(t.Error, strings.TrimSuffix(t.Title+": "+t.Progress, ": "))})
	}
	if err := listed(w, "TASK KIND STATUS CHANGED SESSION WHAT", rows, "nothing was asked yet"); err != nil || r.NextCursor == "" {
		return err
	}
	_, err := fmt.Fprintln(w, "there are older ones: `carapace call tasks.list` shows them, with a limit and a cursor")
	return err
}
