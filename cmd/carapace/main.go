// Command carapace is the gateway and the command line that speaks to it.
//
// `carapace` (or `carapace serve`) runs the gateway; every other command is a client of the running
// one and finds it by the state directory, or by --url and --token.
//
// It exits with 0 when all went well, 1 when something failed (one line on stderr says what), 2 when
// the command line is wrong, and 3 when no gateway answers.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"slices"
	_ "time/tzdata" // time zones by name on machines without a zone database

	"github.com/carapace-gateway/carapace/kernel/plain"
)

// version is set by the build, from the tag in the repository.
var version = "dev"

func main() {
	runtime.LockOSThread() // to the first one: see the priority of guests that compute for long
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	startProfiling()
	os.Exit(run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// run executes one command line and returns its exit code. All that went wrong is told here, in one line on
// stderr: commands return errors and print none. What commands print is made safe for a terminal here too, whoever
// wrote it.
func run(ctx context.Context, args []string, io stdio) int {
	io.out, io.err = plain.NewWriter(io.out), plain.NewWriter(io.err)
	root := newRoot(io)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !errors.As(err, new(exitError)) {
		failure{err, slices.Contains(args, "--json")}.print(io.err)
	}
	return exitCode(err)
}
