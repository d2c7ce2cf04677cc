package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/runtime"
)

// compileCommand is what the gateway starts this program with once more, to compile a plugin where time and memory
// are bounded.
const compileCommand = "compile-module"

// newCompile is that process. It is not for people.
func newCompile(o *options) *cobra.Command {
	return &cobra.Command{
		Use:    compileCommand + " folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if code := runtime.ServeCompiler(c.Context(), args[0], o.in, o.err); code != 0 {
				return exitError(code)
			}
			return nil
		},
	}
}

// exitError is an exit code about which everything has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// again is the command that starts this program once more, nil where the system does not tell which program this is.
func again(command string) []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{self, command}
}
