package mail

import "strings"

// value is one of IMAP's: a list, or an atom, a string or a number as its text; NIL has none.
type value struct {
	text string
	list []value
	nil  bool
}

// Bounds of what is read of one response.
const (
	maxValues = 3000
	maxNested = 24
)

// fetchData reads the data of a FETCH by their names in upper case: UID, BODYSTRUCTURE, BODY[1.2]<0>. It is nil for what is none.
func (r *response) fetchData() map[string]value {
	open := strings.IndexByte(r.text, '(')
	if open < 0 {
		return nil
	}
	p := values{text: r.text[open+1:], literals: r.literals}
	list := p.list(0)
	data := map[string]value{}
	for i := 0; i+1 < len(list); i += 2 {
		if list[i].list == nil {
			data[strings.ToUpper(list[i].text)] = list[i+1]
		}
	}
	return data
}

// number is a value that is one, 0 otherwise.
func (v value) number() int64 { return number(v.text) }

// at is an item of a list, an empty value where there is none.
func (v value) at(n int) value {
	if n < len(v.list) {
		return v.list[n]
	}
	return value{nil: true}
}

// values reads what is left of a text.
type values struct {
	text     string
	literals [][]byte
	count    int
}

// list reads up to the parenthesis that closes it. What is malformed ends it.
func (p *values) list(depth int) []value {
	list := []value{}
	for {
		p.text = strings.TrimLeft(p.text, " ")
		if p.text == "" || p.count >= maxValues {
			return list
		}
		p.count++
		switch p.text[0] {
		case ')':
			p.text = p.text[1:]
			return list
		case '(':
			p.text = p.text[1:]
			if depth == maxNested {
				p.text = ""
				return list
			}
			list = append(list, value{list: p.list(depth + 1)})
		case '"':
			var text string
			text, p.text = cutQuoted(p.text[1:])
			list = append(list, value{text: text})
		case literalMark[0]:
			p.text = p.text[1:]
			if len(p.literals) > 0 {
				list = append(list, value{text: string(p.literals[0])})
				p.literals = p.literals[1:]
			}
		default:
			list = append(list, p.atom())
		}
	}
}

// atom reads one. That which names a section may have a list in its brackets.
func (p *values) atom() value {
	end, inside := len(p.text), false
scan:
	for i := 0; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case !inside && (c == ' ' || c == '(' || c == ')' || c == '"' || c == literalMark[0]):
			end = i
			break scan
		}
	}
	if end == 0 {
		end = 1
	}
	text := p.text[:end]
	p.text = p.text[end:]
	if strings.EqualFold(text, "NIL") {
		return value{nil: true}
	}
	return value{text: text}
}
