package matrix

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// mentions reports whether a message is for the account: as its program says ("User and room mentions"), by a link to
// it, or by its id in the text. Its name alone counts where the program does not say whom it mentions.
func (p *place) mentions(content json.Value, text string) bool {
	me := p.State.me
	if me.id == "" {
		return false
	}
	said := content.Get("m.mentions")
	for who := range said.Get("user_ids").Items() {
		if who.Text() == me.id {
			return true
		}
	}
	if linksTo(content.Get("formatted_body").Text(), me.id) || hasWord(text, me.id) {
		return true
	}
	if said.Exists() {
		return false
	}
	local, _, _ := strings.Cut(strings.TrimPrefix(me.id, "@"), ":")
	return hasWord(text, me.name) || hasWord(text, local)
}

// linksTo reports whether HTML has a link to a user, as programs show mentions ("matrix.to navigation", "Matrix URI
// scheme").
func linksTo(html, user string) bool {
	for _, scheme := range []string{"matrix.to/#/", "matrix:u/"} {
		for rest, found := html, true; found; {
			if _, rest, found = strings.Cut(rest, scheme); !found {
				break
			}
			target := rest
			if end := strings.IndexAny(target, "\"'?&<> "); end >= 0 {
				target = target[:end]
			}
			if target = unescape(target); scheme == "matrix:u/" {
				target = "@" + target
			}
			if target == user {
				return true
			}
		}
	}
	return false
}

// unescape reads what stands in an address with percent signs.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, low := digit(s[i+1]), digit(s[i+2])
			if high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// digit is the value of a hexadecimal digit, -1 of what is none.
func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// hasWord reports whether a text has a name in it that is no part of a longer one. It does not mind upper case.
func hasWord(text, name string) bool {
	if name == "" {
		return false
	}
	text, name = strings.ToLower(text), strings.ToLower(name)
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		begin, end := from+i, from+i+len(name)
		before, _ := utf8.DecodeLastRuneInString(text[:begin])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if !isPart(before) && !isPart(after) {
			return true
		}
		from = begin + 1
	}
}

// isPart reports whether a character beside a name makes it a part of a longer one.
func isPart(c rune) bool {
	return c != utf8.RuneError && (unicode.IsLetter(c) || unicode.IsDigit(c) || c == '_')
}
