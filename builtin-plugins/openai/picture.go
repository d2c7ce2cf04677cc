package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// pictureFields are where pictures stand that a model has made, which the gateway takes out.
func pictureFields(responses bool) []string {
	if responses {
		return []string{"item.result", "output.result"} // of an item as it is done, and of all in the end
	}
	return []string{"delta.images.image_url.url", "message.images.image_url.url"}
}

// draws reports whether a model is asked for pictures in chat completions, which have no tool for that: OpenRouter, and servers like
// it, give them with the words of models that make them, if they are asked for both, and refuse it of others. Their names say so.
func (c *config) draws(model string) bool {
	return c.pictures && strings.Contains(strings.ToLower(model), "image")
}

// pictures reads what a piece of a message has of them:
//
//	{"images":[{"type":"image_url","image_url":{"url":"…"}}]}
//
// where the URL is what the gateway has put in the place of a data: URL.
func (s *state) pictures(images json.Value, answer *wit.ProviderAnswer) {
	for image := range images.Items() {
		if id := image.Get("image_url").Get("url").Text(); id != "" {
			answer.Files = append(answer.Files, wit.MadeFile{Media: &id})
			s.spoke = true
		}
	}
}
