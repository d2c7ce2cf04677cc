package logs

import "slices"

// Chunk is a part of the log.
type Chunk struct {
	// Cursor is where the next Tail goes on.
	Cursor int64
	// Size is how many bytes have been logged since the start.
	Size  int64
	Lines []string
	// Truncated: there is more between Lines and Cursor's end than was asked for.
	Truncated bool
	// Reset: the lines after the given cursor are gone, and Lines begins later.
	Reset bool
}

// Tail returns at most limit lines of at most maxBytes in all: those after cursor, or the last ones
// where cursor is nil. It never waits.
func (l *Log) Tail(cursor *int64, limit, maxBytes int) Chunk {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cursor == nil || *cursor < 0 || *cursor > l.end {
		return l.last(limit, maxBytes, cursor != nil)
	}
	c := Chunk{Size: l.end, Cursor: max(*cursor, l.start), Reset: *cursor < l.start}
	at := l.start
	for _, line := range l.lines {
		size := int64(len(line)) + 1
		if at >= c.Cursor {
			maxBytes -= int(size)
			if len(c.Lines) == limit || maxBytes < 0 && len(c.Lines) > 0 {
				c.Truncated, c.Cursor = true, at
				return c
			}
			c.Lines = append(c.Lines, line)
		}
		at += size
	}
	c.Cursor = l.end
	return c
}

func (l *Log) last(limit, maxBytes int, reset bool) Chunk {
	c := Chunk{Size: l.end, Cursor: l.end, Reset: reset}
	for i := len(l.lines) - 1; i >= 0; i-- {
		maxBytes -= len(l.lines[i]) + 1
		if len(c.Lines) == limit || maxBytes < 0 && len(c.Lines) > 0 {
			c.Truncated = true
			break
		}
		c.Lines = append(c.Lines, l.lines[i])
	}
	slices.Reverse(c.Lines)
	return c
}

// Changes returns a channel that gets a value after lines were written, until stop is called.
func (l *Log) Changes() (changed <-chan struct{}, stop func()) {
	w := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiters[w] = true
	return w, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.waiters, w)
	}
}
