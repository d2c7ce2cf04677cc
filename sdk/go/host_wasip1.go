package sdk

import (
	"github.com/carapace-gateway/carapace/sdk/go/internal/abi"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// Host is the gateway, as one plugin sees it. The zero value is ready to use.
type Host struct{}

// imported is a function of module extism:host/user.
type imported = func(offset uint64) uint64

// call calls function. It is generic so that a guest links only what it uses of the contract's types.
func call[P codec.Appender, R codec.Receiver](_ *Host, function imported, param P, result R) error {
	answer := envelope[R]{ok: result}
	if err := codec.UnmarshalShared(abi.Call(function, codec.Marshal(param)), &answer); err != nil {
		return wit.NewError(wit.CodeInternal, "the gateway's answer cannot be read: "+err.Error())
	}
	if answer.err != nil {
		return answer.err
	}
	return nil
}

// envelope is how the kernel answers a host call.
type envelope[R codec.Receiver] struct {
	ok  R
	err *wit.Error
}

func (e *envelope[R]) ReadJSON(r *codec.Reader) {
	r.Object()
	for r.Next() {
		switch string(r.Key()) {
		case "ok":
			e.ok.ReadJSON(r)
		case "error":
			e.err = new(wit.Error)
			e.err.ReadJSON(r)
		default:
			r.Unknown()
		}
	}
}
