package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// tags takes the thinking out of a text that begins with it, as many models at home write it: <think>…</think>, then
// the answer. Only the beginning counts: further on, a tag is a word that the model speaks of. A tag may be split over
// any number of pieces.
//
// The templates of some models open the thinking themselves, at the end of the prompt, so that a text begins inside of it
// and only </think> comes; see config.opens for how that is known. What is given out as a text cannot be taken back, and what
// is given out as thinking can be said once more. So such a text is thinking until it is closed, and all of it is the answer
// after all when the model finishes without that.
type tags struct {
	where place
	close string // the tag that ends the thinking; set inside of it
	held  string // what came and may be a part of a tag
	kept  string // the thinking so far that no tag began, at most maxKept of it
}

// maxKept bounds what is kept for an answer that is never closed, for it travels in the state. What is longer is thinking.
const maxKept = 64 << 10

// closing ends a thinking that no tag began.
const closing = "</think>"

// place is how far a text has come.
type place int64

const (
	before   place = iota // nothing but blanks, and thinking that has ended
	inside                // in the thinking
	after                 // in the answer
	opened                // as before, and what follows is thinking even without a tag
	unopened              // in a thinking that no tag began
)

// pairs are the tags that models use.
var pairs = [...]struct{ open, close string }{
	{"<think>", "</think>"}, {"<thinking>", "</thinking>"}, {"<thought>", "</thought>"},
	{"<reasoning>", "</reasoning>"}, {"<seed:think>", "</seed:think>"}, {"[THINK]", "[/THINK]"},
}

// split says what of a text is thinking and what is the answer, as far as that is certain. The rest is held: "<thi" is
// said as a text when "ck" follows, and not when "nk>" does.
func (t *tags) split(text string, say func(wit.DeltaKind, string)) {
	text, t.held = t.held+text, ""
	for text != "" {
		switch t.where {
		case before, opened:
			text = t.begin(text)
		case inside, unopened:
			text = t.think(text, say)
		case after:
			say(wit.DeltaKindText, text)
			return
		}
	}
}

// begin looks for a tag, and returns what is left to be read in the place that it leads to. Blanks before the answer are
// its own, unless thinking stood before them.
func (t *tags) begin(text string) string {
	trimmed := strings.TrimLeft(text, " \t\r\n")
	for _, pair := range pairs {
		if rest, ok := strings.CutPrefix(trimmed, pair.open); ok {
			t.where, t.close = inside, pair.close
			return rest
		}
	}
	for _, pair := range pairs {
		if strings.HasPrefix(pair.open, trimmed) { // blanks alone are the beginning of each
			t.held = text
			return ""
		}
	}
	switch {
	case t.where == opened:
		t.where, t.close = unopened, closing
		return text
	case t.close != "":
		text = trimmed // the blanks belonged to the thinking
	}
	t.where = after
	return text
}

// think says the thinking up to its end, and returns what follows. What may be the beginning of the end is held.
func (t *tags) think(text string, say func(wit.DeltaKind, string)) string {
	if thought, rest, ok := strings.Cut(text, t.close); ok {
		say(wit.DeltaKindThinking, thought)
		t.where, t.kept = before, "" // it may begin once more
		return rest
	}
	certain := len(text) // but for the longest beginning of the closing tag that the text ends with
	for n := min(len(text), len(t.close)-1); n > 0; n-- {
		if strings.HasPrefix(t.close, text[len(text)-n:]) {
			certain -= n
			break
		}
	}
	say(wit.DeltaKindThinking, text[:certain])
	if t.where == unopened {
		t.keep(text[:certain])
	}
	t.held = text[certain:]
	return ""
}

// apart says that the server gives the thinking apart: then a text is the answer, whatever the model's template opens.
func (t *tags) apart() {
	if t.where == opened {
		t.where = before
	}
}

// keep keeps a piece of a thinking that may be the answer. Once it is too long it is none.
func (t *tags) keep(text string) {
	if t.kept += text; len(t.kept) > maxKept {
		t.where, t.kept = inside, ""
	}
}

// flush says what was held, which was no tag after all. finished says that the model has said all that it wanted to: then
// a thinking that no tag began or ended was the answer.
func (t *tags) flush(finished bool, say func(wit.DeltaKind, string)) {
	kind := wit.DeltaKindText
	switch {
	case t.where == unopened && finished:
		t.held = t.kept + t.held
	case t.where == inside || t.where == unopened:
		kind = wit.DeltaKindThinking
	}
	if t.where != before || t.close == "" || strings.TrimSpace(t.held) != "" {
		say(kind, t.held)
	}
	t.held = ""
}
