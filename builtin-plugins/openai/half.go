package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// half is the first half of a character that a server has split over two events, as the escape \ud83d; empty when
// there is none. JSON writes a character such as an emoji as two escapes, and some servers cut between them.
type half string

// join is the text of value with the half before it, but for a half at its end, which is kept. It works on the escapes,
// since a text in Go cannot hold half a character.
func (h *half) join(value json.Value) string {
	if !value.IsText() {
		return ""
	}
	raw := string(value.Raw())
	inside := string(*h) + raw[1:len(raw)-1]
	end := len(inside) - len(firstHalf(inside))
	*h = half(inside[end:])
	whole, _ := json.ParseText(`"` + inside[:end] + `"`) // it was valid, and so are its parts
	return whole.Text()
}

// rest is what stands for a half that stayed alone.
func (h *half) rest() string {
	if *h == "" {
		return ""
	}
	*h = ""
	return "\uFFFD"
}

// firstHalf is the escape of a first half that a JSON text ends in.
func firstHalf(inside string) string {
	const length = len(`\ud83d`)
	if len(inside) < length {
		return ""
	}
	end := inside[len(inside)-length:]
	if !strings.HasPrefix(end, `\u`) || end[2]|0x20 != 'd' || strings.IndexByte("89abAB", end[3]) < 0 {
		return ""
	}
	before := inside[:len(inside)-length]
	if backslashes := len(before) - len(strings.TrimRight(before, `\`)); backslashes%2 == 1 {
		return "" // the backslash is itself escaped
	}
	return end
}
