package media

import (
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rate"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// often is how often one caller may upload and fetch.
var often = rate.Limit{PerSecond: 2, Burst: 60}

// maxCallers bounds how many callers are told apart. When there are more, all begin anew.
const maxCallers = 1000

// pace bounds how often each caller brings files.
type pace struct {
	mu      sync.Mutex
	buckets map[string]*rate.Bucket
}

func (p *pace) wait(caller string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.buckets == nil || len(p.buckets) >= maxCallers {
		p.buckets = map[string]*rate.Bucket{}
	}
	b := p.buckets[caller]
	if b == nil {
		b = new(rate.Bucket)
		p.buckets[caller] = b
	}
	return b.Take(time.Now(), often)
}

// begin lets a caller bring a file. What it returns says that this is over. Errors: CodeRateLimited.
func (s *Service) begin(caller string, of slots, what string) (func(), error) {
	if wait := s.pace.wait(caller); wait > 0 {
		return nil, wit.ErrorAfter(wit.CodeRateLimited, wait, "too many files at once: %d may come together, and then %v a second", often.Burst, often.PerSecond)
	}
	return of.take(what)
}

// asker is who takes the pace of others: the device of a client, or else where it comes from.
func asker(ctx context.Context) string {
	switch c := rpc.CallerOf(ctx); {
	case c == nil:
		return ""
	case c.DeviceID != "":
		return "device " + c.DeviceID
	default:
		return "address " + c.RemoteIP
	}
}
