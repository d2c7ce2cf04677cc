package store

import (
	"slices"
	"sync"
)

// versions counts, for each space, the commits that wrote to it. The zero value is ready.
type versions struct {
	mu     sync.RWMutex
	counts map[string]uint64
}

func (v *versions) of(space string) uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.counts[space]
}

// written counts a commit. It is called when readers can see the commit, and before its updates return.
func (v *versions) written(spaces []string) {
	if len(spaces) == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.counts == nil {
		v.counts = map[string]uint64{}
	}
	for _, s := range spaces {
		v.counts[s]++
	}
}

// adding returns the spaces with more of them, each once: they are few.
func adding(spaces []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(spaces, s) {
			spaces = append(spaces, s)
		}
	}
	return spaces
}
