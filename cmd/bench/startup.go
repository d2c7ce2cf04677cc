package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
)

// quiet is how long a gateway is left alone before its idle memory is read.
const quiet = 5 * time.Second

// startup measures from exec to listening and the memory after, on a new state directory (nothing
// compiled yet) and on a used one.
func startup(ctx context.Context, gateway string) ([]table, error) {
	dir, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cold, err := startOnce(ctx, gateway, dir)
	if err != nil {
		return nil, err
	}
	var warm []measured
	for range 5 {
		m, err := startOnce(ctx, gateway, dir)
		if err != nil {
			return nil, err
		}
		warm = append(warm, m)
	}
	slices.SortFunc(warm, func(a, b measured) int { return int(a.listening - b.listening) })
	rows := [][]string{cold.row("cold"), warm[len(warm)/2].row("warm, median of 5")}
	return []table{{
		Title: "Start and idle memory",
		Note:  fmt.Sprintf("From exec to listening; resident memory %v after the start, and %v after a first chat (one provider and two tools active).", quiet, quiet),
		Head:  []string{"state directory", "start to listening", "first answer", "idle memory", "idle after a chat"},
		Rows:  rows,
	}}, nil
}

// measured is one start: times since exec and since the first question, resident memory in bytes.
type measured struct {
	listening, answer time.Duration
	idle, chatted     int64
}

// row writes it for the table.
func (m measured) row(name string) []string {
	return []string{name, ms(m.listening), ms(m.answer), mb(m.idle), mb(m.chatted)}
}

// startOnce starts the gateway on a state directory, asks it two questions and stops it.
func startOnce(ctx context.Context, gateway, dir string) (measured, error) {
	var m measured
	p, err := process.Launch(ctx, process.Config{Gateway: gateway, StateDir: dir})
	if err != nil {
		return m, err
	}
	defer p.Kill()
	m.listening = p.Listening
	time.Sleep(quiet)
	if m.idle, err = p.Memory(); err != nil {
		return m, err
	}
	c, err := p.Dial(ctx)
	if err != nil {
		return m, err
	}
	begin := time.Now()
	if _, err := process.Ask(ctx, c, "main", "what is 17*23?"); err != nil {
		return m, err
	}
	m.answer = time.Since(begin)
	if _, err := process.Ask(ctx, c, "main", "what time is it?"); err != nil {
		return m, err
	}
	c.Close()
	time.Sleep(quiet)
	if m.chatted, err = p.Memory(); err != nil {
		return m, err
	}
	return m, p.Stop()
}
