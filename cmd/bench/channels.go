package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/cmd/platforms"
	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// How a channel is measured: people who ask one question after the other, and then all at once.
const (
	channelTurns = 20
	channelCrowd = 50
	// channelAccounts are set up beside the first one.
	channelAccounts = 8
	channelWait     = 3 * time.Minute
)

// channels measures each channel alone, on a gateway of its own, and the memory of a gateway with none, three and all of them.
func channels(ctx context.Context, gateway string) ([]table, error) {
	speed := table{Title: "Channels",
		Note: fmt.Sprintf("One account of each, with its test server on the same machine and the offline model, which answers at once. The reply is the time from what somebody says until the answer is at the platform, asked %d times one after the other; "+
			"a crowd is %d people who ask at once. What the first account takes, and with it the code of all channels, is the gateway's resident memory with it less that before it; another one is the mean of %d.", channelTurns, channelCrowd, channelAccounts),
		Head: []string{"channel", "reply p50", "p90", "a crowd's answers a second", "the first account takes", "another one"}}
	for _, name := range platforms.Channels() {
		row, err := channelAlone(ctx, gateway, name)
		if err != nil {
			return []table{speed}, fmt.Errorf("%s: %w", name, err)
		}
		speed.Rows = append(speed.Rows, row)
	}
	memory := table{Title: "Memory of a gateway with channels", Note: "Resident, a while after the last account has connected, and after each has answered once.",
		Head: []string{"channels", "connected", "after an answer of each"}}
	all := platforms.Channels()
	for _, n := range slices.Compact([]int{0, min(1, len(all)), min(3, len(all)), min(10, len(all)), len(all)}) {
		row, err := channelMemory(ctx, gateway, all[:n])
		if err != nil {
			return []table{speed, memory}, err
		}
		memory.Rows = append(memory.Rows, row)
	}
	return []table{speed, memory}, nil
}

// house is a gateway to which channels are connected.
type house struct {
	*process.Process
	dir       string
	platforms []channeltest.Platform
}

// newHouse starts a gateway.
func newHouse(ctx context.Context, gateway string) (*house, error) {
	dir, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return nil, err
	}
	h := &house{dir: dir}
	settings := `{"session":{"dmScope":"per-channel-peer"},"secrets":{"keyring":false}}`
	if err := os.WriteFile(filepath.Join(dir, "carapace.json"), []byte(settings), 0o600); err != nil {
		return nil, errors.Join(err, h.close())
	}
	if h.Process, err = process.Launch(ctx, process.Config{Gateway: gateway, StateDir: dir}); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// connect connects an account of a channel, as its owner would, and waits until it receives.
func (h *house) connect(ctx context.Context, name string) (channeltest.Platform, error) {
	p, err := h.setUp(ctx, name)
	if err != nil {
		return nil, err
	}
	if called, ok := p.(channeltest.Reachable); ok { // not before: whoever calls in vain too often is kept out for a while
		called.Reach(h.URL)
	}
	ctx, cancel := context.WithTimeout(ctx, channelWait)
	defer cancel()
	return p, p.Wait(ctx, p.Connected)
}

// setUp configures an account of a channel with a server of its own.
func (h *house) setUp(ctx context.Context, name string, options ...string) (channeltest.Platform, error) {
	ctx, cancel := context.WithTimeout(ctx, channelWait)
	defer cancel()
	p, _, err := platforms.Begin(name, 1)
	if err != nil {
		return nil, err
	}
	h.platforms = append(h.platforms, p)
	if url := p.Account().PublicURL; url != "" {
		if out, err := h.Command(ctx, "config", "set", "gateway.publicUrl", url).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("tell the gateway its address: %w: %s", err, out)
		}
	}
	args, environment := platforms.Setup(p.Account())
	cmd := h.Command(ctx, append(args, options...)...)
	cmd.Env = append(cmd.Env, environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("connect the account: %w: %s", err, out)
	}
	return p, nil
}

func (h *house) close() error {
	for _, p := range h.platforms {
		_ = p.Close()
	}
	if h.Process != nil {
		h.Kill()
	}
	return os.RemoveAll(h.dir)
}

// channelAlone measures one channel.
func channelAlone(ctx context.Context, gateway, name string) (row []string, err error) {
	h, err := newHouse(ctx, gateway)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	time.Sleep(quiet)
	before, err := h.Memory()
	if err != nil {
		return nil, err
	}
	p, err := h.connect(ctx, name)
	if err != nil {
		return nil, err
	}
	time.Sleep(quiet)
	after, err := h.Memory()
	if err != nil {
		return nil, err
	}
	var oracle channeltest.Oracle
	var replies []time.Duration
	for i := range channelTurns {
		took, err := answered(ctx, p, &oracle, i, 1)
		if err != nil {
			return nil, err
		}
		replies = append(replies, took)
	}
	slices.Sort(replies)
	all, err := answered(ctx, p, &oracle, channelTurns, channelCrowd)
	if err != nil {
		return nil, err
	}
	more, err := h.furtherAccounts(ctx, name)
	return []string{name, ms(quantile(replies, 50)), ms(quantile(replies, 90)), fmt.Sprintf("%.0f", channelCrowd/all.Seconds()), mb(after - before), kb(int(more))}, err
}

// furtherAccounts is what each account beside the first takes.
func (h *house) furtherAccounts(ctx context.Context, name string) (int64, error) {
	time.Sleep(quiet)
	before, err := h.Memory()
	if err != nil {
		return 0, err
	}
	for n := range channelAccounts {
		if _, err := h.setUp(ctx, name, "--account", fmt.Sprint("a", n)); err != nil {
			return 0, err
		}
	}
	time.Sleep(quiet)
	after, err := h.Memory()
	return (after - before) / channelAccounts, err
}

// answered has n people ask, each for the first time, and returns how long it takes until all have their answer.
func answered(ctx context.Context, p channeltest.Platform, o *channeltest.Oracle, first, n int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, channelWait)
	defer cancel()
	begin := time.Now()
	for i := range n {
		p.Say(first+i, o.Ask(first+i))
	}
	if err := p.Wait(ctx, func() bool { return len(o.Count(p.Heard()).Lost) == 0 }); err != nil {
		return 0, fmt.Errorf("%d of %d questions have no answer: %w", len(o.Count(p.Heard()).Lost), n, err)
	}
	return time.Since(begin), nil
}

// channelMemory measures a gateway with these channels.
func channelMemory(ctx context.Context, gateway string, names []string) (row []string, err error) {
	h, err := newHouse(ctx, gateway)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	for _, name := range names {
		if _, err := h.connect(ctx, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	time.Sleep(quiet)
	connected, err := h.Memory()
	if err != nil {
		return nil, err
	}
	for _, p := range h.platforms {
		if _, err := answered(ctx, p, new(channeltest.Oracle), 0, 1); err != nil {
			return nil, err
		}
	}
	time.Sleep(quiet)
	after, err := h.Memory()
	return []string{fmt.Sprint(len(names)), mb(connected), mb(after)}, err
}
