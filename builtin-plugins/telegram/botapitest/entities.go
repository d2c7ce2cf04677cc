package botapitest

import (
	"errors"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
)

// parseText turns a marked-up text into what is shown and its entities. A text without markup has
// nil entities, one with markup has a list, if an empty one.
func parseText(text, mode string) (string, []Entity, error) {
	switch strings.ToLower(mode) {
	case "":
		return text, nil, nil
	case "html":
		return ParseHTML(text)
	case "markdownv2":
		return ParseMarkdownV2(text)
	}
	return "", nil, errParseMode
}

// errParseMode is answered to a parse_mode that the service does not know.
var errParseMode = errors.New("unsupported parse_mode")

// out collects the shown text and counts it in UTF-16 code units.
type out struct {
	text     strings.Builder
	length   int
	entities []Entity
}

// add adds text without any mark.
func (o *out) add(s string) {
	o.text.WriteString(s)
	o.length += utf16Len(s)
}

// close adds an entity that began at offset, unless it is empty.
func (o *out) close(e Entity) {
	if e.Length = o.length - e.Offset; e.Length > 0 {
		o.entities = append(o.entities, e)
	}
}

// result returns the text and the entities; the list is never nil.
func (o *out) result() (string, []Entity) {
	sortEntities(o.entities)
	if o.entities == nil {
		o.entities = []Entity{}
	}
	return o.text.String(), o.entities
}

// sortEntities orders as the service does: by place, the longer first.
func sortEntities(list []Entity) {
	sort.SliceStable(list, func(i, j int) bool {
		if list[i].Offset != list[j].Offset {
			return list[i].Offset < list[j].Offset
		}
		return list[i].Length > list[j].Length
	})
}

// sameEntities compares what is shown.
func sameEntities(a, b []Entity) bool {
	return slices.EqualFunc(a, b, func(x, y Entity) bool {
		x.User, y.User = nil, nil
		return x == y
	})
}

// trim takes white space off both ends and moves the entities along.
func trim(text string, entities []Entity) (string, []Entity) {
	short := strings.TrimLeft(text, " \n\t\r")
	cut := utf16Len(text) - utf16Len(short)
	short = strings.TrimRight(short, " \n\t\r")
	length := utf16Len(short)
	if entities == nil {
		return short, nil
	}
	kept := []Entity{}
	for _, e := range entities {
		start := max(0, e.Offset-cut)
		end := min(length, e.Offset+e.Length-cut)
		if start < end {
			e.Offset, e.Length = start, end-start
			kept = append(kept, e)
		}
	}
	return short, kept
}

// detected are the kinds of entities that the service marks without being asked.
var detected = []struct {
	kind string
	form *regexp.Regexp
}{
	{"url", regexp.MustCompile(`https?://[^\s<>"]+`)},
	{"bot_command", regexp.MustCompile(`(?:^|[\s(])(/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?)`)},
	{"mention", regexp.MustCompile(`(?:^|[^\w/])(@[A-Za-z0-9_]{3,32})`)},
	{"hashtag", regexp.MustCompile(`(?:^|\s)(#\w+)`)},
}

// detect finds what the service marks on its own.
func detect(text string) []Entity {
	var list []Entity
	for _, d := range detected {
		for _, at := range d.form.FindAllStringSubmatchIndex(text, -1) {
			start, end := at[len(at)-2], at[len(at)-1]
			e := Entity{Type: d.kind, Offset: utf16Len(text[:start]), Length: utf16Len(text[start:end])}
			if !slices.ContainsFunc(list, func(o Entity) bool { return e.Offset < o.Offset+o.Length && o.Offset < e.Offset+e.Length }) {
				list = append(list, e)
			}
		}
	}
	sortEntities(list)
	return list
}

// utf16Len is the length of s in UTF-16 code units, as Telegram counts.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// Cut returns the stretch of text that e marks.
func (e Entity) Cut(text string) string {
	units := utf16.Encode([]rune(text))
	start, end := min(e.Offset, len(units)), min(e.Offset+e.Length, len(units))
	return string(utf16.Decode(units[max(0, start):max(start, end)]))
}

// at ends the message of a parse error.
func at(offset int) string { return " at byte offset " + strconv.Itoa(offset) }
