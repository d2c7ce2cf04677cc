package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// imageURL is where the model can see an image: an address, or the image itself in a data URL. One in the gateway's
// media store is put into that URL by the gateway, so that it need not pass through the plugin.
func imageURL(part *wit.Part) string {
	if part.Kind != wit.PartKindImage || part.Media == nil || *part.Media == "" {
		return ""
	}
	media := *part.Media
	if strings.HasPrefix(media, "https://") || strings.HasPrefix(media, "data:") {
		return media
	}
	mime := "image/jpeg"
	if part.Mime != nil && strings.HasPrefix(*part.Mime, "image/") {
		mime = *part.Mime
	}
	return "data:" + mime + ";base64,{{media:" + media + "}}"
}

// embedded lists the images of users that the gateway has to put in. It shows no more of them than a request may have,
// and each once.
func embedded(chat *wit.Chat) []string {
	var list []string
	for i := range chat.Turns {
		turn := &chat.Turns[i]
		for j := range turn.Content {
			part := &turn.Content[j]
			if turn.Role == wit.RoleUser && strings.HasSuffix(imageURL(part), "}}") {
				list = append(list, *part.Media)
			}
		}
	}
	return list
}
