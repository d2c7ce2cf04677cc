package visitor

import "github.com/carapace-gateway/carapace/wit"

// maxLive is how much of what is not kept waits for one connection; more is left out.
const maxLive = 16

// listener is one connection of a visit.
type listener struct {
	news chan struct{} // has a value when there is something to look for
	live chan string   // is what is not kept
}

// listen has a connection told of what is pushed to a visit, until left is called.
func (v *Visits) listen(at string) (l *listener, left func()) {
	l = &listener{news: make(chan struct{}, 1), live: make(chan string, maxLive)}
	l.news <- struct{}{}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.streams[at] == nil {
		v.streams[at] = map[*listener]bool{}
	}
	v.streams[at][l] = true
	return l, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if delete(v.streams[at], l); len(v.streams[at]) == 0 {
			delete(v.streams, at)
		}
	}
}

// connected reports whether a visit has a connection.
func (v *Visits) connected(at string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.streams[at]) > 0
}

// tell lets the connections of a visit know of something.
func (v *Visits) tell(at string, p *wit.Push) {
	if p.Key != nil {
		v.wake(at)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for l := range v.streams[at] {
		select {
		case l.live <- p.Data:
		default:
		}
	}
}

// wake has the connections of a visit look for something.
func (v *Visits) wake(at string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for l := range v.streams[at] {
		select {
		case l.news <- struct{}{}:
		default:
		}
	}
}
