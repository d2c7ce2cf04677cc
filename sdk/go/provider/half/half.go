// Package half puts characters together that a server has split over two events.
package half

import (
	"bytes"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// Half is the first half of a character that a server has split over two events, as the escape \ud83d; empty when
// there is none. JSON writes a character such as an emoji as two escapes, and some servers cut between them.
type Half string

// Join is the text of value with the half before it, but for a half at its end, which is kept. It works on the escapes,
// since a text in Go cannot hold half a character.
func (h *Half) Join(value json.Value) string {
	if !value.IsText() {
		return ""
	}
	raw := value.Raw()
	if *h == "" && firstHalf(raw[:len(raw)-1]) == nil {
		return value.Text()
	}
	inside := string(*h) + string(raw[1:len(raw)-1])
	end := len(inside) - len(firstHalf([]byte(inside)))
	*h = Half(inside[end:])
	whole, _ := json.ParseText(`"` + inside[:end] + `"`) // it was valid, and so are its parts
	return whole.Text()
}

// Rest is what stands for a half that stayed alone.
func (h *Half) Rest() string {
	if *h == "" {
		return ""
	}
	*h = ""
	return "\uFFFD"
}

// firstHalf is the escape of a first half that the inside of a JSON text ends in, nil for none.
func firstHalf(inside []byte) []byte {
	const length = len(`\ud83d`)
	if len(inside) < length {
		return nil
	}
	before, end := inside[:len(inside)-length], inside[len(inside)-length:]
	if end[0] != '\\' || end[1] != 'u' || end[2]|0x20 != 'd' || strings.IndexByte("89abAB", end[3]) < 0 {
		return nil
	}
	if backslashes := len(before) - len(bytes.TrimRight(before, `\`)); backslashes%2 == 1 {
		return nil // the backslash is itself escaped
	}
	return end
}
