package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// disk is a store whose updates go another way from when a test says so.
type disk struct {
	store.Store
	mu     sync.Mutex
	update func(context.Context, func(store.Tx) error) error
}

func (d *disk) Update(ctx context.Context, fn func(store.Tx) error) error {
	d.mu.Lock()
	update := d.update
	d.mu.Unlock()
	if update != nil {
		return update(ctx, fn)
	}
	return d.Store.Update(ctx, fn)
}

func (d *disk) instead(update func(context.Context, func(store.Tx) error) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.update = update
}

// hasRuns reports whether anything was asked.
func (d *disk) hasRuns(t *testing.T) (found bool) {
	t.Helper()
	if err := d.Store.View(context.Background(), func(tx store.Tx) (err error) {
		found, err = store.Holds(tx, func(space string) bool { return space != "runs" })
		return err
	}); err != nil {
		t.Error(err)
	}
	return found
}

// withWait is what ask needs of a command: a kernel on this disk, with the tool wait, which the model calls first.
func withWait(t *testing.T, d *disk, wait func(context.Context)) *options {
	t.Helper()
	tool := kerneltest.Tool("wait", func(ctx context.Context, _ *wit.ToolInvocation) (*wit.ToolOutput, error) {
		wait(ctx)
		return &wit.ToolOutput{}, nil
	})
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if c.Turns[len(c.Turns)-1].Role == wit.RoleTool {
			return kerneltest.Says("done"), nil
		}
		return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "c", Name: "wait", Args: wit.JSON(`{}`)}}, Stop: new(wit.StopReasonToolCalls)}, nil
	})
	k := kerneltest.Start(t, kerneltest.Store(d, kerneltest.Keyring{}), kerneltest.Plugin(brain, tool))
	o := &options{stdio: stdio{out: io.Discard, err: io.Discard}, state: stateFolder(t.TempDir()), url: "ws://" + door(t, k), token: kerneltest.Token}
	c, err := o.dial(t.Context()) // once, so that the device is known from then on
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	return o
}

// door is an address of this machine at which a kernel can be reached.
func door(t *testing.T, k *kerneltest.Kernel) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	t.Cleanup(func() { l.Close(); open.Wait() })
	open.Go(func() {
		for {
			outside, err := l.Accept()
			if err != nil {
				return
			}
			inside, err := k.Connect(t.Context())
			if err != nil {
				outside.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{inside, outside}, {outside, inside}} {
				open.Go(func() {
					_, _ = io.Copy(pair[0], pair[1]) // until either end is closed
					pair[0].Close()
				})
			}
		}
	})
	return l.Addr().String()
}

// TestAskingOnAFullDisk says that the message was refused and why, and not that a run goes on.
func TestAskingOnAFullDisk(t *testing.T) {
	t.Parallel()
	d := &disk{Store: store.OpenMemory()}
	o := withWait(t, d, func(context.Context) {})
	d.instead(func(context.Context, func(store.Tx) error) error {
		return wit.NewError(wit.CodeUnavailable, "the disk is full: free some space")
	})
	err := ask(t.Context(), o, "main", "hello")
	if err == nil || !strings.Contains(err.Error(), "the disk is full: free some space") || strings.Contains(err.Error(), "goes on") {
		t.Errorf("it ends with %v", err)
	}
	d.instead(nil)
	var out bytes.Buffer
	o.out = &out
	if err := ask(t.Context(), o, "main", "hello"); err != nil || out.String() != "done\n" {
		t.Errorf("with space again: %q, %v", out.String(), err)
	}
}

// TestAskingIsGivenUp while the run goes on, and before the gateway has said that it has the message.
func TestAskingIsGivenUp(t *testing.T) {
	t.Parallel()
	t.Run("the run goes on", func(t *testing.T) {
		ctx, giveUp := context.WithCancel(t.Context())
		over := make(chan struct{})
		o := withWait(t, &disk{Store: store.OpenMemory()}, func(ctx context.Context) {
			select {
			case <-over:
			case <-ctx.Done():
			}
		})
		o.err = seen(giveUp) // the tool is shown
		err := ask(ctx, o, "main", "hello")
		if close(over); err == nil || !strings.Contains(err.Error(), "the run goes on as ") {
			t.Errorf("it ends with %v", err)
		}
	})
	t.Run("nobody has said yes", func(t *testing.T) {
		ctx, giveUp := context.WithCancel(t.Context())
		d := &disk{Store: store.OpenMemory()}
		o := withWait(t, d, func(context.Context) {})
		over := make(chan struct{})
		defer close(over)
		d.instead(func(ctx context.Context, fn func(store.Tx) error) error {
			err := d.Store.Update(ctx, fn)
			if d.hasRuns(t) { // the message is there, and this is where its answer would come from
				giveUp()
				<-over
			}
			return err
		})
		err := ask(ctx, o, "main", "hello")
		if err == nil || strings.Contains(err.Error(), "goes on") || !strings.Contains(err.Error(), "carapace sessions show main") {
			t.Errorf("it ends with %v", err)
		}
	})
}

// seen is called when something is written.
type seen func()

func (s seen) Write(b []byte) (int, error) {
	s()
	return len(b), nil
}
