package channel

import (
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/wit"
)

// maxTimers bounds an account's timers, those included that have gone off and wait to be handled. One answer
// may set as many.
const maxTimers = wit.ChannelAnswerTimersMax

// maxDelay bounds what a plugin or a peer may ask for: more would not fit a time.Duration.
const maxDelay = 365 * 24 * time.Hour

// timers are those of an account. The loop owns them, and looks at them when the earliest is due.
type timers struct {
	at    map[string]time.Time
	first time.Time // the earliest of at; zero when there is none
}

// set sets, moves or clears a timer. It reports false for one too many; waiting have gone off.
func (t *timers) set(w wit.Timer, now time.Time, waiting int) bool {
	delete(t.at, w.ID)
	defer t.look()
	if w.After <= 0 {
		return true
	}
	if len(t.at)+waiting >= maxTimers {
		return false
	}
	if t.at == nil {
		t.at = map[string]time.Time{}
	}
	t.at[w.ID] = now.Add(retry.Asked(&w.After, maxDelay))
	return true
}

// due takes out the timers whose time has come, the earliest first.
func (t *timers) due(now time.Time) (ids []string) {
	if t.first.IsZero() || t.first.After(now) {
		return nil
	}
	for id, at := range t.at {
		if !at.After(now) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return t.at[a].Compare(t.at[b]) })
	for _, id := range ids {
		delete(t.at, id)
	}
	t.look()
	return ids
}

// clear forgets all of them.
func (t *timers) clear() { *t = timers{} }

func (t *timers) empty() bool { return len(t.at) == 0 }

// look finds the earliest anew.
func (t *timers) look() {
	t.first = time.Time{}
	for _, at := range t.at {
		if t.first.IsZero() || at.Before(t.first) {
			t.first = at
		}
	}
}
