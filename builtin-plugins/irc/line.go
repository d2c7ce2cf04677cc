package irc

import "strings"

// line is one of the protocol: `@tag=value :source COMMAND param :last param` ("Message Format").
type line struct {
	tags    map[string]string
	nick    string // who it is from: a person's nick or a server's name
	userAt  string // user@host, of a person
	command string
	params  []string
}

// maxParams is how many a line has at most.
const maxParams = 15

// param returns one by its number, "" where there is none; negative ones count from the end.
func (l *line) param(i int) string {
	if i < 0 {
		i += len(l.params)
	}
	if i < 0 || i >= len(l.params) {
		return ""
	}
	return l.params[i]
}

// parseLine reads a line, whatever it is: what is missing is empty.
func parseLine(text string) *line {
	l := &line{}
	text = strings.TrimRight(text, "\r\n")
	if tags, rest, ok := cutPrefixed(text, '@'); ok {
		l.tags, text = parseTags(tags), rest
	}
	if source, rest, ok := cutPrefixed(text, ':'); ok {
		l.nick, l.userAt, _ = strings.Cut(source, "!")
		text = rest
	}
	for text = strings.TrimLeft(text, " "); text != "" && len(l.params) < maxParams; text = strings.TrimLeft(text, " ") {
		if text[0] == ':' && l.command != "" {
			l.params = append(l.params, text[1:])
			break
		}
		word, rest, _ := strings.Cut(text, " ")
		if l.command == "" {
			l.command = strings.ToUpper(word)
		} else {
			l.params = append(l.params, word)
		}
		text = rest
	}
	return l
}

// cutPrefixed cuts off a word that begins with a mark.
func cutPrefixed(text string, mark byte) (word, rest string, ok bool) {
	text = strings.TrimLeft(text, " ")
	if text == "" || text[0] != mark {
		return "", text, false
	}
	word, rest, _ = strings.Cut(text[1:], " ")
	return word, rest, true
}

// maxTags bounds those of a line that are read.
const maxTags = 64

// parseTags reads message tags.
func parseTags(text string) map[string]string {
	tags := map[string]string{}
	for tag := range strings.SplitSeq(text, ";") {
		if len(tags) == maxTags {
			break
		}
		name, value, _ := strings.Cut(tag, "=")
		tags[name] = unescapeTag(value)
	}
	return tags
}

// unescapeTag undoes the escapes of a tag's value ("Escaping values").
func unescapeTag(value string) string {
	if strings.IndexByte(value, '\\') < 0 {
		return value
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		if i++; i == len(value) {
			break
		}
		switch value[i] {
		case ':':
			b.WriteByte(';')
		case 's':
			b.WriteByte(' ')
		case 'r':
			b.WriteByte('\r')
		case 'n':
			b.WriteByte('\n')
		default:
			b.WriteByte(value[i])
		}
	}
	return b.String()
}

var tagEscaper = strings.NewReplacer(";", `\:`, " ", `\s`, `\`, `\\`, "\r", `\r`, "\n", `\n`, "\x00", "")

// tagged writes a line with tags, of which the values are escaped here: name, value, name, value …
func tagged(text string, tags ...string) string {
	if len(tags) == 0 {
		return text
	}
	var b strings.Builder
	for i := 0; i+1 < len(tags); i += 2 {
		b.WriteByte("@;"[min(i, 1)])
		b.WriteString(tags[i])
		if tags[i+1] != "" {
			b.WriteByte('=')
			b.WriteString(tagEscaper.Replace(tags[i+1]))
		}
	}
	return b.String() + " " + text
}
