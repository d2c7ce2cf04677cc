package plugin

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Crash is the last call of a plugin that panicked, trapped or did not end, for who writes the plugin. Callers without the admin
// scope are not shown it: a guest may have written anything there.
type Crash struct {
	Version string `json:"version"`
	Export  string `json:"export"`
	At      int64  `json:"at"`
	Message string `json:"message"`
	// Trace is what the guest wrote to stderr last, and the WebAssembly functions that were being called: at most 21 KB,
	// without secrets that the gateway knows and without control characters.
	Trace string `json:"trace,omitempty"`
}

// failed logs the error of a call of a version under the plugin's name, and returns it. What is the plugin's own fault is logged as
// an error, with where it comes from: that it panicked, trapped or took too long, has thrown, calls itself at
// fault (CodeInternal) or gave an error that the contract does not know. Any other code is an answer, such as that there is no
// such thing or that a platform does not want more: it is for whoever called, and logged as a detail only.
func (t *table) failed(v *version, export string, err error) error {
	log, c := v.guest.Log, (*engine.Crash)(nil)
	crashed := errors.As(err, &c)
	if !crashed && wit.CodeOf(err) != wit.CodeInternal && !errors.As(err, new(*engine.Uncoded)) {
		log.Detail(export + " answered " + string(wit.CodeOf(err)) + ": " + err.Error())
		return err
	}
	var where []string
	if crashed {
		where = whereOf(c)
		t.crashed(v, c)
	}
	log.Fault(hclog.Error, export+" failed: "+err.Error(), where...)
	return rpc.Logged(err)
}

// whereOf are lines for the log that say where a call has ended. What the guest wrote to stderr is there already.
func whereOf(c *engine.Crash) (lines []string) {
	switch {
	case c.Unlogged:
		for line := range strings.Lines(c.Output) {
			if line = strings.TrimRight(line, "\n"); !strings.HasSuffix(line, c.Error()) {
				lines = append(lines, line)
			}
		}
	case c.Output == "":
		for line := range strings.Lines(c.Stack) {
			lines = append(lines, strings.TrimSpace(c.Export+" ended in ")+" "+strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

// crashed keeps what a version of a plugin left behind.
func (t *table) crashed(v *version, c *engine.Crash) {
	show := func(text string) string { return plain.Text(v.guest.Log.Redact(text)) }
	var trace []string
	if c.Output != "" {
		trace = append(trace, show(c.Output))
	}
	if c.Stack != "" {
		trace = append(trace, "wasm stack, the innermost call first:\n"+show(c.Stack))
	}
	if r := (*t.rows.Load())[v.manifest.ID]; r != nil {
		r.crash.Store(&Crash{Version: v.manifest.Version, Export: c.Export, At: time.Now().UnixMilli(),
			Message: show(c.Error()), Trace: strings.Join(trace, "\n")})
	}
}

// forAuthor is a crash as a caller may see it.
func forAuthor(ctx context.Context, c *Crash) *Crash {
	if rpc.Require(ctx, wire.ScopeAdmin, "") != nil {
		return nil
	}
	return c
}

// CallFailure are the details of the error of plugins.call where that crashed.
type CallFailure struct {
	Code  string `json:"code"`
	Crash *Crash `json:"crash"`
}

// withCrash adds what the plugin's last crash left behind to the error of a call, if it is of that crash.
func (t *table) withCrash(id string, err error) error {
	r := (*t.rows.Load())[id]
	if r == nil || !errors.As(err, new(*engine.Crash)) {
		return err
	}
	return rpc.WithDetails(err, CallFailure{strings.ToUpper(string(wit.CodeOf(err))), r.crash.Load()})
}
