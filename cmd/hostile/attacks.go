package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin"
)

// attack is one way to do harm to a running gateway.
type attack struct {
	name string
	harm harm
}

// harm does harm until ctx ends, and returns what the gateway said of it. An error is that the gateway has neither
// refused nor bounded it in the way that is expected.
type harm func(ctx context.Context, g *gateway, name string) (said string, err error)

// attacks are all of them.
func attacks() []attack {
	return []attack{
		{"compile-bomb", refused(toolPlugin(tableBomb()), "values in branches, blocks and calls; at most 100000 are accepted")},
		// It has used up its processor time, or is given up where others need that.
		{"slow-compile", refused(toolPlugin(slowModule()), "compiling ")},
		{"schema-bomb", refused(toolPlugin(tableBomb(), doubling), "is deeper than 64 levels")},
		{"manifest-pipe", refused(manifestPipe, "plugin.json is not a plain file")},
		{"manifest-device", refused(device, "plugin.json is not a plain file")},
		{"code-pipe", refused(codePipe, "plugin.wasm cannot be read: make it a plain file")},
		{"deep-recursion", called(toolPlugin(recursion()), 1, "trapped: stack overflow")},
		{"start-recursion", failsAtUse(toolPlugin(startRecursion()), "stack overflow")},
		{"log-forger", forges},
		{"idle-connections", idles},
		{"connection-hog", connects},
		{"memory-hog", hogsMemory},
		{"stop-hook", waits(hookPlugin(spinning("hook_handle")))},
		{"spinning", called(toolPlugin(spinning("tool_invoke"), deadline), instances, "did not answer within 1s")},
	}
}

// instances is how many of a plugin run at a time unless its manifest says otherwise.
const instances = 4

// refused drops a plugin that the gateway is to refuse with these words.
func refused(put putter, words string) harm {
	return func(ctx context.Context, g *gateway, name string) (string, error) {
		return g.with(name, put, func(s plugin.Status) (string, error) {
			if s.State != plugin.StateFailed || !strings.Contains(s.Reason, words) {
				return "", fmt.Errorf("the plugin is %s %q, and not refused with %q", s.State, s.Reason, words)
			}
			<-ctx.Done()
			return s.Reason, nil
		}, plugin.StateFailed)
	}
}

// called drops a plugin that is well until its tool is called, which so many callers do over and over: each call has to
// end with these words.
func called(put putter, callers int, words string) harm {
	return func(ctx context.Context, g *gateway, name string) (string, error) {
		return g.with(name, put, func(plugin.Status) (string, error) {
			said := make([]string, callers)
			errs := make([]error, callers)
			var calling sync.WaitGroup
			for n := range callers {
				calling.Go(func() { said[n], errs[n] = g.callUntil(ctx, name, words) })
			}
			calling.Wait()
			return said[0], firstError(errs)
		}, usable...)
	}
}

// failsAtUse drops a plugin that is well until it is first used, and is to be refused then with these words.
func failsAtUse(put putter, words string) harm {
	return func(ctx context.Context, g *gateway, name string) (string, error) {
		return g.with(name, put, func(plugin.Status) (string, error) {
			// It fails, in its start or since it was refused meanwhile; the plugin's state says why.
			if err := g.ask("plugins.call", plugin.CallParams{ID: name, Tool: toolName(name)}, nil); err == nil {
				return "", errors.New("a call of it succeeded")
			}
			s, err := g.await(name, func(s *plugin.Status) bool { return s != nil && s.State == plugin.StateFailed })
			if err != nil {
				return "", err
			}
			if !strings.Contains(s.Reason, words) {
				return "", fmt.Errorf("the plugin is refused with %q, and not with %q", s.Reason, words)
			}
			<-ctx.Done()
			return s.Reason, nil
		}, append([]plugin.State{plugin.StateFailed}, usable...)...)
	}
}

// waits drops a plugin that does its harm when the gateway stops.
func waits(put putter) harm {
	return func(ctx context.Context, g *gateway, name string) (string, error) {
		return g.with(name, put, func(plugin.Status) (string, error) {
			<-ctx.Done()
			return "nothing yet: it spins when the gateway stops, see below", nil
		}, usable...)
	}
}

// usable is how a plugin is that can be called.
var usable = []plugin.State{plugin.StateVerified, plugin.StateReady, plugin.StateInstalled}

// tooOften is said of a plugin that has crashed too often to be called at once.
const tooOften = "crashes again and again"

// callUntil calls a plugin's tool until ctx ends, once at least. Each call has to end with these words, or, of a plugin
// that does so by crashing, not to be made for that.
func (g *gateway) callUntil(ctx context.Context, name, words string) (said string, err error) {
	for {
		err := g.ask("plugins.call", plugin.CallParams{ID: name, Tool: toolName(name)}, nil)
		switch {
		case err != nil && strings.Contains(err.Error(), words):
			said = err.Error()
		case err == nil || !strings.Contains(err.Error(), tooOften):
			return "", fmt.Errorf("a call ended with %v, and not with %q", err, words)
		}
		if ctx.Err() != nil && said != "" {
			return said, nil
		}
	}
}

// hogsMemory has all instances of a plugin take what they can. The gateway has to stop each of them in time, and to be
// no larger by then than what they may have.
func hogsMemory(ctx context.Context, g *gateway, name string) (string, error) {
	const may, spare = instances * 64 << 20, 256 << 20 // by default; and what the gateway needs itself
	before, err := g.Memory()
	if err != nil {
		return "", err
	}
	most := make(chan int64, 1)
	watched, stop := context.WithCancel(ctx)
	defer stop()
	go func() { most <- g.mostMemory(watched) }()
	said, err := called(toolPlugin(memoryHog(), deadline), instances, "did not answer within 1s")(ctx, g, name)
	stop()
	grown := <-most - before
	if err == nil && grown > may+spare {
		err = fmt.Errorf("the gateway grew by %d MB, and %d instances of 64 MB may run", grown>>20, instances)
	}
	return fmt.Sprintf("%s; it took %d MB at most", said, max(grown, 0)>>20), err
}

// mostMemory is the most that the gateway has until ctx ends.
func (g *gateway) mostMemory(ctx context.Context) (most int64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if now, err := g.Memory(); err == nil {
			most = max(most, now)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return most
		}
	}
}

// together does all harm at once.
func together(list []attack) harm {
	return func(ctx context.Context, g *gateway, _ string) (string, error) {
		errs := make([]error, len(list))
		var doing sync.WaitGroup
		for n, a := range list {
			doing.Go(func() {
				if _, err := a.harm(ctx, g, a.name); err != nil {
					errs[n] = fmt.Errorf("%s: %w", a.name, err)
				}
			})
		}
		doing.Wait()
		return "of each what it says of it alone", firstError(errs)
	}
}

// firstError is the first of them that is one.
func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
