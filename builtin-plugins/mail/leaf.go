package mail

import (
	"strconv"
	"strings"
)

// Bounds of what is read of a mail.
const (
	maxParts = 50
	maxDepth = 8
)

// leaf is a part of a mail that consists of no others. A mail in a mail is one.
type leaf struct {
	section     string // by which IMAP names it: 1.2
	kind        string // text/plain
	charset     string
	name        string
	disposition string // inline, attachment or nothing
	encoding    string
	inline      bool   // it has a Content-ID, by which a text shows it
	alternative string // the section of the multipart/alternative that it stands in
	size        int64  // in its encoding; -1 where that is not known
	body        string // in its encoding, as far as it is there
	whole       bool   // body is all of it
}

// isText reports whether it is what the mail says, and no file.
func (l *leaf) isText() bool {
	return (l.kind == "text/plain" || l.kind == "text/html") && l.disposition != "attachment" && l.name == ""
}

// fields fills in what a part says of itself.
func (l *leaf) fields(kind string, params map[string]string, disposition string, more map[string]string) {
	l.kind, l.charset, l.disposition = kind, params["charset"], disposition
	if l.name = words(more["filename"]); l.name == "" {
		l.name = words(params["name"])
	}
}

// walk takes a mail apart that has come, as far as it has: cut says that its end is missing.
func walk(h header, body string, cut bool) []leaf {
	w := walker{cut: cut}
	w.part(h, body, "", "", 0)
	return w.leaves
}

type walker struct {
	leaves []leaf
	cut    bool
	parts  int
}

// part takes a part apart: one with a section, or the whole mail.
func (w *walker) part(h header, body, section, alternative string, depth int) {
	if w.parts++; w.parts > maxParts || depth > maxDepth {
		return
	}
	kind, params := cutParams(h.get("content-type"))
	if !strings.Contains(kind, "/") {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" {
		if kind == "multipart/alternative" {
			alternative = "in " + section
		}
		list, open := split(body, params["boundary"])
		for i, part := range list {
			// Only the last part may go on behind what has come.
			inner := walker{cut: w.cut && open && i == len(list)-1, parts: w.parts}
			inner.part(part.header, part.body, under(section, i+1), alternative, depth+1)
			w.leaves, w.parts = append(w.leaves, inner.leaves...), inner.parts
		}
		return
	}
	l := leaf{section: section, body: body, encoding: lower(h.get("content-transfer-encoding")), size: -1, whole: !w.cut, inline: h.has("content-id"), alternative: alternative}
	if section == "" {
		l.section = "1"
	}
	if l.whole {
		l.size = int64(len(body))
	}
	disposition, more := cutParams(h.get("content-disposition"))
	l.fields(kind, params, disposition, more)
	if kind == "message/rfc822" && l.name == "" {
		inner, _ := cutHeader(body)
		l.name = mailName(inner.get("subject"))
	}
	w.leaves = append(w.leaves, l)
}

// mailName is what a mail in a mail is called that has no name: after its subject.
func mailName(subject string) string {
	subject = strings.TrimSpace(words(subject))
	if subject == "" {
		subject = "mail"
	}
	return strings.ToValidUTF8(subject[:min(len(subject), maxSubject)], "") + ".eml"
}

// under is the section of a part in another one.
func under(section string, n int) string {
	if section == "" {
		return strconv.Itoa(n)
	}
	return section + "." + strconv.Itoa(n)
}

// structured reads a BODYSTRUCTURE (RFC 3501, 7.4.2).
func structured(v value) []leaf {
	s := structure{}
	s.part(v, "", "", 0)
	return s.leaves
}

type structure struct {
	leaves []leaf
	parts  int
}

func (s *structure) part(v value, section, alternative string, depth int) {
	if s.parts++; s.parts > maxParts || depth > maxDepth || len(v.list) < 2 {
		return
	}
	if v.list[0].list != nil {
		s.multipart(v, section, alternative, depth)
		return
	}
	l := leaf{
		section: section, encoding: lower(v.at(5).text), size: v.at(6).number(), inline: !v.at(3).nil, alternative: alternative,
	}
	if section == "" {
		l.section = "1"
	}
	kind := lower(v.at(0).text) + "/" + lower(v.at(1).text)
	said := 8 // where the disposition is
	switch {
	case strings.HasPrefix(kind, "text/"):
		said = 9
	case kind == "message/rfc822" || kind == "message/global":
		said = 11
	}
	disposition := v.at(said)
	l.fields(kind, paramsOf(v.at(2)), lower(disposition.at(0).text), paramsOf(disposition.at(1)))
	if said == 11 && l.name == "" {
		l.name = mailName(v.at(7).at(1).text) // its envelope's subject
	}
	s.leaves = append(s.leaves, l)
}

func (s *structure) multipart(v value, section, alternative string, depth int) {
	parts := v.list
	for i, inner := range v.list {
		if inner.list == nil {
			parts = v.list[:i]
			if lower(inner.text) == "alternative" {
				alternative = "in " + section
			}
			break
		}
	}
	for i, inner := range parts {
		s.part(inner, under(section, i+1), alternative, depth+1)
	}
}

// paramsOf reads a list of names and values.
func paramsOf(v value) map[string]string {
	p := pieces{}
	for i := 0; i+1 < len(v.list); i += 2 {
		p.add(v.list[i].text, v.list[i+1].text)
	}
	return p.params()
}

// bytes are what has come of a part.
func (l *leaf) bytes() []byte { return decoded(l.body, l.encoding) }

// decodedSize is about how large a part is when it is decoded, 0 where that is not known.
func (l *leaf) decodedSize() int64 {
	switch {
	case l.whole:
		return int64(len(l.bytes()))
	case l.size < 0:
		return 0
	case l.encoding == "base64":
		return l.size * 57 / 78 // lines of 76 characters and a line end
	}
	return l.size
}
