package guest

import (
	"runtime"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/internal/abi"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// Call is how a capability's package calls an export of a plugin.
type Call[T any] func(host *sdk.Host, plugin T, export string, input []byte) ([]byte, error)

// Serve is the body of an export: it answers one call of the host and returns Extism's code, 0 or 1.
func Serve[T any](table *Table[T], call Call[T], export string) int32 {
	output, err := serve(table, call, export)
	if err != nil {
		abi.Fail(codec.Marshal(wit.AsError(err)))
		return 1
	}
	abi.Output(output)
	return 0
}

func serve[T any](table *Table[T], call Call[T], export string) (output []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			said := text(p)
			print("panic: ", said, "\n", stack())
			err = wit.NewError(wit.CodeInternal, export+" panicked: "+said)
		}
	}()
	plugin, err := table.Find(self())
	if err != nil {
		return nil, err
	}
	return call(&sdk.Host{}, plugin, export, abi.Input())
}

// stack says where a panic was, for the plugin's author: the kernel keeps what is written to stderr.
func stack() string {
	b := make([]byte, 12<<10)
	return string(b[:runtime.Stack(b, false)])
}

func text(p any) string {
	switch p := p.(type) {
	case error:
		return p.Error()
	case string:
		return p
	}
	return "a value that is no text"
}

// selfKey is the configuration entry that tells an instance which of a module's plugins it is.
const selfKey = "carapace:plugin"

var selfName string
var selfKnown bool

func self() string {
	if !selfKnown {
		selfName, _ = abi.Config(selfKey)
		selfKnown = true
	}
	return selfName
}
