package toolserver

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/carapace-gateway/carapace/wit"
)

// maxFiles bounds what one result leaves with the gateway's files.
const maxFiles = 16

// output is a result in the gateway's words. Pictures, recordings and files are kept; who reads the result bounds its text.
func (t *Tool) output(ctx context.Context, res *mcp.CallToolResult) *wit.ToolOutput {
	out, files := &wit.ToolOutput{Failed: res.IsError}, 0
	keep := func(kind wit.PartKind, mime, name string, data []byte) {
		if files++; files > maxFiles {
			out.Content = append(out.Content, note("[a file is left out: a result may have "+strconv.Itoa(maxFiles)+"]"))
			return
		}
		out.Content = append(out.Content, t.kept(ctx, kind, mime, name, data))
	}
	for _, c := range res.Content {
		switch c := c.(type) {
		case *mcp.TextContent:
			out.Content = append(out.Content, t.text(c.Text))
		case *mcp.ImageContent:
			keep(wit.PartKindImage, c.MIMEType, "", c.Data)
		case *mcp.AudioContent:
			keep(wit.PartKindAudio, c.MIMEType, "", c.Data)
		case *mcp.ResourceLink:
			out.Content = append(out.Content, t.text("["+strings.TrimSpace(c.Name+" "+c.URI)+"]"))
		case *mcp.EmbeddedResource:
			if r := c.Resource; r != nil && len(r.Blob) > 0 {
				keep(kindOf(r.MIMEType), r.MIMEType, r.URI, r.Blob)
			} else if r != nil {
				out.Content = append(out.Content, t.text(r.Text))
			}
		}
	}
	if text, err := json.Marshal(res.StructuredContent); len(out.Content) == 0 && res.StructuredContent != nil && err == nil {
		out.Content = append(out.Content, t.text(string(text)))
	}
	return out
}

func note(text string) wit.Part { return wit.Part{Kind: wit.PartKindText, Text: &text} }

func (t *Tool) text(text string) wit.Part {
	return note(t.server.Redact(clip(text, wit.LimitToolTextBytes+1))) // one more than is kept, so that it is said that it is cut
}

// kept is a file of a result; where it cannot be kept, the words that say so.
func (t *Tool) kept(ctx context.Context, kind wit.PartKind, mime, uri string, data []byte) wit.Part {
	name := uri[strings.LastIndexByte(uri, '/')+1:]
	id, err := t.server.Keep(ctx, clip(mime, 100), clip(name, 100), data)
	if err != nil {
		return note("[a file of the result cannot be kept: " + clip(wit.AsError(err).Message, maxProblem) + "]")
	}
	p := wit.Part{Kind: kind, Media: &id}
	if mime != "" {
		p.Mime = &mime
	}
	return p
}

func kindOf(mime string) wit.PartKind {
	switch kind, _, _ := strings.Cut(mime, "/"); kind {
	case "image":
		return wit.PartKindImage
	case "audio":
		return wit.PartKindAudio
	}
	return wit.PartKindFile
}
