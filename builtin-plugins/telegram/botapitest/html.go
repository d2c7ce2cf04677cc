package botapitest

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// tags by name, with the entity that each makes.
var tags = map[string]string{
	"b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
	"s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "span": "spoiler",
	"tg-spoiler": "spoiler", "a": "text_link", "code": "code", "pre": "pre", "blockquote": "blockquote",
	"tg-emoji": "custom_emoji",
}

// openTag is a tag that waits for its end.
type openTag struct {
	name   string
	entity Entity
	start  int // of its text in out, in bytes
}

// errEncoding: every string of the Bot API is UTF-8.
//
//lint:ignore ST1005 the words are Telegram's
var errEncoding = errors.New("Strings must be encoded in UTF-8")

// htmlParser reads a text in HTML ("HTML style"), and fails as the service does, with the same words.
type htmlParser struct {
	out
	in   string
	pos  int
	open []openTag
}

// ParseHTML reads Telegram's HTML as sendMessage does and returns what is shown, with its entities. The
// error says what sendMessage would say after "can't parse entities: ".
func ParseHTML(in string) (string, []Entity, error) {
	if !utf8.ValidString(in) {
		return "", nil, errEncoding
	}
	p := &htmlParser{in: in}
	for p.pos < len(in) {
		var err error
		switch c := in[p.pos]; {
		case c == '&':
			p.reference()
		case c != '<':
			_, n := utf8.DecodeRuneInString(in[p.pos:])
			p.add(in[p.pos : p.pos+n])
			p.pos += n
		case strings.HasPrefix(in[p.pos:], "</"):
			err = p.endTag()
		default:
			err = p.startTag()
		}
		if err != nil {
			return "", nil, err
		}
	}
	if n := len(p.open); n > 0 {
		return "", nil, errors.New(`Can't find end tag corresponding to start tag "` + p.open[n-1].name + `"`)
	}
	text, entities := p.result()
	return text, entities, nil
}

// references are the named ones that the service knows; it leaves others as they are.
var references = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": `"`}

// reference reads &name; or &#number;. What is neither is shown as it is.
func (p *htmlParser) reference() {
	rest := p.in[p.pos+1:]
	end := strings.IndexByte(rest, ';')
	if end > 0 && end <= 10 {
		if text, ok := decodeReference(rest[:end]); ok {
			p.add(text)
			p.pos += end + 2
			return
		}
	}
	p.add("&")
	p.pos++
}

// decodeReference returns what a reference without & and ; stands for.
func decodeReference(name string) (string, bool) {
	if text, ok := references[name]; ok {
		return text, true
	}
	number, ok := strings.CutPrefix(name, "#")
	if !ok {
		return "", false
	}
	base := 10
	if hex, ok := strings.CutPrefix(number, "x"); ok {
		number, base = hex, 16
	}
	n, err := strconv.ParseUint(number, base, 21)
	if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
		return "", false
	}
	return string(rune(n)), true
}

// startTag reads a tag up to its >, and notes which entity it begins.
func (p *htmlParser) startTag() error {
	begin := p.pos
	p.pos++
	name := strings.ToLower(p.word(" \t\r\n>"))
	if p.pos >= len(p.in) {
		return errors.New("Unclosed start tag" + at(begin))
	}
	kind, known := tags[name]
	if !known {
		return errors.New(`Unsupported start tag "` + name + `"` + at(begin))
	}
	attributes, err := p.attributes(name, begin)
	if err != nil {
		return err
	}
	e := Entity{Type: kind, Offset: p.length}
	switch name {
	case "span":
		if attributes["class"] != "tg-spoiler" {
			return errors.New(`Tag "span" must have class "tg-spoiler"` + at(begin))
		}
	case "a":
		e.URL = attributes["href"]
	case "code":
		e.Language = strings.TrimPrefix(attributes["class"], "language-")
	case "blockquote":
		if _, ok := attributes["expandable"]; ok {
			e.Type = "expandable_blockquote"
		}
	case "tg-emoji":
		e.CustomEmojiID = attributes["emoji-id"]
	}
	p.open = append(p.open, openTag{name, e, p.text.Len()})
	return nil
}

// word reads up to one of the characters in stop.
func (p *htmlParser) word(stop string) string {
	start := p.pos
	for p.pos < len(p.in) && strings.IndexByte(stop, p.in[p.pos]) < 0 {
		p.pos++
	}
	return p.in[start:p.pos]
}

// space passes over white space.
func (p *htmlParser) space() {
	for p.pos < len(p.in) && strings.IndexByte(" \t\r\n", p.in[p.pos]) >= 0 {
		p.pos++
	}
}

// attributes reads the attributes of a tag that begins at begin.
func (p *htmlParser) attributes(tag string, begin int) (map[string]string, error) {
	found := map[string]string{}
	for {
		p.space()
		if p.pos >= len(p.in) {
			return nil, errors.New("Unclosed start tag" + at(begin))
		}
		if p.in[p.pos] == '>' {
			p.pos++
			return found, nil
		}
		name := strings.ToLower(p.word(" \t\r\n=>"))
		if name == "" {
			return nil, errors.New(`Empty attribute name in the tag "` + tag + `"` + at(begin))
		}
		p.space()
		if p.pos >= len(p.in) || p.in[p.pos] != '=' {
			if tag == "blockquote" && name == "expandable" {
				found[name] = ""
				continue
			}
			return nil, errors.New(`Expected equal sign in declaration of an attribute of the tag "` + tag + `"` + at(begin))
		}
		p.pos++
		p.space()
		value, err := p.attributeValue(begin)
		if err != nil {
			return nil, err
		}
		found[name] = value
	}
}

// attributeValue reads a value with or without quotation marks.
func (p *htmlParser) attributeValue(begin int) (string, error) {
	if p.pos >= len(p.in) {
		return "", errors.New("Unclosed start tag" + at(begin))
	}
	quote := p.in[p.pos]
	if quote != '"' && quote != '\'' {
		return strings.ToLower(p.word(" \t\r\n>")), nil
	}
	p.pos++
	raw := p.word(string(quote))
	if p.pos >= len(p.in) {
		return "", errors.New("Unclosed start tag" + at(begin))
	}
	p.pos++
	inner := &htmlParser{in: raw}
	for inner.pos < len(raw) {
		if raw[inner.pos] == '&' {
			inner.reference()
			continue
		}
		inner.text.WriteByte(raw[inner.pos])
		inner.pos++
	}
	return inner.text.String(), nil
}

// endTag reads the end of the innermost tag; any other end is an error.
func (p *htmlParser) endTag() error {
	begin := p.pos
	if len(p.open) == 0 {
		return errors.New("Unexpected end tag" + at(begin))
	}
	p.pos += 2
	name := strings.ToLower(p.word(" \t\r\n>"))
	p.space()
	if p.pos >= len(p.in) || p.in[p.pos] != '>' {
		return errors.New("Unclosed end tag" + at(begin))
	}
	p.pos++
	top := p.open[len(p.open)-1]
	if name != "" && name != top.name {
		return errors.New("Unmatched end tag" + at(begin) + `, expected "</` + top.name + `>", found "</` + name + `>"`)
	}
	p.open = p.open[:len(p.open)-1]
	p.closeTag(top)
	return nil
}

// closeTag adds the entity of a tag that has ended, unless it is a link to nowhere.
func (p *htmlParser) closeTag(top openTag) {
	e := top.entity
	switch {
	case e.Type == "text_link" && e.URL == "":
		e.URL = p.text.String()[top.start:]
		if !strings.Contains(e.URL, ".") {
			return
		}
	case e.Type == "text_link" && !strings.Contains(e.URL, "."):
		return // not a link; only the text stays
	case e.Type == "code" && e.Language != "" && len(p.open) > 0 && p.open[len(p.open)-1].name == "pre":
		// <pre><code class="language-x"> is one entity.
		p.open[len(p.open)-1].entity.Language = e.Language
		return
	}
	if e.Type == "code" {
		e.Language = ""
	}
	p.close(e)
}
