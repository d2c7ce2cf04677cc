package irctest

import "strings"

// line is one that a client has sent.
type line struct {
	tags    map[string]string
	command string
	params  []string
}

func (l *line) param(i int) string {
	if i < len(l.params) {
		return l.params[i]
	}
	return ""
}

func parse(text string) *line {
	l := &line{tags: map[string]string{}}
	if rest, ok := strings.CutPrefix(text, "@"); ok {
		tags, after, _ := strings.Cut(rest, " ")
		for tag := range strings.SplitSeq(tags, ";") {
			name, value, _ := strings.Cut(tag, "=")
			l.tags[name] = unescape(value)
		}
		text = after
	}
	text, last, trailing := strings.Cut(" "+text, " :")
	if words := strings.Fields(text); len(words) > 0 {
		l.command, l.params = strings.ToUpper(words[0]), words[1:]
	}
	if trailing {
		l.params = append(l.params, last)
	}
	return l
}

var (
	escaper   = strings.NewReplacer(`\`, `\\`, ";", `\:`, " ", `\s`, "\r", `\r`, "\n", `\n`)
	unescaper = strings.NewReplacer(`\\`, `\`, `\:`, ";", `\s`, " ", `\r`, "\r", `\n`, "\n")
)

func escape(value string) string { return escaper.Replace(value) }

func unescape(value string) string { return unescaper.Replace(value) }
