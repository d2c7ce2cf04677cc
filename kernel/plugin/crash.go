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

// crashed keeps what a version of a plugin left behind, if err is of a call that did.
// The lines of stderr are in the log already.
func (t *table) crashed(v *version, err error) {
	c := (*engine.Crash)(nil)
	if !errors.As(err, &c) {
		return
	}
	log := v.guest.Log
	show := func(text string) string { return plain.Text(log.Redact(text)) }
	var trace []string
	if c.Output != "" {
		trace = append(trace, show(c.Output))
	}
	if c.Stack != "" {
		trace = append(trace, "wasm stack, the innermost call first:\n"+show(c.Stack))
	}
	if c.Output == "" {
		for line := range strings.Lines(c.Stack) {
			log.Line(hclog.Warn, c.Export+" ended in "+strings.TrimSuffix(line, "\n"))
		}
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
