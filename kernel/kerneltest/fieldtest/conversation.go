package fieldtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

// conversation is a case in which a client talks with the model.
type conversation struct {
	Case
	// User is what is said in the session main, one after the other; what begins with / while the model still
	// answers.
	User OneOrAll `json:"user"`
}

// answer is what a client sees of the last message's run.
type answer struct {
	Requests
	// Final and Error are the run's end, one of them.
	Final *Text `json:"final"`
	Error *Text `json:"error"`
	// Thinking is all of the stream of that name, Shown all other deltas.
	Thinking *Text `json:"thinking"`
	Shown    *Text `json:"shown"`
	// History is the last answer as the history has it, with its error behind it.
	History *Text `json:"history"`
}

// Conversation runs cases in which a client says something to the model. They run in a bubble of testing/synctest.
func Conversation(t *testing.T, stage Stage, data []byte) {
	c := Load[conversation](t, data)
	options := c.Options(t, stage)
	synctest.Test(t, func(t *testing.T) {
		const address = "127.0.0.1:1"
		model, network := NewCompletions(&c.Case), &Network{}
		network.Serve(t, address, model)
		k := kerneltest.Start(t, append(options, network.Option(), c.Configure(t, stage, address, nil))...)
		l := k.Listen()
		l.Patience = time.Hour // of the bubble's time
		run := ""
		for i, text := range c.User {
			if i > 0 && !strings.HasPrefix(text, "/") {
				l.End(run)
			}
			run = fmt.Sprint("run-", i)
			l.Send(run, text)
			synctest.Wait() // until the model answers, or all is done
		}
		end := l.End(run)
		history := lastAnswer(l)
		Judge(t, &c.Case, func(e answer) []string {
			return append(e.problems(l, run, end, history), e.Problems(model.Requests())...)
		})
	})
}

// lastAnswer is the history's last message of the assistant and its error.
func lastAnswer(l *kerneltest.Listener) string {
	var page chat.History
	l.MustCall("chat.history", map[string]any{"sessionKey": "main"}, &page)
	last := ""
	for _, m := range page.Messages {
		if m.Role == "assistant" {
			last = strings.TrimSpace(kerneltest.Text(&m) + " " + m.ErrorMessage)
		}
	}
	return last
}

func (e *answer) problems(l *kerneltest.Listener, run string, end chat.Event, history string) []string {
	var problems []string
	check := func(want *Text, name, got string) {
		if p := want.Problem(name, got); p != "" {
			problems = append(problems, p)
		}
	}
	if e.Final != nil && end.State != "final" || e.Error != nil && end.State != "error" {
		problems = append(problems, fmt.Sprintf("the run ended as %s: %s %s", end.State, kerneltest.Text(end.Message), end.ErrorMessage))
	}
	check(e.Final, "the answer", kerneltest.Text(end.Message))
	check(e.Error, "the error", end.ErrorMessage)
	shown, thinking := streams(l, run)
	check(e.Shown, "what was shown", shown)
	check(e.Thinking, "the thinking", thinking)
	check(e.History, "the history", history)
	return problems
}

// streams are all deltas that the client was sent of a run, those of the chat before those of the agent.
func streams(l *kerneltest.Listener, run string) (shown, thinking string) {
	for _, c := range l.Chats(run) {
		if c.DeltaText != nil {
			shown += *c.DeltaText
		}
	}
	for _, e := range l.Events() {
		var a chat.AgentEvent
		if e.Name != "agent" || json.Unmarshal(e.Payload, &a) != nil || a.RunID != run {
			continue
		}
		delta, _ := a.Data["delta"].(string)
		switch a.Stream {
		case "assistant":
			shown += delta
		case "thinking":
			thinking += delta
		}
	}
	return shown, thinking
}
