package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
)

// probed is how long what an owner does took, each in the order of its size.
type probed struct {
	// Health are requests, Words the first words of an answer after its question.
	Health, Words []time.Duration
	// Machine are a byte's way to another process and back, which no gateway has a part in.
	Machine []time.Duration
}

// How an owner behaves who looks at the gateway and chats with it.
const (
	probePause = 10 * time.Millisecond  // between two looks
	thinking   = 200 * time.Millisecond // between an answer and the next question
	ownersOwn  = "owner"                // the session
)

// startProbe has an owner look at a gateway and chat with it, in a process of its own: what the rest of this one does
// would be measured too. result ends it.
func startProbe(ctx context.Context, p *process.Process) (result func() (probed, error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-probe", p.URL)
	cmd.Env, cmd.Stderr = p.Environ(), os.Stderr
	until, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	out := bufio.NewReader(said)
	if _, err := out.ReadString('\n'); err != nil { // it has begun
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return func() (probed, error) {
		var got probed
		err := errors.Join(until.Close(), json.NewDecoder(out).Decode(&got), cmd.Wait())
		return got, err
	}, nil
}

// probe is that process. It goes on until its input ends, and prints what it found.
func probe(ctx context.Context, url string, input io.Reader, out io.Writer) error {
	c, err := process.DialFrom(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close()
	watcher, err := process.DialFrom(ctx, url)
	if err != nil {
		return err
	}
	defer watcher.Close()
	echo, err := startEcho(ctx)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "begun"); err != nil {
		return err
	}
	watching, end := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, input)
		end()
	}()
	var got probed
	var chatting, looking error
	var doing sync.WaitGroup
	doing.Go(func() {
		got.Words, chatting = repeated(watching, thinking, func() (time.Duration, error) { return process.Ask(ctx, c, ownersOwn, "how are you?") })
	})
	doing.Go(func() {
		got.Health, looking = repeated(watching, probePause, func() (time.Duration, error) {
			took, err := echo()
			got.Machine = append(got.Machine, took)
			if err != nil {
				return 0, err
			}
			begin := time.Now()
			err = watcher.Call(ctx, "health", nil, nil)
			return time.Since(begin), err
		})
	})
	doing.Wait()
	for _, all := range [][]time.Duration{got.Health, got.Words, got.Machine} {
		slices.Sort(all)
	}
	return errors.Join(chatting, looking, json.NewEncoder(out).Encode(got))
}

// repeated does something, with a pause after it, until ctx ends; what has begun is brought to its end.
func repeated(ctx context.Context, pause time.Duration, do func() (time.Duration, error)) (all []time.Duration, err error) {
	for {
		took, err := do()
		if err != nil {
			return all, err
		}
		all = append(all, took)
		select {
		case <-ctx.Done():
			return all, nil
		case <-time.After(pause):
		}
	}
}

// startEcho starts a process that sends back what it gets, and returns how to ask it.
func startEcho(ctx context.Context) (ask func() (time.Duration, error), err error) {
	cmd := exec.CommandContext(ctx, "cat")
	to, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	from, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	one := make([]byte, 1)
	return func() (time.Duration, error) {
		begin := time.Now()
		if _, err := to.Write(one); err != nil {
			return 0, err
		}
		_, err := io.ReadFull(from, one)
		return time.Since(begin), err
	}, cmd.Start()
}
