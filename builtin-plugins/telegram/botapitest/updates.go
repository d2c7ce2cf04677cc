package botapitest

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// Updates is the way of updates to the bot: the queue, and who empties it, which is one getUpdates or the
// webhook, never both.
type Updates struct {
	retention    time.Duration
	webhookDelay time.Duration
	happened     *change.Signal
	client       *http.Client
	deliveries   sync.WaitGroup

	mu      sync.Mutex
	queue   queue
	poll    *poll // the getUpdates that waits, or nil
	webhook webhook
	closed  bool
}

func newUpdates(cfg Config, happened *change.Signal) *Updates {
	return &Updates{
		retention: cfg.Retention, webhookDelay: cfg.WebhookDelay, happened: happened,
		client: &http.Client{Timeout: 30 * time.Second}, queue: newQueue(),
	}
}

// Inject queues an update of any kind with v as its body, if the bot wants its kind.
func (u *Updates) Inject(kind string, v any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.queue.add(kind, v) {
		u.happened.Raise()
	}
}

// Redeliver makes the next poll begin with the last n confirmed updates.
func (u *Updates) Redeliver(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.queue.again = n
	if len(u.queue.past) > 0 {
		u.happened.Raise()
	}
}

// Pending returns how many updates the bot has not confirmed.
func (u *Updates) Pending() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.queue.waiting)
}

// Repeated returns how many updates polls have returned more than once, counting each repetition.
func (u *Updates) Repeated() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.queue.repeated
}

// Polling reports whether a getUpdates is waiting.
func (u *Updates) Polling() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.poll != nil
}

// nextID is the id that the next update will have.
func (u *Updates) nextID() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.queue.next
}

// close ends the waiting poll and the webhook, and waits for its deliveries.
func (u *Updates) close() {
	u.mu.Lock()
	u.closed = true
	u.endPoll(nil)
	u.stopWebhook()
	u.happened.Raise()
	u.mu.Unlock()
	u.deliveries.Wait()
}

// allow notes which kinds of updates the bot wants from now on. The lock is held.
func (u *Updates) allow(kinds []string, given bool) {
	if given {
		u.queue.allowed = kinds
	}
}

// poll is a getUpdates that waits. What ends it from outside is sent to end: an error, or nil for an empty
// answer.
type poll struct {
	offset, limit int64
	timeout       time.Duration
	allowed       []string
	allowedGiven  bool
	end           chan *apiError
}

var (
	errOtherPoll    = &apiError{Code: 409, Description: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"}
	errOtherWebhook = &apiError{Code: 409, Description: "Conflict: terminated by setWebhook request"}
	errHasWebhook   = &apiError{Code: 409, Description: "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"}
)

// getUpdates reads a poll; a timeout above 50 seconds counts as 50.
func getUpdates(s *Server, r *http.Request, p params) (any, error) {
	me := &poll{
		offset: p.int("offset", 0, -1<<53, 1<<53), limit: p.int("limit", 100, 1, 100),
		timeout: time.Duration(p.int("timeout", 0, 0, 50)) * time.Second, end: make(chan *apiError, 1),
	}
	var err error
	if me.allowedGiven, err = p.json("allowed_updates", &me.allowed); err != nil {
		return nil, err
	}
	return s.Updates.wait(r.Context(), me)
}

// wait returns the updates from the poll's offset as soon as there are any, none at its timeout.
func (u *Updates) wait(ctx context.Context, me *poll) (any, error) {
	deadline := time.NewTimer(me.timeout)
	defer deadline.Stop()
	if err := u.beginPoll(me); err != nil {
		return nil, err
	}
	for {
		out, changed, err := u.tryPoll(me)
		if out != nil || err != nil {
			return out, err
		}
		select {
		case <-changed:
		case reason := <-me.end:
			return pollEnded(reason)
		case <-ctx.Done():
			u.leavePoll(me)
			return []update{}, nil
		case <-deadline.C:
			return u.lastTry(me), nil
		}
	}
}

// beginPoll takes the place of the poll that waits, and confirms what is below the offset.
func (u *Updates) beginPoll(me *poll) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.webhook.url != "" {
		return errHasWebhook
	}
	u.allow(me.allowed, me.allowedGiven)
	u.endPoll(errOtherPoll)
	if me.offset < 0 {
		u.queue.last(-me.offset)
	}
	u.queue.confirm(me.offset)
	u.happened.Raise()
	u.poll = me
	return nil
}

// tryPoll returns what a poll is answered with, or, while there is nothing, what to wait for.
func (u *Updates) tryPoll(me *poll) (out any, changed <-chan struct{}, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.poll != me {
		out, err = pollEnded(<-me.end)
		return out, nil, err
	}
	u.queue.expire(u.retention)
	if list := u.queue.take(me.limit); len(list) > 0 || u.closed {
		u.poll = nil
		return list, nil, nil
	}
	return nil, u.happened.Next(), nil
}

// lastTry ends a poll at its timeout, and returns what came at the last moment.
func (u *Updates) lastTry(me *poll) []update {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.removePoll(me)
	return u.queue.take(me.limit)
}

// leavePoll ends a poll that nobody waits for any more. It takes nothing from the queue.
func (u *Updates) leavePoll(me *poll) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.removePoll(me)
}

// removePoll forgets a poll, unless another one has taken its place. The lock is held.
func (u *Updates) removePoll(me *poll) {
	if u.poll == me {
		u.poll = nil
	}
}

// endPoll ends the poll that waits, if there is one. The lock is held.
func (u *Updates) endPoll(reason *apiError) {
	if u.poll != nil {
		u.poll.end <- reason
		u.poll = nil
	}
}

// pollEnded is the answer to a poll that was ended from outside.
func pollEnded(reason *apiError) (any, error) {
	if reason == nil {
		return []update{}, nil
	}
	return nil, reason
}
