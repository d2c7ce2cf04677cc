package channel

import (
	"fmt"
	"sync"
)

// builds knows the last good build of each channel: the one that has handled an event. It spans the accounts
// of a channel, and is safe for concurrent use.
type builds struct {
	plugins Plugins

	mu   sync.Mutex
	good map[string]string // by channel

	rolling sync.Mutex // held over a rollback, so that accounts that fail together make one
}

// made is which code of a plugin something was done by. A Plugin may be another one with each call.
type made struct{ version, build string }

func madeOf(d Describer) made { return made{d.Version(), d.Build()} }

func newBuilds(p Plugins) *builds { return &builds{plugins: p, good: map[string]string{}} }

// handled notes that a build has handled an event, so that its later failures are not its upgrade's.
func (b *builds) handled(channel, build string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.good[channel] = build
}

// suspect reports whether another build has handled events and this one none.
func (b *builds) suspect(channel, build string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	good := b.good[channel]
	return good != "" && good != build
}

// fallback puts the old code back when new code failed its first event. replaced says that what failed is not
// what runs now, so that the event is to be tried again. The error says why the old code could not be put
// back; what follows is then the new code's own failure.
func (b *builds) fallback(channel string, failed made, cause error) (replaced bool, err error) {
	if !b.suspect(channel, failed.build) {
		return false, nil
	}
	b.rolling.Lock()
	defer b.rolling.Unlock()
	now, ok := b.plugins.Channel(channel)
	if !ok {
		return false, nil
	}
	if now.Build() != failed.build {
		return true, nil // an account that failed before has seen to it
	}
	err = b.plugins.Rollback(channel, fmt.Sprintf("version %s failed its first event: %v", failed.version, cause))
	if err != nil {
		b.handled(channel, failed.build)
		return false, err
	}
	return true, nil
}
