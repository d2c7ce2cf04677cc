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
				return chatOnTerminal(c.Context(), o, session)
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			return ask(ctx, o, session, message)
		},
	}
	c.Flags().StringVarP(&message, "message", "m", "", "say this, print the answer and leave; - reads it from standard input")
	c.Flags().StringVarP(&session, "session", "s", "main", "which conversation")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait for the answer to --message")
	return o.client(c)
}

func chatOnTerminal(ctx context.Context, o *options, session string) error {
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
func ask(ctx context.Context, o *options, session, message string) error {
	text, err := readMessage(message, o.in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conversation := talk.New(session, o.dial)
	failed := make(chan error, 1)
	go func() { failed <- conversation.Run(ctx) }()
	a := &asking{out: o.out, err: o.err, json: o.json, answer: answer{RunID: conversation.Send(ctx, text)}}
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

// readMessage is what --message says, read from in where that is -.
func readMessage(given string, in io.Reader) (string, error) {
	if given == "-" {
		b, err := io.ReadAll(io.LimitReader(in, 1<<20))
		if err != nil {
			return "", fmt.Errorf("read the message: %w", err)
		}
		given = string(b)
	}
	if strings.TrimSpace(given) == "" {
		return "", usageError{errors.New("the message is empty")}
	}
	return given, nil
}

// asking follows one run to its end.
type asking struct {
	out, err io.Writer
	json     bool
	answer   answer
	printed  int // of the text so far, in bytes
}

func (a *asking) take(u talk.Update) (done bool, err error) {
	switch u.Kind {
	case talk.Delta:
		a.print(u.Text)
	case talk.ToolStart:
		if !a.json {
			fmt.Fprintf(a.err, "⚙ %s %s\n", u.Tool.Name, u.Tool.Args)
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
	if !a.json && len(text) > a.printed {
		io.WriteString(a.out, text[a.printed:])
		a.printed = len(text)
	}
}

func (a *asking) finish(text string) error {
	if a.json {
		a.answer.Text = text
		return printJSON(a.out, a.answer)
	}
	if a.printed > 0 {
		fmt.Fprintln(a.out)
	}
	return nil
}
