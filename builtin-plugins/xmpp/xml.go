package xmpp

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of one element, however much a server says. The gateway hands in none of more than maxElement bytes.
const (
	maxElement = 512 << 10
	maxDepth   = 40
	maxNodes   = 4_000
	maxAttrs   = 40
)

// node is an element that was read.
type node struct {
	name, space string
	attrs       []attr
	kids        []*node
	text        string // what stands directly in it, put together
}

type attr struct{ name, value string }

// get returns an attribute, "" where there is none.
func (n *node) get(name string) string {
	if n != nil {
		for _, a := range n.attrs {
			if a.name == name {
				return a.value
			}
		}
	}
	return ""
}

// kid returns the first element inside with a name and a namespace, nil where there is none; of nil there is none.
func (n *node) kid(name, space string) *node {
	if n != nil {
		for _, k := range n.kids {
			if k.name == name && (space == "" || k.space == space) {
				return k
			}
		}
	}
	return nil
}

// words is the text of an element inside, "" where there is none.
func (n *node) words(name, space string) string {
	if k := n.kid(name, space); k != nil {
		return k.text
	}
	return ""
}

// errXML says that something is no element of RFC 6120: it is malformed, has an entity of its own, or is beyond the bounds.
var errXML = errors.New("the server sends what is no XML of XMPP")

// scope are the prefixes that hold somewhere.
type scope struct {
	outer         *scope
	prefix, space string
}

func (s *scope) find(prefix string) string {
	for ; s != nil; s = s.outer {
		if s.prefix == prefix {
			return s.space
		}
	}
	return ""
}

// streamScope is what the root of each stream declares (RFC 6120, 4.8).
var streamScope = &scope{&scope{nil, "stream", nsStream}, "", nsClient}

// parser reads one element.
type parser struct {
	rest         string
	depth, nodes int
}

// parse reads one element, or the start tag of a stream, of which open is true.
func parse(text string) (n *node, open bool, err error) {
	p := &parser{rest: text}
	n, open, err = p.element(streamScope)
	switch {
	case err != nil:
		return nil, false, err
	case open && (n.name != "stream" || n.space != nsStream || p.rest != ""), !open && p.rest != "":
		return nil, false, errXML
	}
	return n, open, nil
}

// element reads one with all that it holds; open says that the text ended behind the start tag of the outermost one.
func (p *parser) element(outer *scope) (n *node, open bool, err error) {
	if p.depth++; p.depth > maxDepth {
		return nil, false, errXML
	}
	defer func() { p.depth-- }()
	n, name, inner, empty, err := p.start(outer)
	if err != nil || empty {
		return n, false, err
	}
	if p.rest == "" && p.depth == 1 {
		return n, true, nil
	}
	var text strings.Builder
	for {
		end := strings.IndexByte(p.rest, '<')
		if end < 0 {
			return nil, false, errXML
		}
		words, err := unescape(p.rest[:end])
		if err != nil {
			return nil, false, err
		}
		text.WriteString(words)
		p.rest = p.rest[end:]
		if data, ok := strings.CutPrefix(p.rest, "<![CDATA["); ok {
			data, rest, ok := strings.Cut(data, "]]>")
			if !ok {
				return nil, false, errXML
			}
			text.WriteString(data)
			p.rest = rest
			continue
		}
		if tag, ok := strings.CutPrefix(p.rest, "</"); ok {
			closing, rest, ok := strings.Cut(tag, ">")
			if !ok || strings.TrimRight(closing, blanks) != name {
				return nil, false, errXML
			}
			p.rest, n.text = rest, text.String()
			return n, false, nil
		}
		kid, _, err := p.element(inner)
		if err != nil {
			return nil, false, err
		}
		n.kids = append(n.kids, kid)
	}
}

const blanks = " \t\r\n"

// start reads a start tag, and what it declares.
func (p *parser) start(outer *scope) (n *node, name string, inner *scope, empty bool, err error) {
	if p.nodes++; p.nodes > maxNodes || p.rest == "" || p.rest[0] != '<' {
		return nil, "", nil, false, errXML
	}
	end := strings.IndexAny(p.rest, blanks+"/>")
	if end < 2 {
		return nil, "", nil, false, errXML
	}
	name, p.rest = p.rest[1:end], p.rest[end:]
	if strings.ContainsAny(name, "!?&'\"<=") {
		return nil, "", nil, false, errXML
	}
	n, inner = &node{}, outer
	for {
		p.rest = strings.TrimLeft(p.rest, blanks)
		if rest, ok := strings.CutPrefix(p.rest, "/>"); ok {
			p.rest, empty = rest, true
			break
		}
		if rest, ok := strings.CutPrefix(p.rest, ">"); ok {
			p.rest = rest
			break
		}
		a, err := p.attribute()
		switch prefix, declares := strings.CutPrefix(a.name, "xmlns:"); {
		case err != nil || len(n.attrs) == maxAttrs:
			return nil, "", nil, false, errXML
		case declares:
			inner = &scope{inner, prefix, a.value}
		case a.name == "xmlns":
			inner = &scope{inner, "", a.value}
		default:
			n.attrs = append(n.attrs, a)
		}
		if p.nodes++; p.nodes > maxNodes {
			return nil, "", nil, false, errXML
		}
	}
	prefix, local, prefixed := strings.Cut(name, ":")
	if !prefixed {
		prefix, local = "", name
	}
	n.name, n.space = local, inner.find(prefix)
	return n, name, inner, empty, nil
}

// attribute reads one: name = 'value', where quotes are single or double.
func (p *parser) attribute() (attr, error) {
	name, rest, ok := strings.Cut(p.rest, "=")
	name = strings.TrimRight(name, blanks)
	rest = strings.TrimLeft(rest, blanks)
	if !ok || name == "" || strings.ContainsAny(name, blanks+"<>/'\"&") || rest == "" || rest[0] != '\'' && rest[0] != '"' {
		return attr{}, errXML
	}
	value, rest, ok := strings.Cut(rest[1:], rest[:1])
	if !ok || strings.IndexByte(value, '<') >= 0 {
		return attr{}, errXML
	}
	p.rest = rest
	value, err := unescape(value)
	return attr{name, value}, err
}

// unescape reads a text with the five entities that every XML has, and characters by number.
func unescape(s string) (string, error) {
	if strings.IndexByte(s, '&') < 0 {
		return strings.ToValidUTF8(s, "\uFFFD"), nil
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "&")
		b.WriteString(before)
		if !found {
			return strings.ToValidUTF8(b.String(), "\uFFFD"), nil
		}
		name, after, ok := strings.Cut(rest, ";")
		if !ok || len(name) > 8 {
			return "", errXML
		}
		r, ok := character(name)
		if !ok {
			return "", errXML
		}
		b.WriteRune(r)
		s = after
	}
}

// character is the one that a reference names.
func character(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	number, ok := strings.CutPrefix(name, "#")
	base := 10
	if hex, is := strings.CutPrefix(number, "x"); is {
		number, base = hex, 16
	}
	code, err := strconv.ParseUint(number, base, 32)
	return rune(code), ok && err == nil && code <= utf8.MaxRune && isXML(rune(code))
}

// isXML reports whether a character may stand in XML 1.0.
func isXML(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r < 0xD800 || r > 0xDFFF && r != 0xFFFE && r != 0xFFFF
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&apos;", `"`, "&quot;")

// escape writes anybody's words so that they are nothing but words in XML.
func escape(s string) string {
	clean := strings.Map(func(r rune) rune {
		if !isXML(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return escaper.Replace(clean)
}

// tag writes an element: its attributes as name, value, name, value … are escaped here, and left out where they are empty; what
// is inside is XML already.
func tag(name, inside string, attrs ...string) string {
	var b strings.Builder
	b.WriteString("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			b.WriteString(" " + attrs[i] + "='" + escape(attrs[i+1]) + "'")
		}
	}
	if inside == "" {
		b.WriteString("/>")
		return b.String()
	}
	b.WriteString(">" + inside + "</" + name + ">")
	return b.String()
}

// leaf writes an element with a text in it.
func leaf(name, text string, attrs ...string) string { return tag(name, escape(text), attrs...) }
