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
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones by name on machines without a zone database

	"github.com/carapace-gateway/carapace/wit"
)

// Exit codes; 0 is success. Scripts tell by them whether to try once more, to mend the command, or to start a gateway.
const (
	exitFailed = 1 + iota
	exitUsage
	exitUnreachable
)

// version is set by the build, from the tag in the repository.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// run executes one command line and returns its exit code. All that went wrong is told here, in one line on
// stderr: commands return errors and print none.
func run(ctx context.Context, args []string, io stdio) int {
	root := newRoot(io)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if code := exitError(0); errors.As(err, &code) {
		return int(code)
	}
	fmt.Fprintln(io.err, "carapace:", err)
	switch {
	case errors.As(err, new(usageError)):
		return exitUsage
	case errors.As(err, new(unreachableError)):
		return exitUnreachable
	}
	if e := (*wit.Error)(nil); errors.As(err, &e) && e.Code == wit.CodeUnauthorized {
		fmt.Fprintln(io.err, "  give the gateway's token with --token or CARAPACE_GATEWAY_TOKEN")
	}
	return exitFailed
}
