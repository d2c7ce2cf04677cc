package mail

import (
	"strconv"
	"strings"
)

// entities are those that mails have; others stay as they are.
var entities = map[string]string{
	"amp": "&", "lt": "<", "gt": ">", "quot": `"`, "apos": "'", "nbsp": " ", "euro": "€", "copy": "©", "reg": "®", "hellip": "…", "ndash": "–", "mdash": "—",
	"lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”", "bdquo": "„", "laquo": "«", "raquo": "»", "bull": "•", "middot": "·", "deg": "°", "zwnj": "", "zwj": "", "shy": "",
	"auml": "ä", "ouml": "ö", "uuml": "ü", "Auml": "Ä", "Ouml": "Ö", "Uuml": "Ü", "szlig": "ß", "eacute": "é", "egrave": "è", "agrave": "à", "ccedil": "ç", "ntilde": "ñ",
}

// breaks are the tags that begin a line, and the more of them two lines.
var breaks = map[string]string{
	"br": "\n", "div": "\n", "tr": "\n", "p": "\n\n", "h1": "\n\n", "h2": "\n\n", "h3": "\n\n", "h4": "\n\n", "h5": "\n\n", "h6": "\n\n", "table": "\n", "hr": "\n", "pre": "\n",
}

// ends are those of them whose end ends a line too.
var ends = map[string]bool{"p": true, "h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true, "table": true, "pre": true, "div": true}

// maxQuote bounds how deep quotations are shown.
const maxQuote = 3

// skipped are the elements whose content is not for reading.
var skipped = map[string]bool{"style": true, "script": true, "head": true, "title": true}

// plainOf is what a mail in HTML says. Links have their address behind them, where that is not what they show.
func plainOf(html string) string {
	var b strings.Builder
	link, shown := "", 0
	quote := 0
	var lists []int // numbers of the lists that are open, -1 for one without
	for html != "" {
		text, rest, tagged := strings.Cut(html, "<")
		b.WriteString(flowing(text, &b))
		if !tagged {
			break
		}
		if after, ok := strings.CutPrefix(rest, "!--"); ok {
			_, html, _ = strings.Cut(after, "-->")
			continue
		}
		tag, after, _ := strings.Cut(rest, ">")
		html = after
		name, closing := tagName(tag)
		switch {
		case skipped[name] && !closing:
			html = behind(html, name)
		case name == "blockquote":
			// What is quoted is marked as in plain text, so that it is taken off as there.
			if closing {
				quote = max(quote-1, 0)
			} else {
				quote = min(quote+1, maxQuote)
			}
			b.WriteString("\n" + strings.Repeat(quoteMark, quote))
		case name == "a" && !closing:
			link, shown = attribute(tag, "href"), b.Len()
		case name == "a":
			if label := strings.TrimSpace(b.String()[min(shown, b.Len()):]); strings.HasPrefix(link, "http") && label != "" && !strings.Contains(link, label) {
				b.WriteString(" (" + link + ")")
			}
			link = ""
		case name == "img" && !closing:
			if alt := strings.Join(strings.Fields(attribute(tag, "alt")), " "); alt != "" {
				b.WriteString("[" + alt + "]")
			}
		case (name == "ol" || name == "ul") && !closing:
			if len(lists) < maxLists {
				lists = append(lists, map[string]int{"ol": 0, "ul": -1}[name])
			}
			atLineStart(&b, quote)
		case name == "ol" || name == "ul":
			lists = lists[:max(len(lists)-1, 0)]
			atLineStart(&b, quote)
		case name == "li" && !closing:
			atLineStart(&b, quote)
			b.WriteString(strings.Repeat("  ", max(len(lists)-1, 0)) + bullet(lists))
		case (name == "td" || name == "th") && closing:
			b.WriteByte(' ')
		case breaks[name] != "" && (!closing || ends[name]):
			newLine(&b, breaks[name], quote)
		}
	}
	return tidy(b.String())
}

const quoteMark = "> "

// maxLists bounds how deep lists are shown.
const maxLists = 8

// newLine ends a line, and begins one that is as much quoted.
func newLine(b *strings.Builder, breaks string, quote int) {
	b.WriteString(breaks)
	b.WriteString(strings.Repeat(quoteMark, quote))
}

// atLineStart begins a line, unless one has just begun.
func atLineStart(b *strings.Builder, quote int) {
	if s := b.String(); s != "" && !strings.HasSuffix(s, "\n"+strings.Repeat(quoteMark, quote)) {
		newLine(b, "\n", quote)
	}
}

// bullet is what stands before an entry of the innermost list.
func bullet(lists []int) string {
	if last := len(lists) - 1; last >= 0 && lists[last] >= 0 {
		lists[last]++
		return strconv.Itoa(lists[last]) + ". "
	}
	return "• "
}

// flowing is text between two tags: its entities decoded, and white space made one space.
func flowing(text string, before *strings.Builder) string {
	if text == "" {
		return ""
	}
	words := strings.Join(strings.Fields(decodeEntities(text)), " ")
	s := before.String()
	atStart := s == "" || strings.HasSuffix(s, "\n") || strings.HasSuffix(s, " ")
	if strings.TrimLeft(text[:1], " \t\r\n") == "" && !atStart && words != "" {
		words = " " + words
	}
	if last := text[len(text)-1:]; strings.TrimSpace(last) == "" && words != "" {
		words += " "
	}
	return words
}

func decodeEntities(s string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "&")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		end := strings.IndexByte(rest[:min(len(rest), 12)], ';')
		if end < 0 {
			b.WriteByte('&')
			s = rest
			continue
		}
		name := rest[:end]
		value, known := entities[name]
		if digits, number := strings.CutPrefix(name, "#"); number {
			base := 10
			if hex, ok := strings.CutPrefix(lower(digits), "x"); ok {
				digits, base = hex, 16
			}
			if n, err := strconv.ParseInt(digits, base, 32); err == nil && n >= ' ' && n < 0x110000 {
				value, known = string(rune(n)), true
			}
		}
		if !known {
			value = "&" + name + ";"
		}
		b.WriteString(value)
		s = rest[end+1:]
	}
}

func tagName(tag string) (name string, closing bool) {
	tag, closing = strings.CutPrefix(strings.TrimSpace(tag), "/")
	end := strings.IndexAny(tag, " \t\r\n/")
	if end < 0 {
		end = len(tag)
	}
	return lower(tag[:end]), closing
}

// behind is what follows the end of an element.
func behind(html, name string) string {
	folded := lower(html)
	if i := strings.Index(folded, "</"+name); i >= 0 {
		_, rest, _ := strings.Cut(html[i:], ">")
		return rest
	}
	return ""
}

func attribute(tag, name string) string {
	i := strings.Index(lower(tag), name+"=")
	if i < 0 {
		return ""
	}
	value := tag[i+len(name)+1:]
	if value == "" {
		return ""
	}
	if quote := value[0]; quote == '"' || quote == '\'' {
		value, _, _ = strings.Cut(value[1:], string(quote))
	} else {
		value, _, _ = strings.Cut(value, " ")
	}
	return decodeEntities(value)
}

// tidy takes white space off the ends of lines, and all but one of several empty lines.
func tidy(s string) string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimRight(line, " \t\r\u00a0")
		if line == "" && (len(lines) == 0 || lines[len(lines)-1] == "") {
			continue
		}
		lines = append(lines, line)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
