package agent

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Observer is told what runs do. Its methods return at once.
type Observer interface {
	// Begin is told that a run has begun, or is taken up again, and returns who is told the rest. verbose
	// is the session's wish that everybody sees its tool calls.
	Begin(r run.Run, verbose bool) Reporter
	// Ended is told how a run ended that Begin was not told of: a text command, or one that was dropped. said is
	// what it appended to the history.
	Ended(r run.Run, said ...session.Message)
}

// Reporter is told, in order and one thing after the other, what one run does. Its methods return at once.
type Reporter interface {
	// Said gives a message that was appended to the history and that no other method gives.
	Said(m session.Message)
	// Message says that the model begins a message, which replaces the text of the one before.
	Message()
	// Delta adds to the message.
	Delta(d wit.Delta)
	// Calling says that a tool is called.
	Calling(c wit.ToolCall)
	// Progress says how far the call is that was told last.
	Progress(c wit.ToolCall, text string)
	// Called gives what a call came to: the message with the role tool that was appended.
	Called(result session.Message)
	// Retrying says that the provider failed and is asked again.
	Retrying(r Retry)
	// Moved says that another model, or another key, is asked than the one before.
	Moved(m Move)
	// Ended says how the run ended.
	Ended(e End)
	// Close says that nothing follows, also if the run was left without an end.
	Close()
}

// Retry is a request that is made again.
type Retry struct {
	// Attempt counts the failures, from 1 to Max.
	Attempt, Max int
	// Delay is how long is waited before.
	Delay time.Duration
	// Error is why, in words for people.
	Error *wit.Error
}

// Move is a step in a chain of models: From has failed, or rests, and To is asked in its place.
type Move struct {
	// From and To are provider/model, and the same where only the key is another one.
	From, To string
	// Key is the one that To is asked with.
	Key string
	// Error is why, in words for people.
	Error *wit.Error
}

// End is how a run ended: State, Answer, Stop, Error, Provider and Used of Run say it.
type End struct {
	Run run.Run
	// Metered is set if the provider counted the tokens of the answer.
	Metered bool
	// Last is the message that ended the run, nil if there was nothing more to say.
	Last *session.Message
}
