package session

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// SearchParams look for what was said.
type SearchParams struct {
	// Query are words that a message has to have, all of them, whatever their case.
	Query   string `json:"query" rpc:"required,min=1,max=4096"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// SessionKeys are where it is looked for; everywhere when left out.
	SessionKeys []string `json:"sessionKeys,omitempty" rpc:"min=1,max=200"`
	// Limit is 10 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=25"`
}

// SearchResult has the newest messages that were found, in the sessions that were used last.
type SearchResult struct {
	Results []SearchHit `json:"results"`
	// Truncated says that not all was read: more may be found by naming sessions.
	Truncated bool `json:"truncated,omitempty"`
}

// SearchHit is a message that was found.
type SearchHit struct {
	SessionKey Key    `json:"sessionKey"`
	SessionID  string `json:"sessionId"`
	MessageID  string `json:"messageId"`
	Role       string `json:"role" rpc:"enum=user|assistant"`
	// Timestamp is in Unix milliseconds.
	Timestamp int64 `json:"timestamp"`
	// Snippet is what stands around the first of the words.
	Snippet string `json:"snippet"`
	// Score grows with how much of the message the words are.
	Score float64 `json:"score"`
}

// Bounds of a search: in sessions, in messages and bytes that are read, and in words.
const (
	searchSessions = 1000
	searchMessages = 100_000
	searchBytes    = 128 << 20
	searchWords    = 16
	snippetBytes   = 240
)

// search reads the histories, those of the sessions used last first, and of each the newest messages first, also of
// histories that a reset has ended. No index is kept: what is read is bounded, and each history is a transaction.
func (s *Service) search(ctx context.Context, p SearchParams) (SearchResult, error) {
	res := SearchResult{Results: []SearchHit{}}
	words := strings.Fields(strings.ToLower(p.Query))
	if len(words) == 0 || len(words) > searchWords {
		return res, wit.Errorf(wit.CodeInvalid, "invalid sessions.search params: query has 1 to %d words", searchWords)
	}
	keys, more, err := s.searched(ctx, p)
	if err != nil {
		return res, err
	}
	f := &finder{service: s, words: words, limit: cmp.Or(p.Limit, 10), messages: searchMessages, bytes: searchBytes}
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return res, err
		}
		if err := s.store.View(ctx, func(tx store.Tx) error { return f.session(tx, key) }); err != nil {
			return res, err
		}
		if f.full() {
			break
		}
	}
	slices.SortStableFunc(f.hits, func(a, b SearchHit) int { return cmp.Compare(b.Timestamp, a.Timestamp) })
	res.Results = append(res.Results, f.hits...)
	res.Truncated = more || f.full()
	return res, nil
}

// searched are the sessions that are read, the last used first, and whether there are more.
func (s *Service) searched(ctx context.Context, p SearchParams) (keys []Key, more bool, err error) {
	for _, text := range p.SessionKeys {
		key, err := s.Settings().ParseKey(text, p.AgentID)
		if err == nil {
			err = s.Settings().Answers(key, "")
		}
		if err != nil {
			return nil, false, err
		}
		keys = append(keys, key)
	}
	if len(keys) > 0 {
		return keys, false, nil
	}
	wanted, err := s.selection(ListParams{AgentID: p.AgentID, Archived: []byte(`"all"`)}, nowMillis())
	if err != nil {
		return nil, false, err
	}
	err = s.store.View(ctx, func(tx store.Tx) error {
		keys = keys[:0]
		found, total, err := s.page(tx, wanted, 0, searchSessions)
		for _, e := range found {
			keys = append(keys, e.Key)
		}
		more = total > len(keys)
		return err
	})
	return keys, more, err
}

// finder goes through histories until it has enough.
type finder struct {
	service         *Service
	words           []string
	limit           int
	messages, bytes int // that may still be read
	hits            []SearchHit
}

func (f *finder) full() bool { return len(f.hits) >= f.limit || f.messages <= 0 || f.bytes <= 0 }

// session reads the histories of a session: the present one, and the earlier ones.
func (f *finder) session(tx store.Tx, key Key) error {
	e, err := Get(tx, key)
	if f.service.skips.Skip(err) || wit.CodeOf(err) == wit.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	ids := []string{e.SessionID}
	for row, err := range archives.Scan(tx, store.Range{Prefix: string(key) + "\x00"}) {
		if f.service.skips.Skip(err) {
			continue
		}
		if err != nil {
			return err
		}
		ids = append(ids, row.Value.SessionID)
	}
	for _, id := range ids {
		if err := f.history(tx, key, id); err != nil || f.full() {
			return err
		}
	}
	return nil
}

func (f *finder) history(tx store.Tx, key Key, id string) error {
	for m, err := range f.service.scan(tx, store.Range{Prefix: id + "/", Reverse: true}) {
		if err != nil {
			return err
		}
		text := m.Text()
		f.messages, f.bytes = f.messages-1, f.bytes-len(text)
		if m.Role == wit.RoleUser || m.Role == wit.RoleAssistant {
			if score, at := f.match(text); score > 0 {
				f.hits = append(f.hits, SearchHit{key, id, MessageID(id, m.Number), string(m.Role), m.Time, snippet(text, at), score})
			}
		}
		if f.full() {
			return nil
		}
	}
	return nil
}

// match is how much of a text the words are, 0 where one is missing, and where the first of them stands.
func (f *finder) match(text string) (score float64, at int) {
	lower := strings.ToLower(text)
	at = len(lower)
	for _, word := range f.words {
		i := strings.Index(lower, word)
		if i < 0 {
			return 0, 0
		}
		at = min(at, i)
		score += float64(strings.Count(lower, word)*len(word)) / float64(len(lower))
	}
	return score, at
}

// snippet is what stands around a place of a text, on one line. The place is of the text in lower case, which may be a
// little off in the text itself.
func snippet(text string, at int) string {
	at = min(at, len(text))
	from := max(at-snippetBytes/3, 0)
	for from > 0 && !utf8.RuneStart(text[from]) {
		from--
	}
	out := excerpt(text[from:], snippetBytes)
	if from > 0 {
		out = "…" + out
	}
	return out
}
