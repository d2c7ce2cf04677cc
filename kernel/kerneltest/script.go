package kerneltest

import (
	builtin "github.com/carapace-gateway/carapace/builtin-plugins"
	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/sdk/js"
)

// JavaScript lets the kernel run plugins that are scripts, which it bundles in this process.
func JavaScript() Option {
	return func(o *kernel.Options) {
		o.JavaScript = engine.JavaScript{Interpreter: builtin.Interpreter, Prelude: js.Prelude(), Bundler: script.Bundler{Module: js.Name, SDK: js.Module()}}
	}
}
