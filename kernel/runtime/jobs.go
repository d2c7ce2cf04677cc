package runtime

import (
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/wit"
)

// errClosed is what a closed engine returns.
var errClosed = wit.NewError(wit.CodeUnavailable, "the plugin runtime is closed")

// jobs are what an engine does beside its callers, which is to compile. It is safe for concurrent use.
type jobs struct {
	mu     sync.Mutex
	closed bool
	group  sync.WaitGroup
	ctx    context.Context // of the jobs
	cancel context.CancelFunc
}

func newJobs(ctx context.Context) *jobs {
	j := &jobs{}
	j.ctx, j.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return j
}

// start runs f in a goroutine, or returns false after close.
func (j *jobs) start(f func(ctx context.Context)) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false
	}
	j.group.Go(func() { f(j.ctx) })
	return true
}

// close ends the jobs' context and refuses new ones; wait follows it.
func (j *jobs) close() {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.cancel()
}

func (j *jobs) wait() { j.group.Wait() }
