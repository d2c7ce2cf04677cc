package host

import (
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// progressInterval is the least time between two reports of one call that are told.
const progressInterval = time.Second / wit.LimitProgressPerSecond

// Progress is what one call of a tool says of itself while it runs. It is told by a goroutine of its own, so that a
// tool does not wait for who listens: what is said meanwhile, and before the interval is over, is joined, which keeps
// the latest.
type Progress struct {
	ctx  context.Context // of the call
	tell func(ctx context.Context, text string)

	mu      sync.Mutex
	latest  chan func() string // not told yet; nil before the first report
	cancel  context.CancelFunc // of who tells
	telling sync.WaitGroup
	ended   bool
}

// NewProgress begins with a call, and ends with End. tell gets the reports one after the other, each in a context that
// ends with ctx and with End; nil drops them.
func NewProgress(ctx context.Context, tell func(ctx context.Context, text string)) *Progress {
	return &Progress{ctx: ctx, tell: tell}
}

// End returns when nothing is told any more. What was not told yet has been overtaken by the call's result.
func (p *Progress) End() {
	p.mu.Lock()
	p.ended = true
	if p.cancel != nil {
		p.cancel()
	}
	p.mu.Unlock()
	p.telling.Wait()
}

// say has a text told, which is made when its time has come. It reports false when the call is over.
func (p *Progress) say(text func() string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.ctx.Err() != nil {
		return false
	}
	if p.tell == nil {
		return true
	}
	if p.latest == nil {
		p.latest = make(chan func() string, 1)
		ctx, cancel := context.WithCancel(p.ctx)
		p.cancel = cancel
		p.telling.Go(func() { p.run(ctx) })
	}
	select {
	case <-p.latest:
	default:
	}
	p.latest <- text // there is room: only say fills it
	return true
}

// run tells until ctx ends.
func (p *Progress) run(ctx context.Context) {
	for {
		select {
		case text := <-p.latest:
			p.tell(ctx, text())
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(progressInterval):
		case <-ctx.Done():
			return
		}
	}
}

// progress hands a guest's reports to the call that it is in.
type progress struct{ redact func(string) string }

// Report is the guest's. That it is done says that the report is on its way, not that anybody sees it.
func (p progress) Report(ctx context.Context, r *wit.ProgressReport) (*wit.Done, error) {
	call := CallOf(ctx).Progress
	if call == nil {
		return nil, wit.NewError(wit.CodeForbidden, "progress: there is nothing to report it of: only a tool that is being invoked has progress")
	}
	if !call.say(func() string { return shown(p.redact, r.Text, wit.ProgressReportTextCut) }) {
		return nil, wit.NewError(wit.CodeForbidden, "progress: the call that it would be of is over")
	}
	return &wit.Done{OK: true}, nil
}
