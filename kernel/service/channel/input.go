package channel

import (
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// input is one event for the plugin, with what the loop needs to know of it.
type input struct {
	event wit.ChannelEvent
	// gen is the start that the event belongs to; 0 belongs to all.
	gen uint64
	// letter is the id of the dead letter that is replayed; empty for other events.
	letter string
	// origin says where it came from, which bounds it.
	origin origin
	// from is the connection that it came on; nil for others.
	from *connection
	// took is how long a response's request took.
	took time.Duration
	// done hears the outcome once; nil when nobody waits.
	done chan outcome
}

// origin is who makes an input.
type origin int

const (
	fromLoop       origin = iota // start
	fromRequest                  // a request: its slot is free now
	fromConnection               // a connection
	fromOverflow                 // a connection that was one too many
	fromRefusal                  // a request that was one too many
	fromTimer
	fromWebhook
	fromOwner // a command or a replay
	origins
)

// outcome is what came of an input.
type outcome struct {
	reply  *wit.WebhookReply
	status *wit.AccountStatus
	secure bool // the connection that it came on goes on encrypted
	err    error
}

// finish tells who waits.
func (in *input) finish(o outcome) {
	if in.done != nil {
		in.done <- o
	}
}

// once reports whether the event is tried only once: somebody waits for it and can ask again.
func (in *input) once() bool { return in.event.Kind == wit.EventKindCommand || in.letter != "" }
