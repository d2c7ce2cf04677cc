package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
	"github.com/carapace-gateway/carapace/kernel/plain"
)

// maxAsk bounds a message from standard input, in bytes.
const maxAsk = 1 << 20

// ask says one thing and prints the answer as it comes. It lives through restarts of the gateway; when ctx ends
// first, the run goes on without it.
func ask(ctx context.Context, o *options, session, message string) error {
	if message == "-" {
		var err error
		if message, err = readText(o.in, maxAsk); err != nil {
			return usageError{fmt.Errorf("read the message: %w", err)}
		}
	}
	if strings.TrimSpace(message) == "" {
		return usageError{errors.New("the message is empty")}
	}
	follow, cancel := context.WithCancel(ctx)
	defer cancel()
	conversation, failed := converse(follow, o, session)
	a := &asking{o: o, answer: answer{RunID: talk.NewKey()}}
	conversation.Send(follow, a.answer.RunID, message)
	accepted := false
	for u := range conversation.Updates() {
		if u.Run == a.answer.RunID {
			accepted = true
			if done, err := a.take(u); done {
				return err
			}
		}
	}
	if err := <-failed; err != nil && ctx.Err() == nil {
		return err
	}
	why := "it was interrupted"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		why = "--timeout is over"
	}
	if !accepted {
		return fmt.Errorf("%s before the gateway said that it has the message: `carapace sessions show %s` says whether it was asked", why, plain.Words(session))
	}
	return fmt.Errorf("%s; the run goes on as %s: `carapace sessions show %s` shows its answer", why, a.answer.RunID, plain.Words(session))
}

// answer is what --message --json prints.
type answer struct {
	RunID string      `json:"runId"`
	Text  string      `json:"text"`
	Tools []talk.Tool `json:"tools,omitempty"`
	Error string      `json:"error,omitempty"`
}

// asking follows one run to its end. The answer goes to out, what tools do to err, so that a script gets the
// answer alone.
type asking struct {
	o       *options
	answer  answer
	printed int // bytes of the text that are out already
}

// take shows an update of the run. When it is the last one, err is how the command ends.
func (a *asking) take(u talk.Update) (done bool, err error) {
	switch u.Kind {
	case talk.Delta:
		a.print(u.Text)
	case talk.ToolStart:
		if !a.o.json {
			fmt.Fprintf(a.o.err, "⚙ %s %s\n", plain.Line(u.Tool.Name), plain.Line(u.Tool.Args))
		}
	case talk.ToolEnd:
		a.answer.Tools = append(a.answer.Tools, u.Tool)
	case talk.Final:
		a.print(u.Text)
		return true, a.finish(u.Text)
	case talk.Failed:
		return true, a.fail("", u.Err)
	case talk.Aborted:
		return true, a.fail(u.Text, errors.New("the run was stopped"))
	}
	return false, nil
}

// fail is finish for a run that did not answer.
func (a *asking) fail(text string, why error) error {
	a.answer.Error = why.Error()
	return errors.Join(a.finish(text), why)
}

// print writes what is new of the text so far.
func (a *asking) print(text string) {
	if !a.o.json && len(text) > a.printed {
		io.WriteString(a.o.out, text[a.printed:])
		a.printed = len(text)
	}
}

// finish ends the output: with the whole answer as JSON, or with the end of the line that print began.
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
