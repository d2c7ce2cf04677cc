package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/pull"
	"github.com/carapace-gateway/carapace/kernel/service/task"
)

func newModelsPull(o *options) *cobra.Command {
	return o.client(&cobra.Command{
		Use: "pull MODEL", Short: "Fetch a model to where its provider runs it", Args: takes("MODEL"),
		Long: "Have a provider that runs models itself, such as one at home, fetch a model, and show how far it is. Ctrl-C stops it. It goes on\n" +
			"when this command is ended otherwise: `carapace tasks list` shows it then, and `carapace tasks stop` stops it.",
		Example: "  carapace models pull ollama/qwen3:8b",
		RunE: func(c *cobra.Command, args []string) error {
			raw, err := o.pull(c.Context(), args[0])
			if err != nil {
				return err
			}
			return printAnswer(o, "models.pull", raw, func(w io.Writer, r pull.Result) error {
				_, err := fmt.Fprintf(w, "%s is there; `carapace models use %s` has it answer\n", plain.Line(r.Model), plain.Words(r.Model))
				return err
			})
		},
	})
}

// pull has a model fetched and shows how far it is, to people only. At the end of ctx it is stopped.
func (o *options) pull(ctx context.Context, model string) (answer json.RawMessage, err error) {
	conn, err := o.dial(ctx)
	if err != nil {
		return nil, err
	}
	shown := newPullLine(o)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for e := range conn.Events() {
			shown.hear(e)
		}
		shown.end()
	}()
	defer func() {
		_ = conn.Close()
		<-heard
	}()
	began, ended := make(chan pull.Started, 1), make(chan error, 1)
	go func() {
		ended <- conn.CallTwoPhase(context.WithoutCancel(ctx), "models.pull", pull.Params{Model: model}, func(early json.RawMessage) {
			var s pull.Started
			if json.Unmarshal(early, &s) == nil {
				began <- s
			}
		}, &answer)
	}()
	select {
	case err := <-ended:
		return answer, err
	case <-ctx.Done():
	}
	return nil, stopPull(context.WithoutCancel(ctx), conn, began, ended)
}

// stopPull stops what has begun, or is about to, and says so.
func stopPull(ctx context.Context, conn *client.Client, began <-chan pull.Started, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	select {
	case s := <-began:
		if err := conn.Call(ctx, "tasks.cancel", task.CancelParams{IDParams: task.IDParams{TaskID: s.TaskID}, Reason: "interrupted"}, nil); err != nil {
			return fmt.Errorf("it was not stopped: %w; `carapace tasks stop %s` does", err, s.TaskID)
		}
		return fmt.Errorf("%s is fetched no more: you have stopped it", s.Model)
	case err := <-ended:
		return err
	case <-ctx.Done():
		return errors.New("interrupted before it began: `carapace tasks list` says whether it goes on")
	}
}

// pullLine shows how far a model is: in a line that is drawn again on a terminal, elsewhere in a line for each step, and for each
// further tenth of one. It is one goroutine's, after it was made.
type pullLine struct {
	to       io.Writer
	terminal bool
	width    int
	quiet    bool
	drawn    bool   // something is in the line
	said     string // the step
	tenth    uint64 // of the step
}

func newPullLine(o *options) *pullLine {
	l := &pullLine{to: o.err, quiet: o.json}
	if f, ok := terminal(o.err); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			l.to, l.terminal, l.width = f, true, width // what follows is made plain here
		}
	}
	return l
}

// hear shows what an event says.
func (l *pullLine) hear(e client.Event) {
	var p pull.Progress
	if l.quiet || e.Name != pull.ProgressKind.Name || json.Unmarshal(e.Payload, &p) != nil || p.Status != "running" {
		return
	}
	text, tenth := plain.Line(p.Step), uint64(0)
	if p.Total > 0 {
		done := min(p.Completed, p.Total)
		tenth = done * 10 / p.Total
		text += fmt.Sprintf(": %d %% of %s", done*100/p.Total, size(int64(p.Total)))
	}
	if l.terminal {
		l.drawn = true
		line := []rune(text)
		fmt.Fprint(l.to, "\r\x1b[K"+string(line[:min(len(line), l.width-1)]))
	} else if p.Step != l.said || tenth != l.tenth {
		fmt.Fprintln(l.to, "… "+text)
	}
	l.said, l.tenth = p.Step, tenth
}

// end takes the line away: what follows says what has become of it.
func (l *pullLine) end() {
	if l.drawn {
		fmt.Fprint(l.to, "\r\x1b[K")
	}
}
