package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
)

// idleConnections is how many clients connect and then say nothing.
const idleConnections = 10000

// idle measures what a connected client that says nothing costs.
func idle(ctx context.Context, gateway string) ([]table, error) {
	dir, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := allow(dir, idleConnections); err != nil {
		return nil, err
	}
	p, err := process.Launch(ctx, process.Config{Gateway: gateway, StateDir: dir})
	if err != nil {
		return nil, err
	}
	defer p.Kill()
	time.Sleep(quiet) // a gateway that has just started grows without anybody
	before, err := p.Memory()
	if err != nil {
		return nil, err
	}
	conns, err := open(ctx, p, idleConnections)
	if err != nil {
		return nil, err
	}
	time.Sleep(quiet)
	after, err := p.Memory()
	if err != nil {
		return nil, err
	}
	for _, c := range conns {
		c.Close()
	}
	rows := [][]string{{fmt.Sprint(len(conns)), mb(before), mb(after), fmt.Sprintf("%.1f KB", float64(after-before)/float64(len(conns))/1024)}}
	return []table{{Title: "Idle connections", Head: []string{"connections", "memory before", "memory with them", "each"}, Rows: rows}}, p.Stop()
}

// open makes n connections, 16 at a time; one that fails ends it.
func open(ctx context.Context, p *process.Process, n int) ([]*client.Client, error) {
	conns := make([]*client.Client, n)
	errs := make(chan error, 16)
	next := make(chan int)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := range next {
				c, err := dialAgain(ctx, p)
				if err != nil {
					errs <- err
					return
				}
				conns[i] = c
			}
		})
	}
	for i := range n {
		select {
		case next <- i:
		case err := <-errs:
			close(next)
			return nil, err
		}
	}
	close(next)
	wg.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
		return conns, nil
	}
}

// dialAgain is Dial that tries again: a busy machine may let one connection in thousands wait for too long.
func dialAgain(ctx context.Context, p *process.Process) (c *client.Client, err error) {
	for range 3 {
		if c, err = p.Dial(ctx); err == nil {
			break
		}
	}
	return c, err
}
