package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Exit codes; 0 is success. Scripts tell by them whether to try once more, to mend the command, or to start a gateway.
const (
	exitFailed = 1 + iota
	exitUsage
	exitUnreachable
)

func exitCode(err error) int {
	code := exitError(0)
	switch {
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, new(usageError)):
		return exitUsage
	case errors.As(err, new(unreachableError)):
		return exitUnreachable
	}
	return exitFailed
}

// failure is why a command did not do what it should.
type failure struct {
	err  error
	json bool
}

// print writes one line for people, or one JSON object for programs.
func (f failure) print(w io.Writer) {
	crash := f.crash()
	if f.json {
		answer := map[string]any{"ok": false, "error": f.coded()}
		if crash != nil {
			answer["crash"] = crash
		}
		_ = json.NewEncoder(w).Encode(answer) // nobody is left to tell
		return
	}
	message := f.message()
	if crash != nil {
		message = crash.Message // what the gateway hides from others
	}
	fmt.Fprintln(w, "carapace:", plain.Line(message))
	if crash != nil {
		printTrace(w, crash)
	}
}

// message says why. Ctrl-C ends a command in whatever it was about to do.
func (f failure) message() string {
	if errors.Is(f.err, context.Canceled) {
		return "interrupted"
	}
	return f.err.Error()
}

// crash is what a plugin left behind that was called and ended, nil where it is not about that.
func (f failure) crash() *plugin.Crash {
	refusal := (*wire.Error)(nil)
	if !errors.As(f.err, &refusal) || refusal.Details == nil {
		return nil
	}
	var details plugin.CallFailure
	if b, err := json.Marshal(refusal.Details); err != nil || json.Unmarshal(b, &details) != nil {
		return nil // details of another kind
	}
	return details.Crash
}

// coded is the failure with a code of the closed list, by which a program tells failures apart.
func (f failure) coded() *wit.Error {
	e := *wit.AsError(f.err)
	e.Message = f.message()
	switch {
	case errors.As(f.err, new(usageError)):
		e.Code = wit.CodeInvalid
	case errors.As(f.err, new(unreachableError)):
		e.Code, e.Retryable = wit.CodeUnavailable, true
	}
	return &e
}
