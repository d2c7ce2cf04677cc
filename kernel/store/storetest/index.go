package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/words"
	"github.com/carapace-gateway/carapace/wit"
)

// finds returns the keys that a search finds, in order, with spaces between.
func finds(t *testing.T, s store.Store, q store.Search) string {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	var keys []string
	view(t, s, func(tx store.Tx) error {
		found, more, err := tx.Find("texts", q)
		for _, f := range found {
			keys = append(keys, f.Key)
		}
		if more {
			keys = append(keys, "…")
		}
		return err
	})
	return strings.Join(keys, " ")
}

func asks(text string) store.Search { return store.Search{Words: words.Ask(text), Newest: true} }

func put5(t *testing.T, s store.Store) {
	t.Helper()
	Update(t, s, func(tx store.Tx) error {
		for i, text := range []string{
			"The harbour in the evening", "Grüße aus dem Hafen, the old harbour master", "我们去北京旅行", "東京タワーへ行きました。", "evening evening evening",
		} {
			d := store.Doc{Key: fmt.Sprint(i), Time: int64(i + 1), Text: text, Tags: []string{"odd", "all"}}
			if i%2 == 0 {
				d.Tags = []string{"even", "all"}
			}
			if err := tx.Index("texts", d); err != nil {
				return err
			}
		}
		return tx.Index("others", store.Doc{Key: "0", Text: "harbour"})
	})
}

// index finds texts by words, parts of words, phrases and pairs, and no more once they are gone.
func index(t *testing.T, s store.Store) {
	put5(t, s)
	for query, want := range map[string]string{
		"harbour": "1 0", "HARB": "1 0", "grusse": "1", "GRÜSSE": "1", "evening harbour": "0", "harbour -evening": "1",
		`"old harbour"`: "1", `"harbour old"`: "", "arbour": "", "北京": "2", "去北京": "2", "京北": "", "行": "3 2", "タワー": "3", "東京 -北京": "3",
		`"in the" harbour`: "0", "hafen!": "1", `-"old harbour" harbour`: "0",
	} {
		if got := finds(t, s, asks(query)); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	best := asks("evening")
	if best.Newest = false; finds(t, s, best) != "4 0" {
		t.Errorf("the best come as %q", finds(t, s, best))
	}
	before := s.Version("texts")
	Update(t, s, func(tx store.Tx) error {
		if err := tx.Unindex("texts", "1"); err != nil {
			return err
		}
		if err := tx.Unindex("texts", "none"); err != nil {
			return err
		}
		return tx.Index("texts", store.Doc{Key: "0", Time: 9, Text: "a lighthouse"})
	})
	if got := finds(t, s, asks("harbour")) + "/" + finds(t, s, asks("lighthouse")); got != "/0" || s.Version("texts") == before {
		t.Errorf("afterwards: %q", got)
	}
}

// indexFilters finds by tags and times, and page by page.
func indexFilters(t *testing.T, s store.Store) {
	put5(t, s)
	for _, c := range []struct {
		change func(*store.Search)
		want   string
	}{
		{func(q *store.Search) { q.Tags = [][]string{{"even"}} }, "4 0"},
		{func(q *store.Search) { q.Tags = [][]string{{"even", "odd"}, {"all"}} }, "4 0"},
		{func(q *store.Search) { q.Tags = [][]string{{"odd"}} }, ""},
		{func(q *store.Search) { q.Tags = [][]string{{"evening"}} }, ""},
		{func(q *store.Search) { q.Tags = [][]string{{`" OR text : "evening`}} }, ""},
		{func(q *store.Search) { q.From = 2 }, "4"},
		{func(q *store.Search) { q.To = 5 }, "0"},
		{func(q *store.Search) { q.Limit = 1 }, "4 …"},
		{func(q *store.Search) { q.Limit, q.Offset = 1, 1 }, "0"},
		{func(q *store.Search) { q.Offset = 7 }, ""},
	} {
		q := asks("evening")
		if c.change(&q); finds(t, s, q) != c.want {
			t.Errorf("%+v finds %q, want %q", q, finds(t, s, q), c.want)
		}
	}
}

// indexUndo takes back what a transaction that fails has indexed.
func indexUndo(t *testing.T, s store.Store) {
	put5(t, s)
	failed := errors.New("no")
	if err := s.Update(context.Background(), func(tx store.Tx) error {
		if err := tx.Index("texts", store.Doc{Key: "x", Text: "a lighthouse"}); err != nil {
			return err
		}
		if err := tx.Unindex("texts", "0"); err != nil {
			return err
		}
		return failed
	}); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if got := finds(t, s, asks("lighthouse")) + "/" + finds(t, s, asks("harbour")); got != "/1 0" {
		t.Errorf("%q", got)
	}
	view(t, s, func(tx store.Tx) error {
		wantCode(t, "index in a view", tx.Index("texts", store.Doc{Key: "x", Text: "a"}), wit.CodeInvalid)
		wantCode(t, "unindex in a view", tx.Unindex("texts", "x"), wit.CodeInvalid)
		return nil
	})
}

// indexHostile refuses what is no search, and takes whatever is typed.
func indexHostile(t *testing.T, s store.Store) {
	put5(t, s)
	for _, query := range []string{"", " ", "?!", "-harbour", `""`, `"`, "* ^ :", "\x00", "\xff\xfe"} {
		view(t, s, func(tx store.Tx) error {
			_, _, err := tx.Find("texts", store.Search{Words: words.Ask(query), Limit: 1})
			wantCode(t, fmt.Sprintf("find %q", query), err, wit.CodeInvalid)
			return nil
		})
	}
	for _, query := range []string{
		`harbour" OR "x`, "harbour AND OR NOT", "NEAR(harbour evening)", "text:harbour", "harbour*", "(harbour", "{text} : harbour", "harbour\x00evening",
		"'; DROP TABLE records; --", strings.Repeat("harbour ", 5000), strings.Repeat("京", 5000), strings.Repeat(`"a" -`, 1000), strings.Repeat("ä̈", 3000),
	} {
		finds(t, s, asks(query))
	}
	Update(t, s, func(tx store.Tx) error {
		return tx.Index("texts", store.Doc{Key: "long", Text: strings.Repeat("x", 1<<20) + " end", Tags: []string{"", "\x00", strings.Repeat("t", 5000)}})
	})
	wantCode(t, "too many tags", s.Update(context.Background(), func(tx store.Tx) error {
		return tx.Index("texts", store.Doc{Key: "x", Text: "x", Tags: make([]string, 100)})
	}), wit.CodeInvalid)
	wantCode(t, "no key", s.Update(context.Background(), func(tx store.Tx) error { return tx.Index("texts", store.Doc{Text: "x"}) }), wit.CodeInvalid)
}
