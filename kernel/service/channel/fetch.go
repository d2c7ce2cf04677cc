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
