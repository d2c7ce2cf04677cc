package gateway

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/rate"
	"github.com/carapace-gateway/carapace/wit"
)

// pace is how fast one connection asks. It belongs to the connection's reader.
type pace struct {
	free    bool // of the limit
	bucket  rate.Bucket
	refused int // requests in a row that came too early
}

// admit returns how long a request comes too early, 0 for not at all. hopeless is a client that does not heed the
// delays that it is told; each refusal still costs an answer.
func (p *pace) admit(l rate.Limit) (wait time.Duration, hopeless bool) {
	if p.free {
		return 0, false
	}
	if wait = p.bucket.Take(time.Now(), l); wait == 0 {
		p.refused = 0
		return 0, false
	}
	p.refused++
	return wait, p.refused > l.Burst
}

// tooFast says when the next request may come.
func tooFast(wait time.Duration) error {
	return wit.ErrorAfter(wit.CodeRateLimited, wait, "rate limit exceeded: send fewer requests a second")
}
