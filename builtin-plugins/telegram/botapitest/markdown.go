package botapitest

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// Of the marks that begin an entity, longer ones come first.
var marks = []struct{ mark, kind, name string }{
	{"```", "pre", "Pre"}, {"__", "underline", "Underline"}, {"||", "spoiler", "Spoiler"}, {"![", "custom_emoji", "CustomEmoji"},
	{"*", "bold", "Bold"}, {"_", "italic", "Italic"}, {"~", "strikethrough", "Strikethrough"}, {"`", "code", "Code"}, {"[", "text_link", "TextUrl"},
}

// openMark is a mark that waits for its end.
type openMark struct {
	mark   string
	name   string
	at     int
	entity Entity
}

// markdownParser reads a text in MarkdownV2 ("MarkdownV2 style"), and fails as the service does.
type markdownParser struct {
	out
	in      string
	pos     int
	open    []openMark
	quoteAt int // where the quotation began, -1 outside
}

// ParseMarkdownV2 is ParseHTML for MarkdownV2.
func ParseMarkdownV2(in string) (string, []Entity, error) {
	if !utf8.ValidString(in) {
		return "", nil, errEncoding
	}
	p := &markdownParser{in: in, quoteAt: -1}
	for p.pos < len(in) {
		if err := p.step(); err != nil {
			return "", nil, err
		}
	}
	if n := len(p.open); n > 0 {
		top := p.open[n-1]
		if top.name == "Pre" && top.entity.Language != "" {
			top.name = "PreCode"
		}
		return "", nil, errors.New("Can't find end of " + top.name + " entity" + at(top.at))
	}
	p.endQuote()
	text, entities := p.result()
	return text, entities, nil
}

// step reads one character, or one mark.
func (p *markdownParser) step() error {
	rest := p.in[p.pos:]
	if p.lineStart() && !p.inCode() {
		if quoted := p.quoteMark(rest); quoted {
			return nil
		}
		p.endQuote()
	}
	if len(rest) > 1 && rest[0] == '\\' && rest[1] > 0 && rest[1] <= 126 {
		p.add(rest[1:2])
		p.pos += 2
		return nil
	}
	if p.inCode() {
		return p.code(rest)
	}
	if handled, err := p.mark(rest); handled || err != nil {
		return err
	}
	if strings.IndexByte("]()>#+-=|{}.!", rest[0]) >= 0 {
		return errors.New("Character '" + rest[:1] + `' is reserved and must be escaped with the preceding '\'`)
	}
	_, n := utf8.DecodeRuneInString(rest)
	p.add(rest[:n])
	p.pos += n
	return nil
}

// lineStart reports whether a line begins here, where alone a quotation can.
func (p *markdownParser) lineStart() bool { return p.pos == 0 || p.in[p.pos-1] == '\n' }

// top returns the innermost mark that is open.
func (p *markdownParser) top() *openMark {
	if len(p.open) == 0 {
		return &openMark{}
	}
	return &p.open[len(p.open)-1]
}

// inCode reports whether marks other than the end of the code mean nothing here.
func (p *markdownParser) inCode() bool { return p.top().mark == "`" || p.top().mark == "```" }

// quoteMark takes the sign of a quotation at the beginning of a line, and reports whether there is one. With
// **> another quotation begins.
func (p *markdownParser) quoteMark(rest string) bool {
	n := 0
	if strings.HasPrefix(rest, "**>") {
		p.endQuote()
		n = 3
	} else if rest[0] == '>' {
		n = 1
	}
	if n == 0 {
		return false
	}
	if p.quoteAt < 0 {
		p.quoteAt = p.length
	}
	p.pos += n
	return true
}

// endQuote ends a quotation.
func (p *markdownParser) endQuote() {
	if p.quoteAt >= 0 {
		p.close(Entity{Type: "blockquote", Offset: p.quoteAt})
		p.quoteAt = -1
	}
}

// code reads on inside code, where only its end has a meaning.
func (p *markdownParser) code(rest string) error {
	top := *p.top()
	if strings.HasPrefix(rest, top.mark) {
		p.open = p.open[:len(p.open)-1]
		p.pos += len(top.mark)
		p.close(top.entity)
		return nil
	}
	_, n := utf8.DecodeRuneInString(rest)
	p.add(rest[:n])
	p.pos += n
	return nil
}

// mark reads a mark that begins or ends an entity, and reports whether there is one.
func (p *markdownParser) mark(rest string) (bool, error) {
	top := p.top()
	if rest[0] == ']' && (top.mark == "[" || top.mark == "![") {
		return true, p.link()
	}
	// Of ___ the part that closes what is open comes first.
	if top.mark == "_" && strings.HasPrefix(rest, "_") && !strings.HasPrefix(rest, "__") ||
		top.mark == "_" && strings.HasPrefix(rest, "___") {
		return true, p.end(1)
	}
	for _, m := range marks {
		if !strings.HasPrefix(rest, m.mark) {
			continue
		}
		if top.mark == m.mark && m.mark != "[" && m.mark != "![" {
			return true, p.end(len(m.mark))
		}
		begin := p.pos
		p.pos += len(m.mark)
		e := Entity{Type: m.kind, Offset: p.length}
		if m.mark == "```" {
			e.Language = p.language()
		}
		p.open = append(p.open, openMark{m.mark, m.name, begin, e})
		return true, nil
	}
	return false, nil
}

// end ends the innermost entity with a mark of n bytes.
func (p *markdownParser) end(n int) error {
	e := p.top().entity
	p.open = p.open[:len(p.open)-1]
	p.pos += n
	p.close(e)
	return nil
}

// language reads the word after ``` if white space follows it.
func (p *markdownParser) language() string {
	rest := p.in[p.pos:]
	n := strings.IndexAny(rest, " \n\r\t`")
	if n < 0 || rest[n] == '`' {
		return ""
	}
	p.pos += n
	for i := 0; i < 2 && p.pos < len(p.in) && (p.in[p.pos] == '\n' || p.in[p.pos] == '\r'); i++ {
		if i == 1 && p.in[p.pos] == p.in[p.pos-1] {
			break
		}
		p.pos++
	}
	return rest[:n]
}

// link reads what follows the text of a link: its address in parentheses.
func (p *markdownParser) link() error {
	top := *p.top()
	p.open = p.open[:len(p.open)-1]
	p.pos++
	target := ""
	if p.pos < len(p.in) && p.in[p.pos] == '(' {
		begin := p.pos
		p.pos++
		var b strings.Builder
		for p.pos < len(p.in) && p.in[p.pos] != ')' {
			if p.in[p.pos] == '\\' && p.pos+1 < len(p.in) {
				p.pos++
			}
			b.WriteByte(p.in[p.pos])
			p.pos++
		}
		if p.pos >= len(p.in) {
			return errors.New("Can't find end of a URL" + at(begin))
		}
		p.pos++
		target = b.String()
	}
	e := top.entity
	if e.Type == "custom_emoji" {
		id, ok := strings.CutPrefix(target, "tg://emoji?id=")
		if !ok {
			//lint:ignore ST1005 the words are Telegram's
			return errors.New("Custom emoji entity must contain a tg://emoji URL")
		}
		e.CustomEmojiID = id
	} else if e.URL = target; !strings.Contains(target, ".") && !strings.HasPrefix(target, "tg:") {
		return nil
	}
	p.close(e)
	return nil
}
