package plugin

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/wit"
)

// finder finds the version that a call goes to, and sees that it may be called. Handles keep it, and calls go
// through it without waiting for the keeper; it is told when a version turns out not to run.
type finder struct {
	table     *table
	inspector *inspector
	mailbox   *mailbox
	keeper    *keeper // of the mailbox's tasks
	rooms     rooms
	traces    traces
}

// warm is Registry.Warm.
func (f *finder) warm(ctx context.Context, id string) error {
	v, err := f.enter(ctx, id)
	if err != nil {
		return err
	}
	defer v.calls.leave()
	if err := v.code.Compile(ctx); err != nil {
		if wit.CodeOf(err) == wit.CodeInvalid {
			f.mailbox.do(func() { f.keeper.refuse(v, err) })
		}
		return err
	}
	if v.answered.CompareAndSwap(false, true) {
		f.mailbox.do(func() { f.keeper.tell(v, life.Worked{Ref: v.ref}) })
	}
	return nil
}

// current returns the version that is called now, without waiting. Errors: CodeNotFound, and CodeUnavailable with the
// reason why there is none.
func (f *finder) current(id string) (*version, error) { return f.table.current(id) }

// enter returns the current version, verified, with a call counted in, which the caller takes out again by leaving its
// gate. Errors are those of current.
//
// A version that turns out not to run at its first use makes room for the next
// package of its id, which is entered instead.
// The loop ends: each round either returns, or goes on to another version, of which there are as many as packages.
func (f *finder) enter(ctx context.Context, id string) (*version, error) {
	for {
		v, err := f.table.current(id)
		if err != nil {
			return nil, err
		}
		if !v.calls.enter() {
			continue // it has just been replaced
		}
		first, err := v.verify(ctx, f.inspector)
		if err == nil {
			if first {
				v.report(v, life.Checked{Ref: v.ref})
			}
			return v, nil
		}
		v.calls.leave()
		if ctx.Err() == nil {
			f.mailbox.do(func() { f.keeper.refuse(v, err) })
			if now, _ := f.table.current(id); now != v {
				continue
			}
		}
		return nil, wit.Errorf(wit.CodeUnavailable, "plugin %s failed: %w", id, err)
	}
}
