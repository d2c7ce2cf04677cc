package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// imageURL is where the model can see an image: an address, or the image itself in a data URL. One that is stored, in
// the gateway's media store, is put into that URL by the gateway, so that it need not pass through the plugin.
func imageURL(part *wit.Part) (url string, stored bool) {
	if part.Kind != wit.PartKindImage || part.Media == nil || *part.Media == "" {
		return "", false
	}
	media := *part.Media
	if strings.HasPrefix(media, "https://") || strings.HasPrefix(media, "data:") {
		return media, false
	}
	mime := "image/jpeg"
	if part.Mime != nil && strings.HasPrefix(*part.Mime, "image/") {
		mime = *part.Mime
	}
	return "data:" + mime + ";base64,{{media:" + media + "}}", true
}

// embedded lists the images and documents of users that the gateway has to put in. A chat from the gateway has no more of them than a
// request may embed, and each once.
func embedded(chat *wit.Chat) []string {
	var list []string
	for i := range chat.Turns {
		turn := &chat.Turns[i]
		for j := range turn.Content {
			part := &turn.Content[j]
			_, image := imageURL(part)
			_, document := documentURL(part)
			if (image || document) && turn.Role == wit.RoleUser {
				list = append(list, *part.Media)
			}
		}
	}
	return list
}
