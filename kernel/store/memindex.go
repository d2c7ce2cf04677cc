package store

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/store/words"
	"github.com/carapace-gateway/carapace/wit"
)

// indexed is a text of an index in memory.
type indexed struct {
	Time  int64
	Tags  []string
	Words []words.Word
	// N grows with each text that is indexed.
	N uint64
}

// Texts live under NUL NUL index NUL key, which neither a record's place nor a sequence's can be.
func docPlace(index, key string) string { return "\x00\x00" + index + "\x00" + key }

func (t *memTx) Index(index string, d Doc) error {
	if err := checkDoc(index, d); err != nil {
		return err
	}
	if err := t.Unindex(index, d.Key); err != nil {
		return err
	}
	found := words.Cut(d.Text)
	if len(found) == 0 {
		return nil
	}
	n, err := t.Next(index)
	if err != nil {
		return err
	}
	b, err := json.Marshal(indexed{d.Time, d.Tags, found, n})
	if err != nil {
		return wit.Errorf(wit.CodeInternal, "store: index %s: %w", index, err)
	}
	t.root = t.root.with(docPlace(index, d.Key), b)
	return nil
}

func (t *memTx) Unindex(index, key string) error {
	if err := t.usable(true); err != nil {
		return err
	}
	if err := checkKey(index, key); err != nil {
		return err
	}
	t.root = t.root.without(docPlace(index, key))
	t.wrote.note(index, "")
	return nil
}

// forget empties all indexes.
func (t *memTx) forget() error {
	if err := t.usable(true); err != nil {
		return err
	}
	var places []string
	t.root.walk("\x00\x00", "\x01", false, func(n *node) bool { places = append(places, n.key); return true })
	for _, place := range places {
		t.root = t.root.without(place)
	}
	return nil
}

func (t *memTx) Find(index string, s Search) (found []Found, more bool, err error) {
	if err := t.usable(false); err != nil {
		return nil, false, err
	}
	if err := checkSearch(index, s); err != nil {
		return nil, false, err
	}
	docs, keys, err := t.texts(index)
	if err != nil {
		return nil, false, err
	}
	rank := newRanking(s.Words, docs)
	var order []uint64
	for i, d := range docs {
		if d.fits(s) {
			found, order = append(found, Found{keys[i], d.Time, rank.of(d)}), append(order, d.N)
		}
	}
	at := map[string]uint64{}
	for i := range found {
		at[found[i].Key] = order[i]
	}
	slices.SortFunc(found, func(a, b Found) int {
		newer := cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(at[b.Key], at[a.Key]))
		if s.Newest {
			return newer
		}
		return cmp.Or(cmp.Compare(b.Score, a.Score), newer)
	})
	found = found[min(s.Offset, len(found)):]
	if more = len(found) > s.Limit; more {
		found = found[:s.Limit]
	}
	return found, more, nil
}

// texts are all of an index.
func (t *memTx) texts(index string) (docs []indexed, keys []string, err error) {
	lo := docPlace(index, "")
	t.root.walk(lo, lo+"\xff", false, func(n *node) bool {
		var d indexed
		if err = json.Unmarshal(n.value, &d); err != nil {
			err = wit.Errorf(wit.CodeInternal, "store: index %s: %w", index, err)
			return false
		}
		docs, keys = append(docs, d), append(keys, n.key[len(lo):])
		return true
	})
	return docs, keys, err
}

// fits reports whether a text is what is searched for.
func (d indexed) fits(s Search) bool {
	if d.Time < s.From || s.To != 0 && d.Time >= s.To || !s.Words.Fits(d.Words) {
		return false
	}
	for _, list := range s.Tags {
		if !slices.ContainsFunc(list, func(one string) bool { return slices.Contains(d.Tags, one) }) {
			return false
		}
	}
	return true
}

// ranking is how rare each term is, and how long texts are.
type ranking struct {
	terms   words.Question
	rare    []float64
	average float64
}

func newRanking(q words.Question, docs []indexed) (r ranking) {
	r = ranking{terms: q, rare: make([]float64, len(q))}
	all := 0
	for _, d := range docs {
		all += len(d.Words)
	}
	r.average = float64(all) / max(float64(len(docs)), 1)
	for i, term := range q {
		with := 0
		for _, d := range docs {
			if len(term.In(d.Words)) > 0 {
				with++
			}
		}
		r.rare[i] = rarity(len(docs), with)
	}
	return r
}

func (r ranking) of(d indexed) (score float64) {
	for i, term := range r.terms {
		if !term.Not {
			score += r.rare[i] * weight(len(term.In(d.Words)), len(d.Words), r.average)
		}
	}
	return score
}
