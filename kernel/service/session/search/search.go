package search

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/words"
	"github.com/carapace-gateway/carapace/wit"
)

// Params look for what was said.
type Params struct {
	// Query are words that a message has to have, all of them, whatever their case and diacritics, also as the beginnings of
	// longer ones. Words in "quotes" follow each other; a word behind a minus is not wanted. At most 16 are looked for.
	Query   string `json:"query" rpc:"required,min=1,max=4096"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// SessionKeys are where it is looked for; everywhere when left out.
	SessionKeys []string `json:"sessionKeys,omitempty" rpc:"min=1,max=200"`
	// Channels are where it was said, Roles who has said it: user or assistant. Any when left out.
	Channels []string `json:"channels,omitempty" rpc:"max=50"`
	Roles    []string `json:"roles,omitempty" rpc:"max=2"`
	// Since and Until are the first time, and the first that is too late, in Unix milliseconds.
	Since int64 `json:"since,omitempty" rpc:"min=0"`
	Until int64 `json:"until,omitempty" rpc:"min=0"`
	// Order is relevance when left out.
	Order string `json:"order,omitempty" rpc:"enum=relevance|newest"`
	// Limit is 10 when left out. Offset comes from the page before.
	Limit  int `json:"limit,omitempty" rpc:"min=1,max=100"`
	Offset int `json:"offset,omitempty" rpc:"min=0,max=10000"`
	// Highlights asks for the places in the snippets where what was looked for stands.
	Highlights bool `json:"highlights,omitempty"`
}

// Result has the messages that were found.
type Result struct {
	Results []Hit `json:"results"`
	// Indexing says that what was said before the index was made, or in the last moments, is not all in it yet.
	Indexing bool `json:"indexing,omitempty"`
	// Truncated says that there are more, and NextOffset asks for them.
	Truncated  bool `json:"truncated,omitempty"`
	NextOffset int  `json:"nextOffset,omitempty"`
}

// Hit is a message that was found.
type Hit struct {
	SessionKey session.Key `json:"sessionKey"`
	SessionID  string      `json:"sessionId"`
	MessageID  string      `json:"messageId"`
	Role       string      `json:"role" rpc:"enum=user|assistant"`
	// Timestamp is in Unix milliseconds.
	Timestamp int64 `json:"timestamp"`
	// Snippet is what stands around the first of the words.
	Snippet string `json:"snippet"`
	// Score grows with how well the message fits.
	Score float64 `json:"score"`
	// Highlights are bytes of the snippet.
	Highlights []Highlight `json:"highlights,omitempty"`
}

// Highlight is a part of a snippet: the bytes from From to before To.
type Highlight struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// How long a search waits for the index, and how much of a message it shows, in bytes.
const (
	patience     = 300 * time.Millisecond
	snippetBytes = 240
)

func (s *Service) search(ctx context.Context, p Params) (Result, error) {
	res := Result{Results: []Hit{}}
	q, err := s.question(p)
	if err != nil {
		return res, err
	}
	if res.Indexing, err = s.upToNow(ctx); err != nil {
		return res, err
	}
	err = s.store.View(ctx, func(tx store.Tx) error {
		res.Results, res.Truncated, res.NextOffset = res.Results[:0], false, 0
		if indexed, err := store.Indexed(tx); err == nil && !indexed {
			return wit.NewError(wit.CodeUnavailable, "nothing can be searched for while conversations are encrypted: an index would hold their words; `carapace encrypt off` makes it again")
		}
		found, more, err := tx.Find(session.Texts, q)
		if err != nil {
			return err
		}
		if more {
			res.Truncated, res.NextOffset = true, q.Offset+len(found)
		}
		for _, f := range found {
			hit, ok, err := s.hit(tx, f, q.Words, p.Highlights)
			if err != nil {
				return err
			}
			if ok {
				res.Results = append(res.Results, hit)
			}
		}
		return nil
	})
	return res, err
}

// question is what the index is asked. Errors: CodeInvalid.
func (s *Service) question(p Params) (store.Search, error) {
	q := store.Search{Words: words.Ask(p.Query), From: p.Since, To: p.Until, Newest: p.Order == "newest", Limit: cmp.Or(p.Limit, 10), Offset: p.Offset}
	if !q.Words.Wants() {
		return q, wit.NewError(wit.CodeInvalid, "invalid sessions.search params: query has no word that is looked for")
	}
	settings := s.sessions.Settings()
	if p.AgentID != "" {
		id, err := settings.Agent(p.AgentID)
		if err != nil {
			return q, err
		}
		q.Tags = append(q.Tags, []string{byAgent(id)})
	}
	var keys []string
	for _, text := range p.SessionKeys {
		key, err := settings.ParseKey(text, p.AgentID)
		if err == nil {
			err = settings.Answers(key, "")
		}
		if err != nil {
			return q, err
		}
		keys = append(keys, bySession(key))
	}
	var roles, channels []string
	for _, role := range p.Roles {
		if role != string(wit.RoleUser) && role != string(wit.RoleAssistant) {
			return q, wit.Errorf(wit.CodeInvalid, "invalid sessions.search params: %.40q is no role: user and assistant are", role)
		}
		roles = append(roles, byRole(role))
	}
	for _, id := range p.Channels {
		if id == "" {
			return q, wit.NewError(wit.CodeInvalid, "invalid sessions.search params: a channel without a name")
		}
		channels = append(channels, byChannel(id))
	}
	for _, list := range [][]string{keys, roles, channels} {
		if len(list) > 0 {
			q.Tags = append(q.Tags, list)
		}
	}
	return q, nil
}

// upToNow takes what was said into the index, as far as that takes little time, and reports whether something is left.
func (s *Service) upToNow(ctx context.Context) (left bool, err error) {
	for began := time.Now(); time.Since(began) < patience; {
		if done, err := s.step(ctx); err != nil || done {
			return false, err
		}
	}
	return true, nil
}

// hit is a message that was found; ok is false where it is gone by now.
func (s *Service) hit(tx store.Tx, f store.Found, q words.Question, highlights bool) (h Hit, ok bool, err error) {
	id, number, ok := session.ParseTextKey(f.Key)
	if !ok {
		return h, false, nil
	}
	key, err := session.KeyOf(tx, id)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return h, false, nil
	}
	if err != nil {
		return h, false, err
	}
	found, err := s.sessions.After(tx, id, number-1, 1)
	if err != nil || len(found) == 0 || found[0].Number != number {
		return h, false, err
	}
	m := found[0]
	h = Hit{SessionKey: key, SessionID: id, MessageID: session.MessageID(id, number), Role: string(m.Role), Timestamp: m.Time, Score: f.Score}
	var marks []words.Mark
	h.Snippet, marks = q.Snippet(m.Text(), snippetBytes)
	if highlights {
		for _, mark := range marks {
			h.Highlights = append(h.Highlights, Highlight(mark))
		}
	}
	return h, slices.Contains([]wit.Role{wit.RoleUser, wit.RoleAssistant}, m.Role), nil
}
