package retry

import (
	"context"
	"time"
)

// Follower calls a function at its start and after each Tell, so often as is needed for the last Tell to be followed by a call.
// It is safe for concurrent use.
type Follower struct{ news chan struct{} }

// NewFollower returns a Follower that Run sets going.
func NewFollower() Follower { return Follower{make(chan struct{}, 1)} }

// Tell says that there is something new.
func (f Follower) Tell() {
	select {
	case f.news <- struct{}{}:
	default: // which is known
	}
}

// Run calls do until ctx ends. After a failure, which is handed to failed, it rests before it calls once more.
func (f Follower) Run(ctx context.Context, rest time.Duration, do func(context.Context) error, failed func(error)) {
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			failed(err)
			Sleep(ctx, rest)
			f.Tell()
		}
		select {
		case <-f.news:
		case <-ctx.Done():
			return
		}
	}
}
