package delivery

import (
	"context"
	"time"
)

// lane is one conversation's messages in order. Service.mu guards it. A lane without messages is
// forgotten once its spacing no longer matters.
type lane struct {
	key, channel string
	items        []string
	busy         bool
	timer        *time.Timer // until it is looked at again
	parked       bool        // until its account can send
	waiting      string      // why it is parked
	lastSend     time.Time
}

// step says what a lane does after a look at its first message.
type step struct {
	pop  bool          // it is over
	wait time.Duration // look again then
	park error         // the account cannot send
}

// push appends a message to its lane.
func (s *Service) push(key, channel, item string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.lanes[key]
	if !ok {
		l = &lane{key: key, channel: channel}
		s.lanes[key] = l
	}
	l.items = append(l.items, item)
	s.wakeLane(l)
}

// wakeLane gives a lane a goroutine, unless it has one or waits. s.mu is held.
func (s *Service) wakeLane(l *lane) {
	if l.busy || l.parked || l.timer != nil || len(l.items) == 0 || s.ctx == nil || s.ctx.Err() != nil {
		return
	}
	l.busy = true
	slots, ok := s.slots[l.channel]
	if !ok {
		slots = make(chan struct{}, slotsPerChannel)
		s.slots[l.channel] = slots
	}
	ctx := s.ctx
	s.wg.Go(func() { s.work(ctx, l, slots) })
}

// work sends from a lane until it is empty or has to wait.
func (s *Service) work(ctx context.Context, l *lane, slots chan struct{}) {
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			s.rest(l)
			return
		}
		s.mu.Lock()
		item, epoch := l.items[0], s.epoch
		s.mu.Unlock()
		next := s.look(ctx, l, item)
		<-slots
		if ctx.Err() != nil {
			s.rest(l)
			return
		}
		if !s.goesOn(l, next, epoch) {
			return
		}
	}
}

// goesOn does what a step says and reports whether the lane's goroutine goes on.
func (s *Service) goesOn(l *lane, next step, epoch int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next.pop {
		l.items = l.items[1:]
	}
	switch {
	case next.park != nil && s.epoch == epoch:
		l.busy, l.parked, l.waiting = false, true, next.park.Error()
		return false
	case next.wait > 0:
		l.busy = false
		l.timer = time.AfterFunc(next.wait, func() { s.ring(l) })
		return false
	case len(l.items) == 0:
		l.busy = false
		if time.Since(l.lastSend) > time.Minute {
			delete(s.lanes, l.key)
		}
		return false
	}
	return true
}

// rest ends a lane's goroutine because the gateway stops.
func (s *Service) rest(l *lane) {
	s.mu.Lock()
	l.busy = false
	s.mu.Unlock()
}

// ring wakes a lane whose time has come.
func (s *Service) ring(l *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.timer = nil
	s.wakeLane(l)
}

// unpark lets every lane look at its account again.
func (s *Service) unpark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	for key, l := range s.lanes {
		if l.parked {
			l.parked = false
			s.wakeLane(l)
		} else if len(l.items) == 0 && !l.busy && time.Since(l.lastSend) > time.Minute {
			delete(s.lanes, key)
		}
	}
}
