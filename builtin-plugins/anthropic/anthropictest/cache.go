package anthropictest

import "strconv"

// lookback is over how many blocks before a mark the cache is searched; most marks are allowed.
const (
	lookback = 20
	most     = 4
)

// cacheable is a block of a request in the order in which the cache has them.
type cacheable struct {
	raw  string
	mark bool
}

func (q *request) cacheables() (list []cacheable) {
	for _, t := range q.Tools {
		var b block
		_ = b.UnmarshalJSON(t) // it was checked
		list = append(list, cacheable{b.raw, b.CacheControl != nil})
	}
	for _, b := range q.System {
		list = append(list, cacheable{"system " + b.raw, b.CacheControl != nil})
	}
	for _, m := range q.Messages {
		for _, b := range m.Content {
			list = append(list, cacheable{m.Role + " " + b.raw, b.CacheControl != nil})
		}
	}
	return list
}

// checkMarks: there are at most four, none at thinking.
func (q *request) checkMarks() *apiError {
	n := 0
	for _, b := range q.cacheables() {
		if b.mark {
			n++
		}
	}
	if n > most {
		return invalid("A maximum of 4 blocks with cache_control may be provided. Found " + strconv.Itoa(n) + ".")
	}
	for _, m := range q.Messages {
		for _, b := range m.Content {
			if b.CacheControl != nil && (b.Type == "thinking" || b.Type == "redacted_thinking") {
				return invalid("cache_control cannot be set for thinking blocks")
			}
		}
	}
	return nil
}

// used are the tokens of a request, of four bytes each.
type used struct{ input, read, written int }

// cached reads the longest beginning of a request that is kept, and keeps those that it marks.
func (s *Server) cached(q *request) (u used) {
	list := q.cacheables()
	keys, sizes := make([]string, len(list)), make([]int, len(list))
	key, size := q.Model, 0
	for i, b := range list {
		key, size = digest(key+"\n"+b.raw), size+len(b.raw)
		keys[i], sizes[i] = key, size
	}
	read, written := 0, 0
	for i, b := range list {
		if !b.mark {
			continue
		}
		for j := i; j >= 0 && j > i-lookback; j-- {
			if s.kept[keys[j]] {
				read = max(read, sizes[j])
				break
			}
		}
		written = sizes[i]
	}
	for i, b := range list {
		if b.mark {
			s.kept[keys[i]] = true
		}
	}
	written = max(written-read, 0)
	return used{input: (size - read - written) / 4, read: read / 4, written: written / 4}
}
