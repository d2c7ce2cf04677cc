package text

import (
	"github.com/carapace-gateway/carapace/kernel/markup"
	"github.com/carapace-gateway/carapace/wit"
)

// Pieces cuts a text into what a channel takes as one message each. They are Markdown, of which Shown makes what is sent.
func Pieces(s string, facts *wit.ChannelFacts) (pieces []string) {
	limits := LimitsOf(facts)
	for _, t := range Chunk(Shaped(s, facts), limits) {
		pieces = append(pieces, fitting(t, limits, limits.MaxLength, facts)...)
	}
	return pieces
}

// Shaped is a text as it is queued for a channel: without marks for one that shows none, else as Markdown.
func Shaped(s string, facts *wit.ChannelFacts) string {
	if facts.Markup == wit.MarkupPlain || facts.Markup == "" {
		return markup.Plain(s)
	}
	return s
}

// leastRoom is the length of pieces that are not cut any further, however long they are in a channel's dialect.
const leastRoom = 64

// fitting cuts a piece that is longer in a channel's dialect than it was, into pieces of half the room, and so on.
func fitting(s string, limits Limits, room int, facts *wit.ChannelFacts) (pieces []string) {
	if limits.fits("", counted(s, facts)) || room <= leastRoom {
		return []string{s}
	}
	narrow := limits
	narrow.MaxLength = room / 2
	for _, t := range Chunk(s, narrow) {
		pieces = append(pieces, fitting(t, limits, room/2, facts)...)
	}
	return pieces
}

// leastWhole is how long a text is that no platform can take for too long, in bytes.
const leastWhole = 256

// Halves cuts a piece into pieces of about half of its length, for a platform that takes less than its channel declares; one that is
// short already stays whole.
func Halves(s string, facts *wit.ChannelFacts) []string {
	if len(s) < leastWhole {
		return []string{s}
	}
	limits := LimitsOf(facts)
	limits.MaxLength = limits.length(s)/2 + 1
	return Chunk(s, limits)
}

// counted is what a platform counts of a piece.
func counted(s string, facts *wit.ChannelFacts) string {
	if facts.Markup == wit.MarkupMarks && facts.Dialect.Shown {
		return markup.Parse(s).Seen(&facts.Dialect)
	}
	plain, formatted := Shown(s, facts)
	if formatted != nil && facts.Markup == wit.MarkupMarks {
		return *formatted
	}
	return plain
}

// Shown is a piece as a channel is sent it. Of a text in which nothing is left to be seen without its marks, it is the text as it
// was written.
func Shown(s string, facts *wit.ChannelFacts) (plain string, formatted *string) {
	if facts.Markup != wit.MarkupHTML && facts.Markup != wit.MarkupMarks {
		return s, nil
	}
	parsed := markup.Parse(s)
	if parsed.Empty() {
		return s, nil
	}
	var f string
	if facts.Markup == wit.MarkupHTML {
		f = parsed.HTML(&facts.Dialect)
	} else {
		f = parsed.In(&facts.Dialect)
	}
	if plain = parsed.Plain(); f == plain {
		return plain, nil
	}
	return plain, &f
}
