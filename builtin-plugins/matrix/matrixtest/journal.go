package matrixtest

import (
	"slices"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// Call is one call that a client made.
type Call struct {
	// Name is the call's in routes.go; Method and Path are those of the request, with its query.
	Name, Method, Path string
	// Body is what came with it, but for files.
	Body string
	// User is whose token it had.
	User string
	// Status of the answer; 0 for one that was cut off.
	Status int
	At     time.Time
}

// Journal is what was asked of the server.
type Journal struct {
	happened *change.Signal

	mu    sync.Mutex
	calls []Call
	syncs map[string]int // how many are waiting, by user
}

// Calls returns the calls of this name so far; "" is all.
func (j *Journal) Calls(name string) []Call {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := slices.Clone(j.calls)
	return slices.DeleteFunc(list, func(c Call) bool { return name != "" && c.Name != name })
}

// Syncing reports whether a user's sync is waiting for what is new. A first one is not: what is said meanwhile is old to it.
func (j *Journal) Syncing(user string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.syncs[user] > 0
}

// add notes a call that was answered.
func (j *Journal) add(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls = append(j.calls, c)
	j.happened.Raise()
}

// waits counts a user's waiting syncs.
func (j *Journal) waits(user string, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.syncs == nil {
		j.syncs = map[string]int{}
	}
	j.syncs[user] += n
	j.happened.Raise()
}
