// Package markup reads the Markdown that models write, once, and shows it as platforms take it: without any marks, in a dialect
// that is described as data, or as HTML.
//
// The Markdown is CommonMark (github.com/yuin/goldmark parses it) with GitHub's tables, strike-through and task lists, and with
// spoilers, ||such as this||. HTML in it is text like any other. A line's end is shown as one, and a line of dashes below a text is a
// rule and makes no heading of it.
//
// All functions are pure and may be used concurrently. They accept any bytes, and put U+FFFD in the place of what is no UTF-8.
package markup

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark/ast"
	extension "github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what is read: the time that a hostile text takes grows with the square of its length and of its depth.
const (
	// maxLength is how long a text is, in bytes, that has marks. A longer one is shown as it was written.
	maxLength = 64 << 10
	// maxDepth is how deep quotations and lists stand in each other.
	maxDepth = 16
)

// Text is a text that was read. It may be used by several goroutines.
type Text struct {
	source []byte
	root   ast.Node
}

// Parse reads a text.
func Parse(markdown string) Text {
	source := []byte(strings.ToValidUTF8(strings.ReplaceAll(markdown, "\r\n", "\n"), "\uFFFD"))
	if len(source) <= maxLength {
		return Text{source, newParser().Parse(text.NewReader(source))}
	}
	root, paragraph := ast.NewDocument(), ast.NewParagraph()
	for line := range strings.Lines(string(source)) {
		words, ended := strings.CutSuffix(line, "\n")
		paragraph.AppendChild(paragraph, ast.NewString([]byte(words)))
		if ended {
			paragraph.AppendChild(paragraph, lineEnd())
		}
	}
	root.AppendChild(root, paragraph)
	return Text{source, root}
}

// lineEnd is the end of a line, without words before it.
func lineEnd() ast.Node {
	end := ast.NewTextSegment(text.NewSegment(0, 0))
	end.SetSoftLineBreak(true)
	return end
}

// shallow is a parser of blocks that others stand in, up to a depth.
type shallow struct{ parser.BlockParser }

func (s shallow) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	depth := 0
	for n := parent; n != nil && depth <= maxDepth; n = n.Parent() {
		depth++
	}
	if depth > maxDepth {
		return nil, parser.NoChildren
	}
	return s.BlockParser.Open(parent, reader, pc)
}

// newParser knows CommonMark but for HTML, which would not be shown. A parser keeps notes while it reads, so each text has one.
func newParser() parser.Parser {
	return parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(shallow{parser.NewListParser()}, 300),
			util.Prioritized(shallow{parser.NewListItemParser()}, 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(shallow{parser.NewBlockquoteParser()}, 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(extension.NewTaskCheckBoxParser(), 0),
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewLinkParser(), 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(spoilerParser{}, 450),
			util.Prioritized(emphasisParser{}, 500),
			util.Prioritized(extension.NewStrikethroughParser(), 500),
		),
		parser.WithParagraphTransformers(
			util.Prioritized(parser.LinkReferenceParagraphTransformer, 100),
			util.Prioritized(extension.NewTableParagraphTransformer(), 200),
		),
		parser.WithASTTransformers(util.Prioritized(extension.NewTableASTTransformer(), 0)),
	)
}

// Empty reports whether nothing is to be seen of a text without its marks.
func (t Text) Empty() bool {
	seen := false
	_ = ast.Walk(t.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			seen = len(bytes.TrimSpace(n.Segment.Value(t.source))) > 0
		case *ast.String:
			seen = len(bytes.TrimSpace(n.Value)) > 0
		case *ast.Link:
			seen = len(n.Destination) > 0
		case *ast.Image:
			seen = len(n.Destination) > 0
		case *ast.AutoLink, *ast.ThematicBreak:
			seen = true
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			seen = len(bytes.TrimSpace(n.Lines().Value(t.source))) > 0
		}
		if seen {
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil
	})
	return !seen
}

// Plain shows a text without any marks.
func Plain(markdown string) string { return Parse(markdown).Plain() }

// Plain shows the text without any marks.
func (t Text) Plain() string { return t.In(&plain) }

// plain is the dialect of a platform that shows text as it is. A link's address stands behind it.
var plain = wit.Dialect{Bullet: "- "}
