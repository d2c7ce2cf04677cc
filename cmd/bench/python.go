package main

import (
	"os"

	"github.com/carapace-gateway/carapace/cmd/examples"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/interpreter"
	sdk "github.com/carapace-gateway/carapace/sdk/python"
	"github.com/carapace-gateway/carapace/wit"
)

// python is what plugins in Python run on, where the interpreter is there.
func python() engine.Python {
	return engine.Python{Boot: sdk.Boot(), Modules: sdk.Modules(), Interpreter: func() (engine.Source, error) {
		if _, err := os.Stat(examples.Python); err != nil {
			return engine.Source{}, wit.Errorf(wit.CodeUnavailable, "the interpreter is not there, which `make toolchains` installs: %w", err)
		}
		i := interpreter.Python()
		return engine.Source{Name: i.Name, Hash: i.SHA256, Open: func() ([]byte, error) { return os.ReadFile(examples.Python) }}, nil
	}}
}
