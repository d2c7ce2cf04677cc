package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

// How many clients there are, and what they do.
const (
	crowdClients   = 1000
	crowdFew       = 200
	crowdSlow      = 20 // one in so many does not read
	crowdTalkers   = 10 // of those who read say something instead of asking
	crowdPause     = time.Second
	crowdThinks    = 10 * time.Second // between two things that one of them says: everybody gets the events of all answers
	crowdTime      = time.Minute
	crowdTimeShort = 30 * time.Second // the gateway closes who takes nothing for 10 s
	crowdBlocked   = 5                // one in so many of the slow has asked for more than the machine holds for it
	crowdUnread    = 1500             // answers, of about 45 KB
)

// crowdKinds are what those who read ask for, in turn.
func crowdKinds() []question {
	session := func(i int) string { return fmt.Sprint("crowd", i%crowdTalkers) }
	return []question{
		{"health", func(int) any { return nil }},
		{"sessions.list", func(int) any { return map[string]any{"limit": 50, "includeLastMessage": true} }},
		{"chat.history", func(i int) any { return map[string]any{"sessionKey": session(i), "limit": 50} }},
		{"models.list", func(int) any { return nil }},
		{"cron.list", func(int) any { return nil }},
		{"channels.status", func(int) any { return nil }},
		{"tasks.list", func(int) any { return map[string]any{"limit": 20} }},
		{"usage.cost", func(int) any { return nil }},
		{"node.list", func(int) any { return nil }},
		{"commands.list", func(int) any { return nil }},
		{"logs.tail", func(int) any { return map[string]any{"limit": 20} }},
		{"config.get", func(int) any { return nil }},
	}
}

// question is a method, and what the i-th client asks it.
type question struct {
	method string
	params func(i int) any
}

// crowd measures many connected clients at once, with slow readers among them.
func crowd(quick bool) func(ctx context.Context, gateway string) ([]table, error) {
	n, last := crowdClients, crowdTime
	if quick {
		n, last = crowdFew, crowdTimeShort
	}
	return func(ctx context.Context, gateway string) ([]table, error) {
		dir, err := os.MkdirTemp("", "carapace-bench-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		if err := allow(dir, n); err != nil {
			return nil, err
		}
		p, err := process.Launch(ctx, process.Config{Gateway: gateway, StateDir: dir})
		if err != nil {
			return nil, err
		}
		defer p.Kill()
		c := &gathering{p: p, size: n, last: last, took: map[string][]time.Duration{}, runs: map[string]bool{}}
		tables, err := c.measure(ctx)
		return tables, errors.Join(err, p.Stop())
	}
}

// gathering are the clients, and what they found. Its methods may be called by several goroutines.
type gathering struct {
	p    *process.Process
	size int
	last time.Duration

	mu      sync.Mutex
	took    map[string][]time.Duration // by method
	runs    map[string]bool            // whose beginning was acknowledged
	readers []*attendee
	slow    []*attendee
}

// attendee is one client. Its own goroutine reads its events, and ended is closed when there are no more.
type attendee struct {
	*client.Client
	conn  *pausedConn // nil for who reads always
	ended chan struct{}

	mu     sync.Mutex
	events int
	missed uint64
	finals map[string]bool
}

// pausedConn is a connection that is not read further while hold is locked.
type pausedConn struct {
	net.Conn
	hold sync.Mutex
}

// Read implements net.Conn.
func (c *pausedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.hold.Lock()
	defer c.hold.Unlock()
	return n, err
}

// measure has everybody come, ask for a while, and tell what they missed.
func (g *gathering) measure(ctx context.Context) ([]table, error) {
	time.Sleep(quiet)
	before, err := g.p.Memory()
	if err != nil {
		return nil, err
	}
	if err := g.come(ctx); err != nil {
		return nil, err
	}
	connected, err := g.p.Memory()
	if err != nil {
		return nil, err
	}
	if err := g.askForAWhile(ctx); err != nil {
		return nil, err
	}
	missing := g.missing(ctx)
	most, err := g.p.MostMemory()
	if err != nil {
		return nil, err
	}
	slow := g.fates()
	g.leave()
	time.Sleep(quiet)
	after, err := g.p.Memory()
	if err != nil {
		return nil, err
	}
	memory := table{Title: "Memory with a crowd", Note: "Resident: before, with everybody connected, at its most, and when all had gone.",
		Head: []string{"before", "connected", "at most", "after"}, Rows: [][]string{{mb(before), mb(connected), mb(most), mb(after)}}}
	return []table{g.answers(), missing, slow, memory}, g.lost()
}

// come connects everybody, some at a time.
func (g *gathering) come(ctx context.Context) error {
	var all sync.WaitGroup
	errs := make([]error, 16)
	for w := range errs {
		all.Go(func() {
			for i := w; i < g.size && errs[w] == nil; i += len(errs) {
				errs[w] = g.admit(ctx, i%crowdSlow == crowdSlow-1)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// admit connects one.
func (g *gathering) admit(ctx context.Context, slow bool) error {
	a := &attendee{ended: make(chan struct{}), finals: map[string]bool{}}
	o := g.p.Options()
	o.EventBuffer = 1024
	if slow {
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if tcp, ok := conn.(*net.TCPConn); ok {
				err = errors.Join(err, tcp.SetReadBuffer(4<<10)) // or the machine reads for it
			}
			a.conn = &pausedConn{Conn: conn}
			return a.conn, err
		}
	}
	var err error
	for range 3 { // a busy machine may let one of many wait for too long
		if a.Client, err = client.Dial(ctx, o); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	go a.listen()
	g.mu.Lock()
	defer g.mu.Unlock()
	if slow {
		g.slow = append(g.slow, a)
	} else {
		g.readers = append(g.readers, a)
	}
	return nil
}

// listen reads the events until there are no more.
func (a *attendee) listen() {
	defer close(a.ended)
	for e := range a.Events() {
		var told struct{ RunID, State string }
		if e.Name == "chat" {
			_ = json.Unmarshal(e.Payload, &told)
		}
		a.mu.Lock()
		a.events++
		a.missed += e.Lost
		if told.State == "final" {
			a.finals[told.RunID] = true
		}
		a.mu.Unlock()
	}
}

// askForAWhile has those who read ask and talk, and the others not read. What was begun is brought to its end.
func (g *gathering) askForAWhile(ctx context.Context) error {
	bound, end := context.WithTimeout(ctx, g.last)
	defer end()
	for i, a := range g.slow {
		a.conn.hold.Lock()
		if i%crowdBlocked == 0 {
			for range crowdUnread {
				go func() { _ = a.Call(bound, "config.schema", nil, nil) }() // nobody waits for it
			}
		}
	}
	defer func() {
		for _, a := range g.slow {
			a.conn.hold.Unlock()
		}
	}()
	var all sync.WaitGroup
	errs := make([]error, len(g.readers))
	for i, a := range g.readers {
		all.Go(func() { errs[i] = g.take(bound, i, a) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// take is what one client does until ctx ends: it asks or talks, and pauses.
func (g *gathering) take(ctx context.Context, i int, a *attendee) error {
	kinds := crowdKinds()
	pause := crowdPause
	if i < crowdTalkers {
		pause = crowdThinks
	}
	next := time.NewTimer(pause * time.Duration(i%crowdTalkers) / crowdTalkers) // not all at the same moment
	defer next.Stop()
	for n := i; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		next.Reset(pause)
		q := kinds[n%len(kinds)]
		params := q.params(i)
		run := ""
		if i < crowdTalkers {
			run = uuid.NewString()
			q.method, params = "chat.send", chat.SendParams{SessionKey: fmt.Sprint("crowd", i), Message: "hello", IdempotencyKey: run}
		}
		begin := time.Now()
		if err := timed(ctx, func(ctx context.Context) error { return a.Call(ctx, q.method, params, nil) }); err != nil {
			return fmt.Errorf("%s: %w", q.method, err)
		}
		g.answered(q.method, run, time.Since(begin))
	}
}

func (g *gathering) answered(method, run string, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.took[method] = append(g.took[method], took)
	if run != "" {
		g.runs[run] = true
	}
}

// answers tells how long each method took.
func (g *gathering) answers() table {
	t := table{Title: "A crowd of clients", Head: []string{"method", "calls", "p50", "p99", "most"},
		Note: fmt.Sprintf("%d clients on one gateway for %v, each with a request every %v; one in %d reads nothing, and %d chat, every %v. The clients share the machine with the gateway.",
			len(g.readers)+len(g.slow), g.last, crowdPause, crowdSlow, crowdTalkers, crowdThinks)}
	var every []time.Duration
	methods := []string{"chat.send"}
	for _, q := range crowdKinds() {
		methods = append(methods, q.method)
	}
	for _, method := range methods {
		took := g.took[method]
		if len(took) == 0 {
			continue
		}
		slices.Sort(took)
		every = append(every, took...)
		t.Rows = append(t.Rows, []string{"`" + method + "`", fmt.Sprint(len(took)), ms(quantile(took, 50)), ms(quantile(took, 99)), ms(took[len(took)-1])})
	}
	slices.Sort(every)
	t.Rows = append(t.Rows, []string{"all", fmt.Sprint(len(every)), ms(quantile(every, 50)), ms(quantile(every, 99)), ms(every[len(every)-1])})
	return t
}

// missing waits until those who read have the end of every answer, and tells what they miss.
func (g *gathering) missing(ctx context.Context) table {
	bound, end := context.WithTimeout(ctx, answerTime)
	defer end()
	for bound.Err() == nil && slices.ContainsFunc(g.readers, func(a *attendee) bool { return a.lacks(g.runs) > 0 }) {
		time.Sleep(100 * time.Millisecond)
	}
	events, gaps, lacking, gone := 0, uint64(0), 0, 0
	for _, a := range g.readers {
		lacking += a.lacks(g.runs)
		a.mu.Lock()
		events, gaps = events+a.events, gaps+a.missed
		a.mu.Unlock()
		select {
		case <-a.ended:
			gone++
		default:
		}
	}
	return table{Title: "Those who keep up", Note: "A gap in seq is an event that did not come; each client is to see the end of each answer.",
		Head: []string{"clients", "events", "gaps in seq", "answers", "ends that somebody did not see", "closed by the gateway"},
		Rows: [][]string{{fmt.Sprint(len(g.readers)), fmt.Sprint(events), fmt.Sprint(gaps), fmt.Sprint(len(g.runs)), fmt.Sprint(lacking), fmt.Sprint(gone)}}}
}

// lacks is how many of these runs the client saw no end of.
func (a *attendee) lacks(runs map[string]bool) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for run := range runs {
		if !a.finals[run] {
			n++
		}
	}
	return n
}

// lost is an error where somebody who kept up misses something.
func (g *gathering) lost() error {
	for _, a := range g.readers {
		a.mu.Lock()
		missed := a.missed
		a.mu.Unlock()
		if n := a.lacks(g.runs); n > 0 || missed > 0 {
			return fmt.Errorf("a client that reads misses %d events and the end of %d answers", missed, n)
		}
	}
	return nil
}

// fates tells what became of those who did not read, who read again now.
func (g *gathering) fates() table {
	closed, gap, whole := 0, 0, 0
	time.Sleep(quiet) // for what has waited
	for _, a := range g.slow {
		a.mu.Lock()
		missed := a.missed
		a.mu.Unlock()
		switch {
		case a.Err() != nil:
			closed++
		case missed > 0:
			gap++
		default:
			whole++
		}
	}
	return table{Title: "Those who do not read", Note: fmt.Sprintf("One in %d asks for %d long answers first. Who takes nothing for 10 s is closed; who lags sees a gap in seq.", crowdBlocked, crowdUnread),
		Head: []string{"clients", "closed", "a gap in seq", "everything waited for them"},
		Rows: [][]string{{fmt.Sprint(len(g.slow)), fmt.Sprint(closed), fmt.Sprint(gap), fmt.Sprint(whole)}}}
}

// leave ends all connections.
func (g *gathering) leave() {
	var all sync.WaitGroup
	for _, a := range slices.Concat(g.readers, g.slow) {
		all.Go(func() { _ = a.Close() })
	}
	all.Wait()
}
