package run

import "github.com/carapace-gateway/carapace/kernel/service/session"

// parked is a session whose next run waits for a place of its asker, or has that and no worker has taken it yet. No goroutine
// waits with it, so that many thousands of them cost little.
type parked struct {
	asker  string
	placed bool
}

// enter has a session's runs executed as soon as there is a place for the next one, whose asker this is.
func (s *Service) enter(key session.Key, asker string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || s.ctx.Err() != nil {
		return
	}
	if _, busy := s.busy[work{key: key}]; busy || s.park(key, asker) {
		s.start(work{key: key})
	}
}

// seat reports whether there is a place for a session's next run, which has to be given back. Else the session is parked, unless
// it is held.
func (s *Service) seat(key session.Key, asker string) bool {
	if s.holds.holding(key) {
		s.unpark(key)
		return false
	}
	s.mu.Lock()
	if p := s.parked[key]; p != nil && p.asker != asker { // of a run that was stopped
		s.mu.Unlock()
		s.unpark(key)
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if !s.park(key, asker) {
		return false
	}
	delete(s.parked, key)
	return true
}

// park has a session wait for a place of an asker, if it does not do so already, and reports whether it has it. A worker
// begins when it gets it later. The caller holds mu, and begins one when it has it.
func (s *Service) park(key session.Key, asker string) bool {
	p := s.parked[key]
	if p == nil || p.asker != asker {
		p = &parked{asker: asker}
		s.parked[key] = p
		p.placed = s.turns.Await(asker, func() bool { return s.placed(key, p) })
	}
	return p.placed
}

// placed gives a parked session its place, and reports whether it waits for that still. After the end of Run's context the
// place is kept until Run returns.
func (s *Service) placed(key session.Key, p *parked) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parked[key] != p {
		return false
	}
	p.placed = true
	s.start(work{key: key})
	return true
}

// unpark ends that a session waits for a place, and reports whether it did: whoever calls it has to look at its queue afterwards.
// A place that it has goes to others.
func (s *Service) unpark(key session.Key) bool {
	s.mu.Lock()
	p := s.parked[key]
	delete(s.parked, key)
	s.mu.Unlock()
	if p != nil && p.placed {
		s.turns.Give(p.asker)
	}
	return p != nil
}

// unparkAll is unpark of all sessions.
func (s *Service) unparkAll() {
	s.mu.Lock()
	all := s.parked
	s.parked = map[session.Key]*parked{}
	s.mu.Unlock()
	for _, p := range all {
		if p.placed {
			s.turns.Give(p.asker)
		}
	}
}
