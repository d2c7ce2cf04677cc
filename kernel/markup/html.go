package markup

import (
	"html"
	"strings"

	"github.com/yuin/goldmark/ast"
	extension "github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"

	"github.com/carapace-gateway/carapace/wit"
)

// HTML shows a text as a piece of a page: paragraphs, headings, lists, tables, quotations, code and links, of which the addresses
// are safe. Of the dialect it has the spoiler alone. A picture is a link to it.
func (t Text) HTML(d *wit.Dialect) string {
	r := renderer.NewRenderer(renderer.WithNodeRenderers(
		util.Prioritized(ownNodes{d.Spoiler}, 100),
		util.Prioritized(extension.NewTableHTMLRenderer(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), 500),
		util.Prioritized(extension.NewStrikethroughHTMLRenderer(), 500),
		util.Prioritized(gmhtml.NewRenderer(gmhtml.WithHardWraps()), 1000),
	))
	var b strings.Builder
	_ = r.Render(&b, t.source, t.root) // a strings.Builder takes everything
	return strings.TrimSpace(b.String())
}

// ownNodes writes what goldmark knows nothing of, or writes for browsers alone.
type ownNodes struct{ spoiler wit.Mark }

func (o ownNodes) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(kindSpoiler, o.between)
	reg.Register(extast.KindTaskCheckBox, checkBoxHTML)
	reg.Register(ast.KindImage, imageHTML)
}

func (o ownNodes) between(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	mark := o.spoiler.Close
	if entering {
		mark = o.spoiler.Open
	}
	_, err := w.WriteString(mark)
	return ast.WalkContinue, err
}

func checkBoxHTML(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	sign := "☐ "
	if n.(*extast.TaskCheckBox).IsChecked {
		sign = "☑ "
	}
	_, err := w.WriteString(sign)
	return ast.WalkContinue, err
}

func imageHTML(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	url, shown := string(n.(*ast.Image).Destination), Text{source, n}.plainInline()
	if shown == "" {
		shown = url
	}
	if !isAddress(url) {
		_, err := w.WriteString(html.EscapeString(shown))
		return ast.WalkSkipChildren, err
	}
	_, err := w.WriteString(`<a href="` + html.EscapeString(url) + `">` + html.EscapeString(shown) + "</a>")
	return ast.WalkSkipChildren, err
}
