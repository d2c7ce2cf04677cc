package store

import (
	"slices"
	"sync"
)

// versions counts, for each space, the commits that wrote to it, and of those that somebody asks about notes what. The zero value
// is ready.
type versions struct {
	mu     sync.RWMutex
	counts map[string]uint64
	noted  map[string]*notes
}

func (v *versions) of(space string) uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.counts[space]
}

// written counts a commit. It is called when readers can see the commit, and before its updates return.
func (v *versions) written(w writes) {
	if len(w.spaces) == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.counts == nil {
		v.counts = map[string]uint64{}
	}
	for _, s := range w.spaces {
		v.counts[s]++
		switch n := v.noted[s]; {
		case n == nil:
		case w.many():
			*n = notes{from: v.counts[s]}
		default:
			n.add(w.in(s))
		}
	}
}

// since returns the keys that were written in a space since a version, and false where that is not known. From its first call on
// the space is noted.
func (v *versions) since(space string, version uint64) ([]string, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.noted[space]
	if n == nil {
		if v.noted == nil {
			v.noted = map[string]*notes{}
		}
		v.noted[space] = &notes{from: v.counts[space]}
		return nil, version == v.counts[space]
	}
	return n.since(version)
}

// mostNotes bounds how many keys are noted of a commit, and how many keys and commits of a space.
const mostNotes = 4096

// notes are the keys that the last commits to a space have written.
type notes struct {
	from    uint64     // the version before the first of the commits
	commits [][]string // those since
	keys    int
}

// add notes the keys of a commit.
func (n *notes) add(keys []string) {
	n.commits = append(n.commits, keys)
	n.keys += len(keys)
	gone := 0
	for n.keys > mostNotes || len(n.commits)-gone > mostNotes {
		n.keys -= len(n.commits[gone])
		gone++
	}
	n.commits, n.from = n.commits[gone:], n.from+uint64(gone)
}

func (n *notes) since(version uint64) (keys []string, ok bool) {
	if version < n.from {
		return nil, false
	}
	for _, more := range n.commits[min(version-n.from, uint64(len(n.commits))):] {
		keys = append(keys, more...)
	}
	slices.Sort(keys)
	return slices.Compact(keys), true
}

// writes are the spaces in which something was written, each once, since they are few, and the keys there, unless these are many.
type writes struct {
	spaces []string
	keys   []written
}

type written struct{ space, key string }

// note adds a key of a space, "" for a change of the space that is none of a record's.
func (w *writes) note(space, key string) {
	if !slices.Contains(w.spaces, space) {
		w.spaces = append(w.spaces, space)
	}
	if key != "" && !w.many() {
		w.keys = append(w.keys, written{space, key})
	}
}

// add adds other writes.
func (w *writes) add(more writes) {
	for _, s := range more.spaces {
		w.note(s, "")
	}
	w.keys = append(w.keys, more.keys[:min(len(more.keys), mostNotes+1-len(w.keys))]...)
}

// many reports whether there are more keys than are noted of a commit: then some are missing.
func (w *writes) many() bool { return len(w.keys) > mostNotes }

// in are the keys that were written in a space.
func (w *writes) in(space string) (keys []string) {
	for _, k := range w.keys {
		if k.space == space {
			keys = append(keys, k.key)
		}
	}
	return keys
}
