package mail

import (
	"encoding/base64"
	"strings"
)

// header is the fields of a mail or of a part of one, unfolded, in their order.
type header []field

type field struct{ name, value string }

// maxFields bounds those that are read.
const maxFields = 300

// cutHeader reads the fields in front of the first empty line, and returns what is behind it.
func cutHeader(text string) (h header, body string) {
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		line = strings.TrimSuffix(line, "\r")
		text = rest
		if line == "" {
			break
		}
		if (line[0] == ' ' || line[0] == '\t') && len(h) > 0 {
			if last := &h[len(h)-1]; len(last.value) < 8<<10 {
				last.value += " " + strings.TrimSpace(line)
			}
			continue
		}
		if name, value, ok := strings.Cut(line, ":"); ok && len(h) < maxFields {
			h = append(h, field{lower(strings.TrimSpace(name)), strings.TrimSpace(value)})
		}
	}
	return h, text
}

// get returns the first field with a name, in lower case, "" where there is none.
func (h header) get(name string) string {
	for _, f := range h {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

func (h header) has(name string) bool { return h.get(name) != "" }

// cutParams reads a value with parameters: `text/plain; charset="utf-8"` (RFC 2045).
func cutParams(value string) (first string, params map[string]string) {
	first, rest, _ := strings.Cut(value, ";")
	p := pieces{}
	for rest != "" && len(p) < maxPieces {
		var name, text string
		name, rest, _ = strings.Cut(rest, "=")
		if rest = strings.TrimLeft(rest, " "); strings.HasPrefix(rest, `"`) {
			text, rest = cutQuoted(rest[1:])
			_, rest, _ = strings.Cut(rest, ";")
		} else {
			text, rest, _ = strings.Cut(rest, ";")
			text = strings.TrimSpace(text)
		}
		p.add(name, text)
	}
	return lower(strings.TrimSpace(first)), p.params()
}

// cutQuoted reads up to the quotation mark that ends a quoted string.
func cutQuoted(s string) (text, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return b.String(), s[i+1:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

func percentDecoded(s string) []byte { return unescaped(s, '%') }

// unescaped replaces a mark with two hexadecimal digits behind it by the byte that they mean.
func unescaped(s string, mark byte) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == mark && i+2 < len(s) {
			if high, low := hexDigit(s[i+1]), hexDigit(s[i+2]); high >= 0 && low >= 0 {
				out = append(out, byte(high<<4|low))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return out
}

func hexDigit(c byte) int {
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

// words decodes the encoded words of a value (RFC 2047); white space between two of them is none.
func words(value string) string {
	var b strings.Builder
	afterWord := false
	for {
		start := strings.Index(value, "=?")
		if start < 0 {
			break
		}
		charset, rest, ok1 := strings.Cut(value[start+2:], "?")
		encoding, rest, ok2 := strings.Cut(rest, "?")
		text, rest, ok3 := strings.Cut(rest, "?=")
		if !ok1 || !ok2 || !ok3 || strings.ContainsAny(charset+encoding, " \t") {
			break
		}
		if gap := value[:start]; !afterWord || strings.TrimSpace(gap) != "" {
			b.WriteString(readable([]byte(gap), ""))
		}
		var data []byte
		if lower(encoding) == "b" {
			data = fromBase64(text)
		} else {
			data = unescaped(strings.ReplaceAll(text, "_", " "), '=')
		}
		b.WriteString(readable(data, charset))
		value, afterWord = rest, true
	}
	b.WriteString(readable([]byte(value), ""))
	return oneLine(b.String())
}

// readable is what can be read of bytes in a charset.
func readable(data []byte, charset string) string {
	text, _ := toUTF8(data, charset)
	return text
}

// oneLine is a text without control characters.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// fromBase64 decodes what is base64 of a text, also where its end is missing.
func fromBase64(text string) []byte {
	clean := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '+' || r == '/' {
			return r
		}
		return -1
	}, text)
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	data, _ := base64.RawStdEncoding.DecodeString(clean)
	return data
}

// address is one of a mailbox.
type address struct{ name, addr string }

// parseAddress reads the first mailbox of a field: `Ann Li <ann@example.org>, …`. addr is "" where there is none.
func parseAddress(value string) address {
	name, rest := "", value
	if quoted, ok := strings.CutPrefix(strings.TrimSpace(rest), `"`); ok {
		name, rest = cutQuoted(quoted)
	}
	if before, after, ok := strings.Cut(rest, "<"); ok {
		addr, _, closed := strings.Cut(after, ">")
		if name == "" {
			name = strings.TrimSpace(before)
		}
		if !closed || !isAddress(addr) {
			return address{}
		}
		return address{words(name), lower(addr)}
	}
	addr, _, _ := strings.Cut(rest, ",")
	if addr, _, _ = strings.Cut(strings.TrimSpace(addr), " "); isAddress(addr) {
		return address{"", lower(addr)}
	}
	return address{}
}

// addresses reads the mailboxes of a field. Those in quotation marks and between < and > may have commas.
func addresses(value string) (list []address) {
	for value != "" && len(list) < 100 {
		end, quoted := len(value), false
		for i := 0; i < len(value); i++ {
			if c := value[i]; c == '\\' {
				i++
			} else if c == '"' {
				quoted = !quoted
			} else if !quoted && (c == ',' || c == ';') {
				end = i
				break
			}
		}
		if a := parseAddress(value[:end]); a.addr != "" {
			list = append(list, a)
		}
		value = value[min(end+1, len(value)):]
	}
	return list
}

// isAddress reports whether a text can stand between < and > as one.
func isAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && len(s) <= 254 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`<>"(),;:\`, r)
	}) && !strings.Contains(domain, "@")
}

// ids are the message ids in a field, with their brackets.
func ids(value string) (list []string) {
	for len(list) < 100 {
		_, rest, ok := strings.Cut(value, "<")
		id, rest, closed := strings.Cut(rest, ">")
		if !ok || !closed {
			break
		}
		if id != "" && len(id) < 250 && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
			list = append(list, "<"+id+">")
		}
		value = rest
	}
	return list
}

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
