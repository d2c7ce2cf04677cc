package markup

import (
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// emphasisParser finds emphasis as CommonMark does, but for two things that models write and do not mean so. Stars within a word or
// a number, such as 2*3*4, are none; and behind the punctuation of East Asia, which no space follows, emphasis ends.
type emphasisParser struct{}

func (emphasisParser) Trigger() []byte { return []byte{'*', '_'} }

func (emphasisParser) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	before := block.PrecendingCharacter()
	line, segment := block.PeekLine()
	marks := parser.ScanDelimiter(line, before, 1, emphasisMarks{})
	if marks == nil {
		return nil
	}
	after, _ := utf8.DecodeRune(line[marks.OriginalLength:])
	if len(line) == marks.OriginalLength {
		after = '\n'
	}
	switch {
	case isWord(before) && isWord(after):
		marks.CanOpen, marks.CanClose = false, false
	case isEastAsian(before) || isEastAsian(after):
		marks.CanOpen = marks.CanOpen || marks.Char == '*' && !unicode.IsSpace(after)
		marks.CanClose = marks.CanClose || marks.Char == '*' && !unicode.IsSpace(before)
	}
	marks.Segment = segment.WithStop(segment.Start + marks.OriginalLength)
	block.Advance(marks.OriginalLength)
	pc.PushDelimiter(marks)
	return marks
}

// emphasisMarks pairs them up.
type emphasisMarks struct{}

func (emphasisMarks) IsDelimiter(b byte) bool { return b == '*' || b == '_' }

func (emphasisMarks) CanOpenCloser(opener, closer *parser.Delimiter) bool {
	return opener.Char == closer.Char
}

func (emphasisMarks) OnMatch(consumes int) ast.Node { return ast.NewEmphasis(consumes) }

// isWord reports whether a character is one of a word or a number in a script that puts spaces between them.
func isWord(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsDigit(r)) && !isEastAsian(r)
}

// isEastAsian reports whether a character is of a script without spaces, or of its punctuation.
func isEastAsian(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai) || r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef
}
