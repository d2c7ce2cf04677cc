package store

import "sync"

// maxFinds is how many records are told of that were changed; Verify lists them all.
const maxFinds = 1000

// finds are the records that were found changed, each of which is told once: what is put in its place since hides it from Verify.
// It is safe for concurrent use.
type finds struct {
	mu    sync.Mutex
	seen  map[string]bool // space/key
	early []string        // found before anybody was to be told
	tell  func(record string)
}

// note takes note of a record.
func (f *finds) note(record string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[record] || len(f.seen) >= maxFinds {
		return
	}
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	f.seen[record] = true
	if f.tell == nil {
		f.early = append(f.early, record)
		return
	}
	f.tell(record)
}

// OnChanged has tell told, as space/key, of each record that is found changed, once in the life of s and of a thousand at most; of
// those that were found before, at once. It may be called within a transaction: it neither waits nor uses the store.
func (s *Sealed) OnChanged(tell func(record string)) {
	f := &s.finds
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tell = tell
	for _, record := range f.early {
		tell(record)
	}
	f.early = nil
}
