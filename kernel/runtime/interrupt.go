package runtime

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// interrupt ends a script whose call has lasted too long so that the script's own stack is known: the interpreter, which asks now
// and then, throws what no script can catch, and what the script asks of the host throws. Whatever the script makes of it, the
// call has failed. What goes on nevertheless, since it does not come back to the interpreter or catches what the host throws, the
// engine stops a little later.
type interrupt struct {
	can bool  // the call is one of a script
	at  int64 // when the call was first seen to have lasted too long
	err error // why the script was interrupted, if it was
}

// interruptGrace is how much longer than its deadline a script may take to be interrupted. The interpreter asks after 10,000 calls
// and turns of loops. It knows the place of the last call, or the last name that was looked up, before that.
const interruptGrace = 250 * time.Millisecond

// waits says that a call which is over for that reason may still end by an interrupt: it has lasted too long, and somebody wants to
// know where.
func (c *call) waits(reason error) bool {
	r, now := &c.interrupt, c.plugin.clock.now()
	if !r.can || wit.CodeOf(reason) != wit.CodeTimeout || c.blameless() {
		return false
	}
	if r.at == 0 {
		r.at = now
	}
	return now-r.at < int64(interruptGrace)
}

// set takes note of the first reason.
func (r *interrupt) set(reason error) {
	if r.err == nil {
		r.err = reason
	}
}

// hostInterrupt answers the interpreter, which asks whether to interrupt its script.
func hostInterrupt(i *instance, s []uint64) {
	s[0] = 0
	if !i.call.interrupt.can {
		return
	}
	if err := i.call.over(); err != nil {
		i.call.interrupt.set(err)
		s[0] = 1
	}
}

// askInTime is ask while the call's time is not up. Then it is an error, for as long as an interrupt is waited for.
func (i *instance) askInTime(args []string) (_ string, err error) {
	c := &i.call
	defer func() {
		if c.halt == nil || !c.waits(c.halt) {
			return
		}
		if r := recover(); r != any(errHalted) {
			panic(r)
		}
		c.interrupt.set(c.halt)
		err, c.halt = c.halt, nil
	}()
	c.check()
	return i.ask(args)
}

// interrupted is the error of a call whose script was interrupted. err is the interpreter's, nil if the script gave an answer.
func (i *instance) interrupted(err error, answer string) error {
	c, crash := &i.call, (*Crash)(nil)
	if err == nil {
		err = i.thrown(strings.TrimPrefix(answer, "-"))
	} else {
		err = i.scriptError(err)
	}
	switch {
	case c.halt != nil:
		return err
	case c.blameless():
		return c.interrupt.err
	case errors.As(err, &crash):
		return &Crash{Export: c.export, Output: crash.Output, Unlogged: true, err: c.interrupt.err}
	}
	return c.crash(c.interrupt.err, nil)
}

// blameless says that a call that was stopped did not last too long: its caller gave it up, or the plugin ends.
func (c *call) blameless() bool {
	return errors.Is(c.ctx.Err(), context.Canceled) || c.plugin.killed.Err() != nil
}
