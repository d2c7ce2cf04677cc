package signal

import (
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// Signal keeps a text plain, and says apart which stretches of it look how (send, --text-style). The kernel writes them as tags, which
// plugin.json declares, with < and & escaped; so each < begins a tag.

// styles are what tags mean to Signal.
var styles = map[string]string{"b": "BOLD", "i": "ITALIC", "s": "STRIKETHROUGH", "spoiler": "SPOILER", "code": "MONOSPACE"}

// styled is a text with its stretches, each "start:length:STYLE" in UTF-16 units.
type styled struct {
	text   string
	styles []string
}

// style reads a text with tags. A tag that nothing ends holds for nothing.
func style(formatted string) styled {
	var out strings.Builder
	var list []string
	begun, at := map[string]int{}, 0
	for {
		text, rest, tag := strings.Cut(formatted, "<")
		text = unescape(text)
		out.WriteString(text)
		at += units(text)
		if !tag {
			return styled{out.String(), list}
		}
		var name string
		name, formatted, _ = strings.Cut(rest, ">")
		name, ends := strings.CutPrefix(name, "/")
		if begin, open := begun[name]; !ends {
			begun[name] = at
		} else if open && at > begin && styles[name] != "" {
			list = append(list, strconv.Itoa(begin)+":"+strconv.Itoa(at-begin)+":"+styles[name])
			delete(begun, name)
		}
	}
}

// unescape writes a text's own characters again.
func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&amp;", "&").Replace(s)
}

// units is the length of a text in UTF-16.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// offsets maps each UTF-16 offset, including the end, to the byte where it is. Both halves of a character that UTF-16 writes as
// two map to its first byte.
func offsets(s string) []int {
	out := make([]int, 0, len(s)+1)
	for i, r := range s {
		for range max(1, utf16.RuneLen(r)) {
			out = append(out, i)
		}
	}
	return append(out, len(s))
}

// add adds a text and its styles to the parameters of a message.
func (t styled) add(o json.Object) json.Object {
	o = o.Text("message", t.text)
	if len(t.styles) == 0 {
		return o
	}
	list := json.Array{}
	for _, s := range t.styles {
		list = list.Add(json.Text(s))
	}
	return o.Raw("textStyle", list.JSON())
}
