package gemini

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// media adds a picture, a recording or a document that the model can be shown: its bytes, which the gateway puts in, so
// that they need not pass through the plugin; or its address.
func media(list json.Array, part *wit.Part) (json.Array, bool) {
	mime := mimeOf(part)
	if mime == "" || part.Media == nil || *part.Media == "" {
		return list, false
	}
	at := *part.Media
	if strings.HasPrefix(at, "https://") {
		return list.Object(func(o json.Object) json.Object {
			return o.Object("fileData", func(o json.Object) json.Object { return o.Text("mimeType", mime).Text("fileUri", at) })
		}), true
	}
	data := "{{media:" + at + "}}"
	if url, ok := strings.CutPrefix(at, "data:"); ok {
		kind, bytes, encoded := strings.Cut(url, ";base64,")
		if !encoded || kind == "" {
			return list, false
		}
		mime, data = kind, bytes
	}
	return list.Object(func(o json.Object) json.Object {
		return o.Object("inlineData", func(o json.Object) json.Object { return o.Text("mimeType", mime).Text("data", data) })
	}), true
}

// mimeOf is the type of what the model can be shown, "" for what it cannot.
func mimeOf(part *wit.Part) string {
	mime := ""
	if part.Mime != nil {
		mime, _, _ = strings.Cut(*part.Mime, ";")
	}
	switch {
	case part.Kind == wit.PartKindImage && strings.HasPrefix(mime, "image/"):
		return mime
	case part.Kind == wit.PartKindImage:
		return "image/jpeg"
	case part.Kind == wit.PartKindAudio && strings.HasPrefix(mime, "audio/"):
		return mime
	case part.Kind == wit.PartKindFile && mime == "application/pdf":
		return mime
	}
	return ""
}

// isPicture reports whether a part is a picture that the model can be shown.
func isPicture(part *wit.Part) bool {
	return part.Kind == wit.PartKindImage && part.Media != nil && *part.Media != ""
}

// embedded lists the files of users, and the pictures of tools, that the gateway has to put in. A chat from the gateway has no more of them than a
// request may embed, and each once.
func embedded(chat *wit.Chat) []string {
	var list []string
	for i := range chat.Turns {
		turn := &chat.Turns[i]
		for j := range turn.Content {
			part := &turn.Content[j]
			shown := turn.Role == wit.RoleUser && mimeOf(part) != "" || turn.Role == wit.RoleTool && isPicture(part)
			if !shown || part.Media == nil || *part.Media == "" {
				continue
			}
			if at := *part.Media; !strings.HasPrefix(at, "https://") && !strings.HasPrefix(at, "data:") {
				list = append(list, at)
			}
		}
	}
	return list
}
