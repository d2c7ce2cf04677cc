package plugin

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/plugin/source"
)

// watch has the keeper look at the sources a moment after they have changed, and do its tasks between.
type watch struct {
	sources []source.Source
	mailbox *mailbox
	keeper  *keeper
	log     hclog.Logger
	touched *atomic.Int64 // when a source last changed, in nanoseconds
	wake    chan struct{} // says that one has
}

// run returns when ctx has ended and no source is watched any more.
func (w *watch) run(ctx context.Context, tasks <-chan struct{}) {
	var watchers sync.WaitGroup
	for _, s := range w.sources {
		watchers.Go(func() {
			if err := s.Watch(ctx, w.touch); err != nil {
				w.log.Warn("plugins not watched: restart the gateway after a change", "where", s.Name(), "error", err)
			}
		})
	}
	w.serve(ctx, tasks)
	watchers.Wait()
}

// serve does tasks, and looks at the sources a moment after they have changed, until ctx ends.
func (w *watch) serve(ctx context.Context, tasks <-chan struct{}) {
	w.touch() // what changed between Load and Run
	look := time.NewTimer(time.Hour)
	defer look.Stop()
	var first time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tasks:
			w.mailbox.work()
		case <-w.wake:
			if first.IsZero() {
				first = time.Now()
			}
			look.Reset(min(debounce, max(0, maxDebounce-time.Since(first))))
		case <-look.C:
			first = time.Time{}
			again, err := w.keeper.look(ctx, true)
			if err != nil {
				w.log.Warn("plugins cannot be looked at", "error", err)
			}
			w.keeper.verifyInstalled(ctx)
			look.Reset(cmp.Or(again, time.Hour))
		}
	}
}

// touch says that something may have changed.
// It never blocks: one signal that waits is as good as several.
func (w *watch) touch() {
	w.touched.Store(time.Now().UnixNano())
	w.lookAgain()
}

// lookAgain makes serve look at the sources soon.
func (w *watch) lookAgain() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
