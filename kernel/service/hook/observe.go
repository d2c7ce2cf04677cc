package hook

import (
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// observe tells the plugins one after the other, and only logs what goes wrong: what they watch has happened. It returns
// when they have been told, when the longest of their deadlines is over, or when ctx ends.
func (k Kind[E]) observe(ctx context.Context, h *Hooks, plugins []Plugin, c wit.HookContext, event E) {
	var longest time.Duration
	for _, p := range plugins {
		longest = max(longest, deadlineOf(p))
	}
	told := h.news.tell(ctx, func(ctx context.Context) {
		for _, p := range plugins {
			k.inform(ctx, h, p, c, event)
		}
	})
	if told == nil {
		h.log.Warn("too much is on its way to plugins that look on: they are not told of this", "hook", k.name)
	}
	wait(ctx, told, longest)
}

// inform tells one plugin, and returns when it has answered or its deadline is over. One that is still being got ready
// then is told when it is.
func (k Kind[E]) inform(ctx context.Context, h *Hooks, p Plugin, c wit.HookContext, event E) {
	told := h.news.tell(ctx, func(ctx context.Context) {
		if _, err := k.call(ctx, p, c, event); err != nil {
			h.log.Warn("plugin failed at a hook", "hook", k.name, "plugin", p.ID(), "error", err)
		}
	})
	if told == nil {
		h.log.Warn("too much is on its way to plugins that look on: one is not told of this", "hook", k.name, "plugin", p.ID())
	}
	wait(ctx, told, deadlineOf(p))
}

// wait returns when done is closed or nil, after d, or when ctx ends.
func wait(ctx context.Context, done <-chan struct{}, d time.Duration) {
	if done == nil {
		return
	}
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-done:
	case <-over.C:
	case <-ctx.Done():
	}
}

// maxNews is how much may be on its way to observers at a time: what is more is lost to them.
const maxNews = 256

// news is what is on its way to observers. It outlives whoever has sent it.
type news struct {
	end    context.Context
	cancel context.CancelFunc

	mu    sync.Mutex
	count int
	over  bool
	wg    sync.WaitGroup
}

func newNews() *news {
	n := &news{}
	n.end, n.cancel = context.WithCancel(context.Background())
	return n
}

// tell calls fn on a goroutine of its own, with the values of ctx and until stop. done is closed when fn has returned; it
// is nil where there is no room for more, or after stop.
func (n *news) tell(ctx context.Context, fn func(context.Context)) (done <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.over || n.count == maxNews {
		return nil
	}
	n.count++
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unlink := context.AfterFunc(n.end, cancel)
	told := make(chan struct{})
	n.wg.Go(func() {
		defer close(told)
		defer n.leave()
		defer cancel()
		defer unlink()
		fn(own)
	})
	return told
}

func (n *news) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.count--
}

// stop ends what is being told, and returns when nothing is.
func (n *news) stop() {
	n.mu.Lock()
	n.over = true
	n.mu.Unlock()
	n.cancel()
	n.wg.Wait()
}
