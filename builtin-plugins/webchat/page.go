package webchat

import (
	"embed"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// The page's files as they are served: there is no build, and nothing of anybody else.
//
//go:embed page
var files embed.FS

// Page gives a file of the page.
func (Webchat) Page(_ *sdk.Host, query *wit.PageQuery) (*wit.PageFile, error) {
	name := query.Name
	if name == "" {
		name = "index.html"
	}
	text, err := files.ReadFile("page/" + name)
	if err != nil {
		return nil, wit.NewError(wit.CodeNotFound, "the page has no such file")
	}
	return &wit.PageFile{Text: string(text)}, nil
}
