package telegram

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// turn is the handling of one event.
type turn struct {
	host     *sdk.Host
	event    *wit.ChannelEvent
	settings settings
	state    state
	before   wit.JSON
	out      wit.ChannelAnswer
}

func newTurn(host *sdk.Host, event *wit.ChannelEvent) (*turn, error) {
	settings, err := readSettings(event.Config)
	if err != nil {
		return nil, err
	}
	state, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	return &turn{host: host, event: event, settings: settings, state: state, before: state.json()}, nil
}

// answer returns what the turn came to; the state only if it is a new one.
func (t *turn) answer() *wit.ChannelAnswer {
	if next := t.state.json(); len(t.event.State) == 0 || !bytes.Equal(next, t.before) {
		t.out.State = next
	}
	return &t.out
}

// ask makes a request whose response comes back as an event of this generation.
func (t *turn) ask(what, method string, params json.Object) *wit.HTTPRequest {
	id := what + ":" + strconv.FormatInt(t.state.generation, 10)
	t.out.Requests = append(t.out.Requests, t.settings.request(id, method, params))
	return &t.out.Requests[len(t.out.Requests)-1]
}

// asked takes apart the id of a request, and reports whether it is of this generation.
func (t *turn) asked(id string) (what string, ours bool) {
	what, generation, _ := strings.Cut(id, ":")
	generation, _, _ = strings.Cut(generation, ":") // an index may follow
	return what, generation == strconv.FormatInt(t.state.generation, 10)
}

func (t *turn) status(state wit.ConnectionState, message string) {
	t.out.Status = &wit.AccountStatus{State: state}
	if message != "" {
		t.out.Status.Message = &message
	}
	if t.state.me.id != "" {
		t.out.Status.Self = t.state.me.wit()
	}
}

const (
	retryTimer   = "retry"
	firstBackOff = 1_000
	maxBackOff   = 60_000
)

func (t *turn) clearTimers() {
	t.out.Timers = append(t.out.Timers, wit.Timer{ID: retryTimer}, wit.Timer{ID: albumTimer})
}

// later sets the timer after which what is tried again: after the time that was asked for, or after
// one that doubles with each failure in a row.
func (t *turn) later(what string, wait int64) {
	if wait == 0 {
		wait = min(int64(firstBackOff)<<min(t.state.fails, 10), maxBackOff)
		wait += t.event.Now % (wait/4 + 1) // so that not all accounts come back at once
	}
	t.state.fails++
	t.state.retry = what
	t.out.Timers = append(t.out.Timers, wit.Timer{ID: retryTimer, After: wait})
}

// recovered notes that a request succeeded.
func (t *turn) recovered() {
	if t.state.fails > 0 {
		t.state.fails, t.state.retry = 0, ""
		t.status(wit.ConnectionStateConnected, "")
	}
}
