package kernel

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// stopTimeout is how long one part may take to stop.
const stopTimeout = 20 * time.Second

// part is one long-running piece of the kernel.
type part struct {
	name string
	run  func(context.Context) error
}

// parts are started from the first to the last and stopped from the last to the first, so that nobody
// calls what has stopped.
func (k *Kernel) parts() []part {
	list := []part{{"settings", k.settings.Run}, {"credentials", k.state.vault.Run}, {"encryption", k.state.form.Run}, {"media", k.state.media.Run}, {"plugins", k.platform.plugins.Run}}
	for _, s := range k.services {
		if s.Run != nil {
			list = append(list, part{s.Name, s.Run})
		}
	}
	return append(list,
		part{"schedule", k.platform.scheduler.Run},
		part{"gateway", func(ctx context.Context) error { return k.door.gateway.Run(ctx, k.door.listener) }},
	)
}

// Run runs the kernel until ctx ends, and returns when all of it has stopped and is closed. ready, which
// may be nil, is called once clients can connect. The error is the first of a part that failed, or what
// could not be closed.
func (k *Kernel) Run(ctx context.Context, ready func(Endpoint)) (err error) {
	defer func() { err = errors.Join(err, k.closers.close()) }()
	failed := make(chan error, 1)
	var running []*runningPart
	for _, p := range k.parts() {
		running = append(running, start(p, failed))
	}
	at, err := k.open()
	if err == nil {
		k.up.Store(true)
		if ready != nil {
			ready(at)
		}
		since := time.Now()
		k.started(ctx)
		select {
		case <-ctx.Done():
			k.log.Info("gateway stopping")
		case err = <-failed:
			k.log.Error("gateway stopping: a service failed", "error", err)
		}
		k.up.Store(false)
		k.stopping(since)
	}
	for i := len(running) - 1; i >= 0; i-- {
		err = errors.Join(err, running[i].stop())
	}
	return err
}

// open writes down where the gateway listens.
func (k *Kernel) open() (Endpoint, error) {
	url := urlOf(k.door.listener)
	k.url.Store(&url)
	at := Endpoint{URL: url, PID: os.Getpid(), Version: k.o.Version, StateDir: k.o.StateDir, Addresses: reachable(k.door.listener)}
	k.log.Info("gateway listening", "url", url, "version", k.o.Version)
	if k.o.StateDir == "" {
		return at, nil
	}
	k.closers.add(func() error { return os.Remove(k.o.dir(EndpointFile)) })
	return at, announce(k.o.StateDir, at)
}

// runningPart is a part that was started.
type runningPart struct {
	name   string
	cancel context.CancelFunc
	done   chan error
}

func start(p part, failed chan<- error) *runningPart {
	ctx, cancel := context.WithCancel(context.Background())
	r := &runningPart{p.name, cancel, make(chan error, 1)}
	go func() {
		err := p.run(ctx)
		if err != nil {
			err = wit.Errorf(wit.CodeOf(err), "%s: %w", p.name, err)
		}
		if ctx.Err() == nil {
			if err == nil {
				err = wit.Errorf(wit.CodeInternal, "%s ended by itself", p.name)
			}
			select {
			case failed <- err:
			default:
			}
			err = nil
		}
		r.done <- err
	}()
	return r
}

// stop ends the part and waits for it.
func (r *runningPart) stop() error {
	r.cancel()
	select {
	case err := <-r.done:
		return err
	case <-time.After(stopTimeout):
		return wit.Errorf(wit.CodeTimeout, "%s did not stop within %v", r.name, stopTimeout)
	}
}
