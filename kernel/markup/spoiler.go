package markup

import (
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// spoiler is a text that is shown when somebody wants to see it.
type spoiler struct{ ast.BaseInline }

// kindSpoiler is the kind of a spoiler.
var kindSpoiler = ast.NewNodeKind("Spoiler")

func (*spoiler) Kind() ast.NodeKind { return kindSpoiler }

func (s *spoiler) Dump(source []byte, level int) { ast.DumpHelper(s, source, level, nil, nil) }

// spoilerParser finds pairs of two bars, around words and not within them: a||b||c is something else.
type spoilerParser struct{}

func (spoilerParser) Trigger() []byte { return []byte{'|'} }

func (spoilerParser) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	before := block.PrecendingCharacter()
	line, segment := block.PeekLine()
	bars := parser.ScanDelimiter(line, before, 2, spoilerBars{})
	if bars == nil || bars.OriginalLength != 2 {
		return nil
	}
	after, _ := utf8.DecodeRune(line[bars.OriginalLength:])
	bars.CanOpen = bars.CanOpen && !isWord(before) && !unicode.In(before, unicode.Pe)
	bars.CanClose = bars.CanClose && !isWord(after) && !unicode.In(after, unicode.Ps)
	bars.Segment = segment.WithStop(segment.Start + bars.OriginalLength)
	block.Advance(bars.OriginalLength)
	pc.PushDelimiter(bars)
	return bars
}

// spoilerBars pairs them up.
type spoilerBars struct{}

func (spoilerBars) IsDelimiter(b byte) bool { return b == '|' }

func (spoilerBars) CanOpenCloser(opener, closer *parser.Delimiter) bool {
	return opener.Char == closer.Char
}

func (spoilerBars) OnMatch(int) ast.Node { return &spoiler{} }
