package store

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store/words"
	"github.com/carapace-gateway/carapace/wit"
)

// Doc is a text that an index finds by its words, under the key of what it is the text of. The text itself is not kept.
type Doc struct {
	Key string
	// Time is in Unix milliseconds.
	Time int64
	// Tags are what a search may ask for beside words, such as whose text it is; at most 16.
	Tags []string
	// Text is cut by package words, of which the bounds are.
	Text string
}

// Search asks for texts of an index.
type Search struct {
	// Words is what the texts have; see words.Ask.
	Words words.Question
	// Tags are what they have besides: one of each list. At most 16 lists of at most 512.
	Tags [][]string
	// From is the first time, To the first that is too late; 0 does not restrict.
	From, To int64
	// Newest orders by time, the newest first, instead of by how well the texts fit.
	Newest bool
	// Limit is how many are found at most, behind Offset.
	Limit, Offset int
}

// Found is a text that was found.
type Found struct {
	Key  string
	Time int64
	// Score grows with how well the text fits: how rare the words are, how often it has them, how short it is.
	Score float64
}

// SearchDepth is how many texts are looked at: of more that have the words, only the ones that were indexed last.
const SearchDepth = 20_000

const (
	maxTags    = 16
	maxTagList = 512
)

// checkDoc refuses what no index can hold.
func checkDoc(index string, d Doc) error {
	if err := checkKey(index, d.Key); err != nil {
		return err
	}
	if len(d.Tags) > maxTags {
		return wit.Errorf(wit.CodeInvalid, "store: a text has %d tags: at most %d", len(d.Tags), maxTags)
	}
	return nil
}

// checkSearch refuses a search without words, or beyond the bounds.
func checkSearch(index string, s Search) error {
	if err := checkSpace(index); err != nil {
		return err
	}
	switch {
	case !s.Words.Wants():
		return wit.NewError(wit.CodeInvalid, "store: nothing is looked for: name a word")
	case s.Limit <= 0 || s.Offset < 0 || len(s.Tags) > maxTags:
		return wit.Errorf(wit.CodeInvalid, "store: a search has a limit, and at most %d lists of tags", maxTags)
	}
	for _, list := range s.Tags {
		if len(list) > maxTagList {
			return wit.Errorf(wit.CodeInvalid, "store: a list of tags has %d: at most %d", len(list), maxTagList)
		}
	}
	return nil
}

// tag is a tag as one word, whatever is in it.
func tag(index, text string) string {
	sum := sha256.Sum256([]byte(index + "\x00" + text))
	return hex.EncodeToString(sum[:8])
}

// joined are the words of a text with spaces between; "" if it has none.
func joined(text string) string {
	var b strings.Builder
	b.Grow(min(len(text), words.MaxText))
	for w := range words.All(text) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.Text)
	}
	return b.String()
}

// The formula of both implementations is Okapi's BM25 with its usual factors, as SQLite has it.
const (
	bm25K = 1.2
	bm25B = 0.75
)

// rarity is what a term counts that with of all texts have.
func rarity(all, with int) float64 {
	return max(math.Log((float64(all-with)+0.5)/(float64(with)+0.5)), 1e-6)
}

// weight is what it counts that a text of length words has a term so often, where texts have average words.
func weight(often, length int, average float64) float64 {
	f := float64(often)
	return f * (bm25K + 1) / (f + bm25K*(1-bm25B+bm25B*float64(length)/max(average, 1)))
}
