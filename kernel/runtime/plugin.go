package runtime

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/wit"
)

// plugin is what all instances of one pool share: what its owner said of it, and what of the engine its calls
// need. Nothing of it but the mean interval changes after link, so it is read without a lock. It keeps no figures and
// no instances.
type plugin struct {
	spec   Spec
	limits Limits
	clock  clock
	turns  *turns
	log    hclog.Logger    // the gateway's own; the plugin's lines go to spec.Log
	killed context.Context // ends when the pool stops its calls

	interval interval // of the meter, in processor time
	habit    habit    // of its calls

	once      sync.Once
	functions []function // by the number that the module calls them by
}

// link lines the plugin's functions up with the numbers in its module. All instances of a pool run the same
// module, so only the first call does something.
func (p *plugin) link(names []string) {
	p.once.Do(func() { p.functions = functionTable(names, p.spec.Functions) })
}

// visible is err as the guest may see it: what has no code is logged in full and shown as internal.
func (p *plugin) visible(function string, err error) *wit.Error {
	if wit.CodeOf(err) != wit.CodeInternal {
		return wit.AsError(err)
	}
	p.log.Error("host function failed", "plugin", p.spec.Plugin, "function", function, "error", err)
	return wit.NewError(wit.CodeInternal, "internal error")
}

// The errors of a call that the host ends.

func (p *plugin) timeout(export string) error {
	return wit.Errorf(wit.CodeTimeout, "plugin %s: %s did not answer within %s", p.spec.Plugin, export, p.limits.Deadline)
}

func (p *plugin) cancelled(export string, cause error) error {
	code := wit.CodeUnavailable
	if errors.Is(cause, context.DeadlineExceeded) {
		code = wit.CodeTimeout
	}
	return wit.Errorf(code, "plugin %s: %s was given up by its caller: %w", p.spec.Plugin, export, cause)
}

// roomAgain is when a plugin that found no memory is to be asked again: others give theirs back as their calls end.
const roomAgain = time.Second

func (p *plugin) noRoom(export string, code wit.Code, why string) error {
	return wit.ErrorAfter(code, roomAgain, "plugin %s: %s found no room for an instance: %s", p.spec.Plugin, export, why)
}

func (p *plugin) crashing(export string, again time.Duration) error {
	return wit.ErrorAfter(wit.CodeUnavailable, again, "plugin %s: %s is not called now: the plugin crashes again and again, and `carapace plugins info %[1]s` shows where", p.spec.Plugin, export)
}

func (p *plugin) stopping() error {
	return wit.Errorf(wit.CodeUnavailable, "plugin %s is being stopped", p.spec.Plugin)
}
