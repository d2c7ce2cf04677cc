package toyhub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Traffic goes through a bot in both directions at once: people speak in some rooms, and the bot does.
type Traffic struct {
	// Hub is where; its OnSeen and OnPost are the traffic's.
	Hub *Server
	// Send has the bot say something in a room, and returns when that is known to have arrived. It is called concurrently,
	// for each room one after the other.
	Send  func(ctx context.Context, room, text, key string) error
	Rooms int
	// Pace is the time between two messages of one direction.
	Pace time.Duration
	// Ahead is how many messages of people may wait to be seen: what is slower than the pace is not buried.
	Ahead int

	mu   sync.Mutex
	said []time.Time    // when people said the messages, by number from 1
	in   []Passed       // in order
	out  []Passed       // in order
	sent map[string]int // of each room, how many have arrived
	bad  error          // what came out of order
}

// Passed is a message that has gone through: when it arrived, and how long that took.
type Passed struct {
	At   time.Time
	Took time.Duration
}

// Report is what went through a bot.
type Report struct {
	In, Out []Passed // in the order in which they arrived
}

// Run lets the traffic go on until ctx ends, and then waits for what is under way, at most as long as patience. The error says
// what was lost, came twice or out of order, and how often the connection was opened but once.
func (t *Traffic) Run(ctx context.Context, patience time.Duration) (Report, error) {
	t.sent = map[string]int{}
	t.Hub.OnSeen, t.Hub.OnPost = t.seen, t.posted
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(patience, cancel) })()
	errs := make([]error, t.Rooms)
	turns := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { t.speak(ctx) })
	all.Go(func() {
		defer close(turns)
		paced(ctx, t.Pace, func() bool {
			select {
			case turns <- struct{}{}:
				return true
			case <-ctx.Done():
				return false
			}
		})
	})
	for room := range t.Rooms {
		all.Go(func() { errs[room] = t.send(late, fmt.Sprint("r", room), turns) })
	}
	all.Wait()
	whole := t.Hub.Wait(late, func(c Counts) bool { return c.Seen == c.Said })
	t.mu.Lock()
	defer t.mu.Unlock()
	return Report{t.in, t.out}, errors.Join(append(errs, t.bad, t.verdict(whole))...)
}

// verdict says what is wrong with what the hub has seen.
func (t *Traffic) verdict(whole bool) error {
	c := t.Hub.Counts()
	switch {
	case !whole:
		return fmt.Errorf("the bot has seen %d of %d messages", c.Seen, c.Said)
	case c.Amiss > 0:
		return fmt.Errorf("the bot has seen %d messages twice or out of order", c.Amiss)
	case c.Again > 0:
		return fmt.Errorf("the bot has said %d messages twice", c.Again)
	case c.Opened != 1:
		return fmt.Errorf("the connection was opened %d times", c.Opened)
	}
	return nil
}

// paced does something at a pace, and makes up for what it was late with, until that says no more, or ctx ends.
func paced(ctx context.Context, pace time.Duration, do func() bool) {
	ticks := time.NewTicker(pace)
	defer ticks.Stop()
	begin := time.Now()
	for n := 0; ; {
		for due := int(time.Since(begin) / pace); n < due; n++ {
			if !do() {
				return
			}
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}

// speak has people say something, in one room after the other.
func (t *Traffic) speak(ctx context.Context) {
	paced(ctx, t.Pace, func() bool {
		if !t.Hub.Wait(ctx, func(c Counts) bool { return c.Said-c.Seen < t.Ahead }) {
			return false
		}
		t.mu.Lock()
		n := len(t.said) + 1
		t.said = append(t.said, time.Now())
		t.mu.Unlock()
		t.Hub.Say(fmt.Sprint("r", n%t.Rooms), "ann", fmt.Sprint("message ", n))
		return true
	})
}

// send has the bot speak in a room whenever there is a turn.
func (t *Traffic) send(ctx context.Context, room string, turns <-chan struct{}) error {
	n := 0
	for range turns {
		n++
		if err := t.Send(ctx, room, fmt.Sprintf("%d %d", n, time.Now().UnixNano()), fmt.Sprint(room, "-", n)); err != nil {
			return fmt.Errorf("message %d of room %s: %w", n, room, err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sent[room] != n {
		return fmt.Errorf("%d messages of room %s were sent, and %d have arrived", n, room, t.sent[room])
	}
	return nil
}

// seen notes that the bot has seen a message.
func (t *Traffic) seen(number int) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.in = append(t.in, Passed{now, now.Sub(t.said[number-1])})
}

// posted notes that a message of the bot's has arrived, which has to be the next one of its room.
func (t *Traffic) posted(p Post) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	var n int
	var at int64
	if _, err := fmt.Sscan(p.Text, &n, &at); err != nil || n != t.sent[p.To]+1 {
		t.bad = fmt.Errorf("in room %s came %q behind message %d", p.To, p.Text, t.sent[p.To])
	}
	t.sent[p.To]++
	t.out = append(t.out, Passed{now, now.Sub(time.Unix(0, at))})
}
