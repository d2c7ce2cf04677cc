package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/carapace-gateway/carapace/kernel/plain"
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
	if f.json {
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error": f.coded()}) // nobody is left to tell
		return
	}
	fmt.Fprintln(w, "carapace:", plain.Line(f.err.Error()))
	if hint := f.hint(); hint != "" {
		fmt.Fprintln(w, "  "+hint)
	}
}

// coded is the failure with a code of the closed list, by which a program tells failures apart.
func (f failure) coded() *wit.Error {
	e := *wit.AsError(f.err)
	e.Message = f.err.Error()
	switch {
	case errors.As(f.err, new(usageError)):
		e.Code = wit.CodeInvalid
	case errors.As(f.err, new(unreachableError)):
		e.Code, e.Retryable = wit.CodeUnavailable, true
	}
	return &e
}

// hint says what to do about what the error alone does not.
func (f failure) hint() string {
	if e := (*wit.Error)(nil); errors.As(f.err, &e) && e.Code == wit.CodeUnauthorized {
		return "give the token of that gateway with --token or CARAPACE_GATEWAY_TOKEN"
	}
	return ""
}
