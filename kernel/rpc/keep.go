package rpc

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Encoded is an answer that is JSON already. Nobody changes it.
type Encoded []byte

// MarshalJSON implements json.Marshaler.
func (e Encoded) MarshalJSON() ([]byte, error) { return e, nil }

// Encode returns v as JSON, as it is where it is that already.
func Encode(v any) (Encoded, error) {
	if e, ok := v.(Encoded); ok {
		return e, nil
	}
	b, err := json.Marshal(v)
	return b, err
}

// Bounds of what a row keeps. Clients ask the same few questions again and again.
const (
	maxKept      = 64
	maxKeptBytes = 1 << 20
)

// NewKept is New for an answer that is asked for again and again: it is kept, encoded, until its basis changes. basis
// is what the answer is made of beside the parameters and the caller's protocol, as a comparable value: versions of
// the store's spaces, settings. It is asked before the handler runs, so an answer may be newer than its basis and is
// never older. ok is false where the answer depends on more, such as the time of day, and is not kept.
func NewKept[I, O any](name string, scope wire.Scope, fn func(context.Context, I) (O, error), basis func(context.Context, I) (of any, ok bool)) Method {
	kept := &answers{}
	row := newRow[I, O](name, scope, func(ctx context.Context, raw json.RawMessage, in I) (any, error) {
		of, ok := basis(ctx, in)
		if !ok {
			return fn(ctx, in)
		}
		protocol := protocolOf(ctx)
		if answer := kept.get(protocol, raw, of); answer != nil {
			return answer, nil
		}
		out, err := fn(ctx, in)
		if err != nil {
			return nil, err
		}
		answer, err := json.Marshal(out)
		if err != nil {
			return nil, err
		}
		kept.put(protocol, raw, of, answer)
		return Encoded(answer), nil
	})
	row.rest = kept.forget
	return row
}

func protocolOf(ctx context.Context) int {
	if c := CallerOf(ctx); c != nil {
		return c.Protocol
	}
	return 0
}

// answers are those that a row keeps. The zero value is ready.
type answers struct {
	mu    sync.Mutex
	kept  map[question]answer
	bytes int
}

// question is what was asked, in the bytes of whoever asked.
type question struct {
	protocol int
	params   string
}

type answer struct {
	of      any
	encoded Encoded
}

// get returns the answer to a question that was made of the same, nil without one.
func (a *answers) get(protocol int, params json.RawMessage, of any) Encoded {
	a.mu.Lock()
	defer a.mu.Unlock()
	if found := a.kept[question{protocol, string(params)}]; found.of == of {
		return found.encoded
	}
	return nil
}

// put keeps an answer. What is kept already makes room for it, all at once: it is made again where it is asked for.
func (a *answers) put(protocol int, params json.RawMessage, of any, encoded Encoded) {
	size := len(params) + len(encoded)
	if size > maxKeptBytes {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	q := question{protocol, string(params)}
	if old, ok := a.kept[q]; ok {
		a.bytes -= len(params) + len(old.encoded)
		delete(a.kept, q)
	}
	if a.kept == nil || len(a.kept) >= maxKept || a.bytes+size > maxKeptBytes {
		a.kept, a.bytes = map[question]answer{}, 0
	}
	a.kept[q] = answer{of, encoded}
	a.bytes += size
}

// forget drops all.
func (a *answers) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept, a.bytes = nil, 0
}
