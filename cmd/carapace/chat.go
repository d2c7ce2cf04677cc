package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
	"github.com/carapace-gateway/carapace/cmd/carapace/tui"
)

func newChat(o *options) *cobra.Command {
	var session, message string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "chat",
		Short: "Talk to the assistant in this terminal",
		Example: "  carapace chat\n" +
			"  carapace chat --message \"what is 17*23?\"\n" +
			"  echo \"what time is it?\" | carapace chat --message -",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("message") {
				return o.chat(c.Context(), session)
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			return o.ask(ctx, session, message)
		},
	}
	c.Flags().StringVarP(&message, "message", "m", "", "say this, print the answer and leave; - reads it from standard input")
	c.Flags().StringVarP(&session, "session", "s", "main", "which conversation")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait for the answer to --message")
	return o.client(c)
}

func (o *options) chat(ctx context.Context, session string) error {
	if f, ok := o.out.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return usageError{errors.New("chat needs a terminal; use --message in scripts")}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conversation := talk.New(session, o.dial)
	failed := make(chan error, 1)
	go func() { failed <- conversation.Run(ctx) }()
	err := tui.Run(ctx, conversation, session)
	cancel()
	return errors.Join(err, <-failed)
}

// answer is what --message --json prints.
type answer struct {
	RunID string      `json:"runId"`
	Text  string      `json:"text"`
	Tools []talk.Tool `json:"tools,omitempty"`
	Error string      `json:"error,omitempty"`
}

// ask says one thing and prints the answer as it comes.
func (o *options) ask(ctx context.Context, session, message string) error {
	if message == "-" {
		b, err := io.ReadAll(io.LimitReader(o.in, 1<<20))
		if err != nil {
			return fmt.Errorf("read the message: %w", err)
		}
		message = string(b)
	}
	if strings.TrimSpace(message) == "" {
		return usageError{errors.New("the message is empty")}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conversation := talk.New(session, o.dial)
	failed := make(chan error, 1)
	go func() { failed <- conversation.Run(ctx) }()
	a := &asking{o: o, answer: answer{RunID: conversation.Send(ctx, message)}}
	for u := range conversation.Updates() {
		if u.Run == a.answer.RunID {
			if done, err := a.take(u); done {
				return err
			}
		}
	}
	if err := <-failed; err != nil {
		return err
	}
	return fmt.Errorf("no answer in time; the run goes on as %s", a.answer.RunID)
}

// asking follows one run to its end.
type asking struct {
	o       *options
	answer  answer
	printed int
}

func (a *asking) take(u talk.Update) (done bool, err error) {
	switch u.Kind {
	case talk.Delta:
		a.print(u.Text)
	case talk.ToolStart:
		if !a.o.json {
			fmt.Fprintf(a.o.err, "⚙ %s %s\n", u.Tool.Name, u.Tool.Args)
		}
	case talk.ToolEnd:
		a.answer.Tools = append(a.answer.Tools, u.Tool)
	case talk.Final:
		a.print(u.Text)
		return true, a.finish(u.Text)
	case talk.Failed:
		return true, errors.Join(a.finish(""), u.Err)
	case talk.Aborted:
		return true, errors.Join(a.finish(u.Text), errors.New("the run was stopped"))
	}
	return false, nil
}

// print writes what is new of the text so far.
func (a *asking) print(text string) {
	if !a.o.json && len(text) > a.printed {
		io.WriteString(a.o.out, text[a.printed:])
		a.printed = len(text)
	}
}

func (a *asking) finish(text string) error {
	if a.o.json {
		a.answer.Text = text
		return a.o.printJSON(a.answer)
	}
	if a.printed > 0 {
		fmt.Fprintln(a.o.out)
	}
	return nil
}
