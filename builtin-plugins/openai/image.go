package openai

import (
	"slices"
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

// displayed are the turns with the pictures of tools behind the results that stand together, said by the user: for most servers a
// result is a text. See "Chat Completions" in the reference of OpenAI's API, the content of a tool's message.
func displayed(turns []wit.ChatTurn) []wit.ChatTurn {
	if !slices.ContainsFunc(turns, hasResultPictures) {
		return turns
	}
	var list []wit.ChatTurn
	var pictures []wit.Part
	for i := range turns {
		list = append(list, turns[i])
		if hasResultPictures(turns[i]) {
			for _, part := range turns[i].Content {
				if url, _ := imageURL(&part); url != "" {
					pictures = append(pictures, part)
				}
			}
		}
		if len(pictures) > 0 && (i+1 == len(turns) || turns[i+1].Role != wit.RoleTool) {
			words := wit.Part{Kind: wit.PartKindText, Text: new("The pictures of these results:")}
			list = append(list, wit.ChatTurn{Role: wit.RoleUser, Content: append([]wit.Part{words}, pictures...)})
			pictures = nil
		}
	}
	return list
}

// hasResultPictures reports whether a turn is a tool's that gives pictures.
func hasResultPictures(turn wit.ChatTurn) bool {
	return turn.Role == wit.RoleTool && slices.ContainsFunc(turn.Content, func(part wit.Part) bool {
		url, _ := imageURL(&part)
		return url != ""
	})
}

// embedded lists the images and documents of users, and the images of tools, that the gateway has to put in. A chat from the gateway has
// no more of them than a request may embed, and each once.
func embedded(chat *wit.Chat) []string {
	var list []string
	for i := range chat.Turns {
		turn := &chat.Turns[i]
		for j := range turn.Content {
			part := &turn.Content[j]
			_, image := imageURL(part)
			_, document := documentURL(part)
			if turn.Role == wit.RoleUser && (image || document) || turn.Role == wit.RoleTool && image {
				list = append(list, *part.Media)
			}
		}
	}
	return list
}
