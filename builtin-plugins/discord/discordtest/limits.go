package discordtest

import (
	"net/http"
	"strconv"
	"time"
)

// sending is the route that has limits.
const sending = "POST /channels/{channel}/messages"

// limits counts a call against the limits of its channel, and says in headers how many more there may be ("Rate Limits").
func (s *Server) limits(w http.ResponseWriter, route, channel string) error {
	if s.cfg.PerChannel == 0 || route != sending {
		return nil
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if s.world.buckets == nil {
		s.world.buckets = map[string]*bucket{}
	}
	b, now := s.world.buckets[channel], time.Now()
	if b == nil || now.After(b.until) {
		b = &bucket{left: s.cfg.PerChannel, until: now.Add(s.cfg.Window)}
		s.world.buckets[channel] = b
	}
	left := b.left
	b.left = max(b.left-1, 0)
	h, reset := w.Header(), b.until.Sub(now).Seconds()
	h.Set("X-RateLimit-Limit", strconv.Itoa(s.cfg.PerChannel))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(b.left))
	h.Set("X-RateLimit-Reset-After", strconv.FormatFloat(reset, 'f', 3, 64))
	h.Set("X-RateLimit-Reset", strconv.FormatFloat(float64(b.until.UnixMilli())/1000, 'f', 3, 64))
	h.Set("X-RateLimit-Bucket", "messages")
	if left == 0 {
		return &apiError{Status: 429, Message: "You are being rate limited.", RetryAfter: reset}
	}
	return nil
}

// bucket is how many calls there may still be, and until when that holds.
type bucket struct {
	left  int
	until time.Time
}
