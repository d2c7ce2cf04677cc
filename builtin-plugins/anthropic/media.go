package anthropic

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// source is a file that the model is shown.
type source struct {
	kind   string // image or document
	url    string
	mime   string // of one that is stored, or written in the part itself
	data   string
	stored bool // in the gateway's media store, which puts it in, so that it need not pass through the plugin
}

// pictures are the types that the models see; see platform.claude.com/docs, Vision.
var pictures = [...]string{"image/jpeg", "image/png", "image/gif", "image/webp"}

const pdf = "application/pdf"

// sourceOf is what a part shows; nil where that is nothing that the models can see.
func sourceOf(part *wit.Part) *source {
	if part.Media == nil || *part.Media == "" {
		return nil
	}
	s, media := &source{}, *part.Media
	if part.Mime != nil {
		s.mime, _, _ = strings.Cut(strings.ToLower(*part.Mime), ";")
	}
	switch {
	case part.Kind == wit.PartKindImage && s.mime == "":
		s.kind, s.mime = "image", pictures[0]
	case part.Kind == wit.PartKindImage && slices.Contains(pictures[:], s.mime):
		s.kind = "image"
	case part.Kind == wit.PartKindFile && s.mime == pdf:
		s.kind = "document"
	default:
		return nil
	}
	if strings.HasPrefix(media, "https://") {
		s.url = media
		return s
	}
	if inline, ok := strings.CutPrefix(media, "data:"); ok {
		s.mime, s.data, _ = strings.Cut(inline, ";base64,")
		return s
	}
	s.stored, s.data = true, "{{media:"+media+"}}"
	return s
}

// block adds the block that shows it.
func (s *source) block(o json.Object) json.Object {
	return o.Text("type", s.kind).Object("source", func(o json.Object) json.Object {
		if s.url != "" {
			return o.Text("type", "url").Text("url", s.url)
		}
		return o.Text("type", "base64").Text("media_type", s.mime).Text("data", s.data)
	})
}
