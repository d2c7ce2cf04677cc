package gateway

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// dispatcher calls the methods that requests name, and encodes what comes of them. It is one for all connections and
// knows none of them.
type dispatcher struct {
	table   *rpc.Table
	metrics *metrics
	log     hclog.Logger
	running running // what stopping waits for
}

// replier takes the frames that answer a request: *conn.
type replier interface {
	reply(f frame)
	// replyWith replies with what encode returns, once there is room for it.
	replyWith(encode func() frame)
}

// answer calls a method and replies with its answer, of most bytes at most. A method that has two has the first one
// sent before it goes on.
func (d *dispatcher) answer(ctx context.Context, caller *rpc.Caller, req wire.Request, most int64, to replier) {
	id := req.ID // the closure is allocated: it holds no more of the request
	var once sync.Once
	early := func(first any) { once.Do(func() { to.reply(d.result(caller, id, first, most)) }) }
	start := time.Now()
	result, err := d.call(ctx, caller, req, early)
	d.metrics.request(req.Method, wit.CodeOf(err), time.Since(start))
	if err != nil {
		to.reply(d.failure(caller, id, err))
		return
	}
	to.replyWith(func() frame { return d.result(caller, id, result, most) })
}

// call runs the method and makes a panic in it an error of this request alone.
func (d *dispatcher) call(ctx context.Context, caller *rpc.Caller, req wire.Request, early func(any)) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("method panicked", "method", req.Method, "panic", p, "stack", string(debug.Stack()))
			err = wit.Errorf(wit.CodeInternal, "panic in %s", req.Method)
		}
	}()
	return d.table.Call(ctx, caller, req.Method, req.Params, early)
}

// result encodes an answer, if the client can be expected to take one of that size.
func (d *dispatcher) result(caller *rpc.Caller, id string, result any, most int64) frame {
	payload, err := rpc.Encode(result)
	if err != nil {
		return d.failure(caller, id, wit.Errorf(wit.CodeInternal, "encode the answer: %w", err))
	}
	if int64(len(payload)) > max(most, 8<<20) {
		return d.failure(caller, id, wit.Errorf(wit.CodeTooLarge, "the answer has %d bytes: ask for less at a time", len(payload)))
	}
	return frame{body: payload, to: id}
}

// failure encodes an error, in the words of the caller's protocol. Only what is nobody's fault but the gateway's is
// logged: that of a plugin is under the plugin's name.
func (d *dispatcher) failure(caller *rpc.Caller, id string, err error) frame {
	if wit.CodeOf(err) == wit.CodeInternal && !rpc.IsLogged(err) {
		d.log.Error("request failed", "conn", caller.ConnID, "id", id, "error", err)
	}
	return frame{body: wire.AppendFailure(nil, id, wire.NewError(err, rpc.DetailsOf(err), caller.Protocol))}
}
