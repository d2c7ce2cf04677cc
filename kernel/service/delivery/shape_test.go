package delivery_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// TestADialectIsSentBesideThePlainText: a channel gets the text without marks, and the same as it writes them.
func TestADialectIsSentBesideThePlainText(t *testing.T) {
	starred := wit.Dialect{Bold: wit.Mark{Open: "*", Close: "*"}, Escaping: wit.EscapingEntities}
	for name, tt := range map[string]struct {
		facts           wit.ChannelFacts
		in, text, shown string
	}{
		"marks":           {wit.ChannelFacts{Markup: wit.MarkupMarks, Dialect: starred}, "**a** & b", "a & b", "*a* &amp; b"},
		"html":            {wit.ChannelFacts{Markup: wit.MarkupHTML}, "**a** & b", "a & b", "<p><strong>a</strong> &amp; b</p>"},
		"the same":        {wit.ChannelFacts{Markup: wit.MarkupMarks, Dialect: starred}, "a b", "a b", ""},
		"nothing to see":  {wit.ChannelFacts{Markup: wit.MarkupMarks, Dialect: starred}, "```\n```", "```\n```", ""},
		"plain":           {wit.ChannelFacts{Markup: wit.MarkupPlain}, "**a** & b", "a & b", ""},
		"without a word":  {wit.ChannelFacts{}, "**a** & b", "a & b", ""},
		"markdown itself": {wit.ChannelFacts{Markup: wit.MarkupMarkdown}, "**a** & b", "**a** & b", ""},
	} {
		inBubble(name, t, func(t *testing.T) {
			sent := delivered(t, tt.facts, tt.in)
			if len(sent) != 1 || sent[0].Text != tt.text || text(sent[0].Formatted) != tt.shown {
				t.Errorf("sent %+v", sent)
			}
		})
	}
}

// delivered is what a channel with these facts is sent of a text.
func delivered(t *testing.T, facts wit.ChannelFacts, s string) (sent []*wit.ChannelSend) {
	w := newWorld(t)
	w.facts = facts
	w.answer = func(_ context.Context, _ int, s *wit.ChannelSend) (*wit.Sent, error) {
		sent = append(sent, s)
		return &wit.Sent{IDs: []string{s.IdempotencyKey}}, nil
	}
	_, stop := w.run()
	w.enqueue(outgoing("m", "c", s))
	time.Sleep(time.Minute)
	synctest.Wait()
	stop()
	return sent
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// TestPiecesFitInTheirDialect: what grows by its marks is cut further, and nothing of it is lost.
func TestPiecesFitInTheirDialect(t *testing.T) {
	inBubble("entities", t, func(t *testing.T) {
		facts := wit.ChannelFacts{Markup: wit.MarkupMarks, MaxLength: 200, LengthUnit: wit.LengthUnitCharacters,
			Dialect: wit.Dialect{Escaping: wit.EscapingEntities, Bold: wit.Mark{Open: "*", Close: "*"}}}
		count := 0
		for _, s := range delivered(t, facts, strings.Repeat("**<&>** ", 60)) {
			count += strings.Count(s.Text, "<&>")
			if n := utf8.RuneCountInString(text(s.Formatted)); n > 200 || n == 0 {
				t.Errorf("%d characters: %q", n, text(s.Formatted))
			}
		}
		if count != 60 {
			t.Errorf("%d of 60 arrived", count)
		}
	})
}

// TestATableIsCountedAsItIsSeen: it is padded, so that it may be longer than it was written.
func TestATableIsCountedAsItIsSeen(t *testing.T) {
	inBubble("padded", t, func(t *testing.T) {
		facts := wit.ChannelFacts{Markup: wit.MarkupMarks, MaxLength: 2000, LengthUnit: wit.LengthUnitCharacters,
			Dialect: wit.Dialect{Shown: true, Block: wit.Mark{Open: "<pre>", Close: "</pre>"}}}
		rows := 0
		for _, s := range delivered(t, facts, "| "+strings.Repeat("x", 40)+" | y |\n|---|---|\n"+strings.Repeat("|a|b|\n", 100)) {
			shown := text(s.Formatted)
			if shown == "" {
				shown = s.Text
			}
			rows += strings.Count(shown, "a")
			if n := utf8.RuneCountInString(shown); n > 2000+len("<pre></pre>") {
				t.Errorf("%d characters", n)
			}
		}
		if rows != 100 {
			t.Errorf("%d of 100 rows", rows)
		}
	})
}
