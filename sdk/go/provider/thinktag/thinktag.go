// Package thinktag takes the thinking out of texts in which models write it in tags.
package thinktag

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Tags takes the thinking out of a text that begins with it, as many models at home write it: <think>…</think>, then
// the answer. Only the beginning counts: further on, a tag is a word that the model speaks of. A tag may be split over
// any number of pieces.
//
// The templates of some models open the thinking themselves, at the end of the prompt, so that a text begins inside of it
// and only </think> comes; Opened says that one does. What is given out as a text cannot be taken back, and what
// is given out as thinking can be said once more. So such a text is thinking until it is closed, and all of it is the answer
// after all when the model finishes without that.
type Tags struct {
	Where Place
	Close string // the tag that ends the thinking; set inside of it
	Held  string // what came and may be a part of a tag
	Kept  string // the thinking so far that no tag began, at most maxKept of it
}

// maxKept bounds what is kept for an answer that is never closed, for it travels in the state. What is longer is thinking.
const maxKept = 64 << 10

// Closing ends a thinking that no tag began.
const Closing = "</think>"

// Place is how far a text has come.
type Place int64

const (
	Before   Place = iota // nothing but blanks, and thinking that has ended
	Inside                // in the thinking
	After                 // in the answer
	Opened                // as before, and what follows is thinking even without a tag
	Unopened              // in a thinking that no tag began
)

// pairs are the tags that models use.
var pairs = [...]struct{ open, close string }{
	{"<think>", "</think>"}, {"<thinking>", "</thinking>"}, {"<thought>", "</thought>"},
	{"<reasoning>", "</reasoning>"}, {"<seed:think>", "</seed:think>"}, {"[THINK]", "[/THINK]"},
}

// Split says what of a text is thinking and what is the answer, as far as that is certain. The rest is held: "<thi" is
// said as a text when "ck" follows, and not when "nk>" does.
func (t *Tags) Split(text string, say func(wit.DeltaKind, string)) {
	text, t.Held = t.Held+text, ""
	for text != "" {
		switch t.Where {
		case Before, Opened:
			text = t.begin(text)
		case Inside, Unopened:
			text = t.think(text, say)
		case After:
			say(wit.DeltaKindText, text)
			return
		}
	}
}

// begin looks for a tag, and returns what is left to be read in the place that it leads to. Blanks before the answer are
// its own, unless thinking stood before them.
func (t *Tags) begin(text string) string {
	trimmed := strings.TrimLeft(text, " \t\r\n")
	for _, pair := range pairs {
		if rest, ok := strings.CutPrefix(trimmed, pair.open); ok {
			t.Where, t.Close = Inside, pair.close
			return rest
		}
	}
	for _, pair := range pairs {
		if strings.HasPrefix(pair.open, trimmed) { // blanks alone are the beginning of each
			t.Held = text
			return ""
		}
	}
	switch {
	case t.Where == Opened:
		t.Where, t.Close = Unopened, Closing
		return text
	case t.Close != "":
		text = trimmed // the blanks belonged to the thinking
	}
	t.Where = After
	return text
}

// think says the thinking up to its end, and returns what follows. What may be the beginning of the end is held.
func (t *Tags) think(text string, say func(wit.DeltaKind, string)) string {
	if thought, rest, ok := strings.Cut(text, t.Close); ok {
		say(wit.DeltaKindThinking, thought)
		t.Where, t.Kept = Before, "" // it may begin once more
		return rest
	}
	certain := len(text) // but for the longest beginning of the closing tag that the text ends with
	for n := min(len(text), len(t.Close)-1); n > 0; n-- {
		if strings.HasPrefix(t.Close, text[len(text)-n:]) {
			certain -= n
			break
		}
	}
	say(wit.DeltaKindThinking, text[:certain])
	if t.Where == Unopened {
		t.keep(text[:certain])
	}
	t.Held = text[certain:]
	return ""
}

// Apart says that the server gives the thinking apart: then a text is the answer, whatever the model's template opens.
func (t *Tags) Apart() {
	if t.Where == Opened {
		t.Where = Before
	}
}

// keep keeps a piece of a thinking that may be the answer. Once it is too long it is none.
func (t *Tags) keep(text string) {
	if t.Kept += text; len(t.Kept) > maxKept {
		t.Where, t.Kept = Inside, ""
	}
}

// Flush says what was held, which was no tag after all. finished says that the model has said all that it wanted to: then
// a thinking that no tag began or ended was the answer.
func (t *Tags) Flush(finished bool, say func(wit.DeltaKind, string)) {
	kind := wit.DeltaKindText
	switch {
	case t.Where == Unopened && finished:
		t.Held = t.Kept + t.Held
	case t.Where == Inside || t.Where == Unopened:
		kind = wit.DeltaKindThinking
	}
	if t.Where != Before || t.Close == "" || strings.TrimSpace(t.Held) != "" {
		say(kind, t.Held)
	}
	t.Held = ""
}
