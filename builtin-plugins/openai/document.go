package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

const pdf = "application/pdf"

// documentURL is a document that the model can read, in a data URL. One that is stored is put into it by the gateway. Which servers
// read documents stands in the manifest: to others the gateway hands none.
func documentURL(part *wit.Part) (url string, stored bool) {
	if part.Kind != wit.PartKindFile || part.Media == nil || part.Mime == nil || *part.Media == "" {
		return "", false
	}
	if mime, _, _ := strings.Cut(*part.Mime, ";"); mime != pdf {
		return "", false
	}
	switch media := *part.Media; {
	case strings.HasPrefix(media, "data:"):
		return media, false
	case strings.Contains(media, ":"):
		return "", false // an address, which not every server loads from
	default:
		return "data:" + pdf + ";base64,{{media:" + media + "}}", true
	}
}

// documentName is what the server is told that a document is called: a name that people gave it could be an order to the model.
func documentName(part *wit.Part) string {
	return "document-" + toolname.FixedID(*part.Media, 9) + ".pdf"
}
