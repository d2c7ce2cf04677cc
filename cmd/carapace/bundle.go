package main

import (
	"github.com/spf13/cobra"

	builtin "github.com/carapace-gateway/carapace/builtin-plugins"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/sdk/js"
)

// bundleCommand is what the gateway starts this program with once more, to bundle a script where time and memory are
// bounded.
const bundleCommand = "bundle-script"

// newBundle is that process. It is not for people.
func newBundle(o *options) *cobra.Command {
	return &cobra.Command{
		Use:    bundleCommand,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return script.Serve(o.in, o.out) },
	}
}

// javaScript is what plugins run on that are scripts.
func javaScript() engine.JavaScript {
	return engine.JavaScript{
		Interpreter: builtin.Interpreter, Prelude: js.Prelude(),
		Bundler: script.Bundler{Command: again(bundleCommand), Module: js.Name, SDK: js.Module()},
	}
}
