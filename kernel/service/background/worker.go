package background

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/wit"
)

// worker runs the service of one plugin.
type worker struct {
	plugin   Plugin
	rollback func(id, reason string) error
	redact   func(string) string
	log      hclog.Logger

	ran      string // the build that last started
	failures int    // since it was well for long
	state    atomic.Pointer[State]
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// run runs one version after the other until ctx ends or the plugin cannot be called.
func (w *worker) run(ctx context.Context) {
	defer w.plugin.Report(State{})
	for ctx.Err() == nil {
		t, err := w.plugin.Enter(ctx)
		if err != nil {
			w.log.Debug("service not run", "reason", err)
			return
		}
		began := time.Now()
		failed := w.tenure(ctx, t)
		if failed == nil {
			w.failures = 0
			continue
		}
		if ctx.Err() == nil && w.ran != "" && w.ran != t.Build() && w.rollback(w.plugin.ID(), "its service cannot be started: "+w.redact(failed.Error())) == nil {
			continue
		}
		if time.Since(began) > settled {
			w.failures = 0
		}
		w.failures++
		w.wait(ctx, t, failed)
	}
}

// wait is between a failure and the next start of the same version; another version does not wait.
func (w *worker) wait(ctx context.Context, t Tenure, failed error) {
	pause := restart.Delay(w.failures)
	w.log.Warn("service is started anew", "problem", failed, "in", pause.Round(time.Millisecond))
	w.show(State{Phase: Waiting, Next: time.Now().Add(pause), Problem: failed.Error()})
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Replaced():
	case <-ctx.Done():
	}
}

// show says how the service is.
func (w *worker) show(s State) {
	if before := w.state.Load(); before != nil && before.Phase == s.Phase {
		s.Since = before.Since
	} else {
		s.Since = time.Now()
	}
	s.Message, s.Problem, s.Restarts = w.redact(s.Message), w.redact(s.Problem), w.failures
	w.state.Store(&s)
	w.plugin.Report(s)
}

// tenure runs a version from its start to its stop. The error is why it has to be started anew, nil when it has been replaced
// or the gateway stops.
func (w *worker) tenure(ctx context.Context, t Tenure) error {
	defer t.Leave()
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	unhook := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer unhook()
	w.show(State{Phase: Starting})
	if err := t.Start(calls); err != nil {
		return err
	}
	w.ran = t.Build()
	w.log.Info("service started")
	w.show(State{Phase: Running})
	cause, err := w.attend(ctx, calls, t)
	if t.Lost() {
		return err
	}
	if failed := t.Stop(calls, cause); failed != nil {
		w.log.Warn("service did not stop well", "error", failed)
	} else {
		w.log.Info("service stopped", "cause", string(cause))
	}
	return err
}

// attend polls and ticks until something ends that; calls are made in a context that outlives ctx by the grace.
func (w *worker) attend(ctx, calls context.Context, t Tenure) (wit.StopCause, error) {
	facts := t.Facts()
	every := facts.HealthEvery
	if every == 0 {
		every = wit.ServiceFactsHealthEveryDefault
	}
	poll := time.NewTicker(time.Duration(every) * time.Millisecond)
	defer poll.Stop()
	var due <-chan time.Time
	if facts.TickEvery != nil {
		ticker := time.NewTicker(time.Duration(*facts.TickEvery) * time.Millisecond)
		defer ticker.Stop()
		due = ticker.C
	}
	var message string // of the last poll
	for {
		var err error
		select {
		case <-ctx.Done():
			return wit.StopCauseGatewayStops, nil
		case <-t.Replaced():
			return wit.StopCauseReplaced, nil
		case <-poll.C:
			if t.Lost() {
				return "", errLost
			}
			if message, err = health(calls, t); err != nil {
				return wit.StopCauseUnhealthy, err
			}
		case <-due:
			if t.Lost() {
				return "", errLost
			}
			if err = t.Tick(calls); err != nil && t.Lost() {
				return "", err
			} else if err != nil {
				w.log.Warn("service tick failed", "error", err)
			}
		}
		is := State{Phase: Running, Message: message}
		if err != nil {
			is.Problem = err.Error()
		}
		w.show(is)
	}
}

// errLost is of an instance that no call has ended.
var errLost = wit.NewError(wit.CodeUnavailable, "its instance was closed, since memory was needed")

// health asks a service how it is; a problem is an error.
func health(ctx context.Context, t Tenure) (message string, err error) {
	is, err := t.Health(ctx)
	switch {
	case err != nil:
		return "", err
	case t.Lost():
		return "", errLost
	case is.Problem != "":
		return "", errors.New(is.Problem)
	}
	return is.Message, nil
}
