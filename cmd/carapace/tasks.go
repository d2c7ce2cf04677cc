package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plain"
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
		newTasksList(o),
		o.client(&cobra.Command{
			Use: "stop TASK", Short: "Stop a task that has not ended", Example: "  carapace tasks stop 3f6c…", Args: takes("TASK"),
			RunE: actIf(o, "tasks.cancel", func(args []string) any { return task.CancelParams{IDParams: task.IDParams{TaskID: args[0]}} }, stopped, "stopped"),
		}),
	)
	return c
}

func newTasksList(o *options) *cobra.Command {
	var follow bool
	list := show(o, "tasks.list", fixed(task.ListParams{}), printTasks)
	c := &cobra.Command{
		Use: "list", Short: "List the tasks: first what has not ended", Example: "  carapace tasks list\n  carapace tasks list -f", Args: takes(),
		RunE: func(c *cobra.Command, args []string) error {
			if follow {
				return followTasks(c.Context(), o)
			}
			return list(c, args)
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "then print each task that begins, moves on or ends, until Ctrl-C")
	return o.client(c)
}

// followTasks prints the tasks, and then each one that has changed. Ctrl-C is how following ends, so it is no error.
func followTasks(ctx context.Context, o *options) error {
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var raw json.RawMessage
	if err = conn.Call(ctx, "tasks.list", task.ListParams{}, &raw); err == nil {
		err = printAnswer(o, "tasks.list", raw, printTasks)
	}
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-conn.Events():
			if !ok {
				return conn.Err()
			}
			err = printTask(o, e)
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// printTask prints what has become of a task; other events say nothing of one.
func printTask(o *options, e client.Event) error {
	if e.Name != task.ChangedKind.Name {
		return nil
	}
	if o.json {
		return o.printJSON(e.Payload)
	}
	var c task.Changed
	if err := json.Unmarshal(e.Payload, &c); err != nil {
		return fmt.Errorf("read the event %s: %w", e.Name, err)
	}
	t := c.Task
	return o.println(plain.Line(strings.Join([]string{clockTime(t.UpdatedAt), t.ID, t.Kind, t.Status, what(t)}, "  ")))
}

// what is what a task is about, and how far it is.
func what(t task.Task) string {
	if t.Error != "" {
		return t.Error
	}
	about := []string{t.Title, t.Progress, t.LastActivity}
	return strings.Join(slices.DeleteFunc(about, func(s string) bool { return s == "" }), ": ")
}

func printTasks(w io.Writer, r task.ListResult) error {
	var rows [][]string
	for _, t := range r.Tasks {
		rows = append(rows, []string{t.ID, t.Kind, t.Status, ago(t.UpdatedAt), t.SessionKey, what(t)})
	}
	if err := listed(w, "TASK KIND STATUS CHANGED SESSION WHAT", rows, "nothing was asked yet"); err != nil || r.NextCursor == "" {
		return err
	}
	_, err := fmt.Fprintln(w, "there are older ones: `carapace call tasks.list` shows them, with a limit and a cursor")
	return err
}
