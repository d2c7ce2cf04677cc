package channel

import (
	"context"
	"errors"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what is committed at once: a transaction takes ten times as long as the handling of a message does, but
// nobody waits much longer for one than for the other.
const (
	maxSeries      = maxAhead              // events
	seriesTime     = 10 * time.Millisecond // after which no further one is handled before the commit
	seriesMessages = 200
)

// joins reports whether an event may be handled behind another one and committed with it: a message on a connection, of
// which many may come at once.
func (in *input) joins() bool {
	return in.origin == fromConnection && in.event.Kind == wit.EventKindMessage
}

// series takes the next input and those that may be handled with it. The mailbox is not empty.
func (m *mailbox) series() (in *input, behind []*input) {
	in = m.take()
	for in.joins() && len(behind) < maxSeries-1 && !m.empty() && m.queue[0].joins() && m.queue[0].gen == in.gen {
		behind = append(behind, m.take())
	}
	return in, behind
}

// back makes inputs the next ones, in order, which were taken and not handled.
func (m *mailbox) back(list []*input) {
	for i := len(list) - 1; i >= 0; i-- {
		m.first(list[i])
	}
}

// ends reports whether an answer asks for what the next event may depend on, so that it is acted upon before.
func ends(a *wit.ChannelAnswer) bool {
	return a.Status != nil || len(a.Open)+len(a.Close)+len(a.Secure)+len(a.Moved)+len(a.Requests)+len(a.Timers) > 0
}

// errReplaced says that other code has come in the plugin's place while it handled an event: it is not known which of them
// has, and in whose form the state is.
var errReplaced = errors.New("the plugin was replaced")

// answer gives the plugin the events of a series, each with the state that the one before has left, and notes its answers,
// of as many as are to be committed together: until one cannot be handled, other code is in the plugin's place, or it is
// enough. The error is of the first event, errReplaced or the plugin's; a later one is left for the next time.
func (w *worker) answer(ctx context.Context, series []*input, before inbox.State, r *attempted) error {
	began, messages := time.Now(), 0
	r.answers, r.state = nil, before
	for i, in := range series {
		a, err := w.ask(ctx, r.plugin, in.event, r.state)
		if w.replaced(r.made) {
			err = errReplaced
		}
		if i > 0 && (err != nil || len(a.Moved) > 0) {
			break
		}
		if err != nil {
			return err
		}
		r.answers = append(r.answers, a)
		if a.State != nil {
			r.state.State = a.State
		}
		if messages += len(a.Messages); ends(a) || messages >= seriesMessages || time.Since(began) > seriesTime {
			break
		}
	}
	r.state.Version, r.state.At = r.made.version, time.Now().UnixMilli()
	return nil
}

// replaced reports whether other code is in the plugin's place.
func (w *worker) replaced(m made) bool {
	p, ok := w.plugins.Channel(w.id.Channel)
	return ok && p.Build() != m.build
}

// brought reports whether answers have something that is committed at once, and left whether one has a state.
func brought(answers []*wit.ChannelAnswer) (something, state bool) {
	for _, a := range answers {
		something = something || len(a.Messages)+len(a.Moved)+len(a.Confirmed)+len(a.Pushes) > 0
		state = state || a.State != nil
	}
	return something, state
}

// gather puts what answers have to be committed into a batch, in order.
func gather(b *inbox.Batch, answers []*wit.ChannelAnswer) {
	if len(answers) == 1 {
		b.Moved, b.Messages, b.Confirmed, b.Pushes = answers[0].Moved, answers[0].Messages, answers[0].Confirmed, answers[0].Pushes
		return
	}
	for _, a := range answers {
		b.Moved = append(b.Moved, a.Moved...)
		b.Messages = append(b.Messages, a.Messages...)
		b.Confirmed = append(b.Confirmed, a.Confirmed...)
		b.Pushes = append(b.Pushes, a.Pushes...)
	}
}
