package slack

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// handleFrame takes what came on a websocket ("Socket Mode implementation"): hello, disconnect, or an envelope.
func handleFrame(a *answer, frame *wit.Frame) {
	if frame.Text == nil {
		return
	}
	v, err := json.ParseText(*frame.Text)
	if err != nil {
		a.Host.Warn("slack: a frame is not JSON and is passed over")
		return
	}
	switch kind := v.Get("type").Text(); kind {
	case "hello":
		greeted(a, frame.Connection)
	case "disconnect":
		dismissed(a, frame.Connection, v.Get("reason").Text())
	default:
		if id := v.Get("envelope_id").Text(); id != "" {
			receive(a, parcel{frame.Connection, id, kind, v.Get("payload"), v.Get("accepts_response_payload").Bool(), a.Now})
		}
	}
}

// Bounds of what waits for names.
const (
	maxHeld      = 32
	maxHeldBytes = 32 << 10 // within the 64 KB that a state may have
	heldTime     = 2_000    // milliseconds; Slack brings again what is not acknowledged within three seconds
)

// receive handles an envelope, or lets it wait until the names in it are known: behind those that wait already, so that
// order is kept.
func receive(a *answer, p parcel) {
	for _, waiting := range a.State.held {
		if waiting.envelope == p.envelope {
			return // Slack brings it again, and it is answered with the other one
		}
	}
	if waits := a.askFor(mentionedIn(a, &p)); !waits && len(a.State.held) == 0 || !a.hasRoom(&p) {
		release(a, true) // nothing overtakes what came before
		handle(a, &p)
		return
	}
	if len(a.State.held) == 0 {
		a.Timer(namesTimer, heldTime)
	}
	a.State.held = append(a.State.held, p)
}

// hasRoom reports whether one more can wait.
func (a *answer) hasRoom(p *parcel) bool {
	size := len(p.payload.Raw())
	for _, waiting := range a.State.held {
		size += len(waiting.payload.Raw())
	}
	return len(a.State.held) < maxHeld && size <= maxHeldBytes
}

// release handles what has waited, in order, up to the first whose names are still asked for; with all of it, everything.
func release(a *answer, all bool) {
	if len(a.State.held) == 0 {
		return
	}
	for len(a.State.held) > 0 {
		p := a.State.held[0]
		if !all && a.Now-p.since < heldTime && a.askFor(mentionedIn(a, &p)) {
			return
		}
		a.State.held = a.State.held[1:]
		handle(a, &p)
	}
	a.Timer(namesTimer, 0)
}
