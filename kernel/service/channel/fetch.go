package channel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/wit"
)

// fetch is one request under way, in a goroutine of its own.
type fetch struct {
	query
	account string
	gen     uint64
	at      address
}

// run makes the request after a pause. The response, or why there is none, becomes an event.
func (f *fetch) run(ctx context.Context, pause time.Duration) {
	if !retry.Sleep(ctx, pause) {
		return
	}
	began := time.Now()
	resp, err := f.plugin.Do(ctx, f.account, f.request)
	if ctx.Err() != nil {
		return
	}
	took := time.Since(began)
	if err != nil || resp == nil {
		resp = refusal(f.request.ID, err)
	}
	resp.ID = f.request.ID
	if resp.Error != nil {
		o := &requestFailed{gen: f.gen}
		if f.at.ask(ctx, o) != nil || !retry.Sleep(ctx, o.delay) {
			return
		}
	}
	in := responded(f.gen, resp)
	in.origin, in.took = fromRequest, took
	f.at.post(ctx, in)
}

func responded(gen uint64, r *wit.HTTPResponse) *input {
	return &input{gen: gen, event: wit.ChannelEvent{Kind: wit.EventKindResponse, Response: r}}
}

// refusal is the response of a request that came to nothing.
func refusal(id string, err error) *wit.HTTPResponse {
	if err == nil {
		err = wit.NewError(wit.CodeInternal, "the request came to no result")
	}
	return &wit.HTTPResponse{ID: id, Error: wit.AsError(err)}
}

// requestFailed asks how long the news of a failed request is held back.
type requestFailed struct {
	gen   uint64
	delay time.Duration
}

func (o *requestFailed) carryOut(l *loop) error {
	if l.machine.current(o.gen) {
		o.delay = l.traffic.requests.failed()
	}
	return nil
}
