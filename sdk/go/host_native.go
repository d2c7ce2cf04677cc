//go:build !wasip1

package sdk

import (
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// Host is the gateway, as one plugin sees it. Outside WebAssembly NewHost makes one.
type Host struct {
	answer func(name string, param []byte) ([]byte, error)
}

// NewHost returns a Host whose functions are answered by answer, which gets a function's name, such as
// kv_get, and its parameter, and returns its result, both as JSON. It is for tests: see package sdktest.
func NewHost(answer func(name string, param []byte) ([]byte, error)) *Host {
	return &Host{answer: answer}
}

// imported is the name of a host function.
type imported = string

func call[P codec.Appender, R codec.Receiver](h *Host, name imported, param P, result R) error {
	data, err := h.answer(name, codec.Marshal(param))
	if err != nil {
		return wit.AsError(err)
	}
	return wit.Unmarshal(data, result)
}
