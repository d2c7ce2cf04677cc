package mail

import (
	"bytes"
	"strconv"
	"strings"
)

// response is one of the server's: `tag text`, with literalMark in the text for each of the literals that stand in it.
type response struct {
	tag, text string
	literals  [][]byte
}

// literalMark stands in a text for a literal. No line has it (RFC 3501, 9).
const literalMark = "\x00"

// nextResponse cuts off the first response. whole is false while it has not come completely.
func nextResponse(data []byte) (r *response, rest []byte, whole bool) {
	var text strings.Builder
	r = &response{}
	for {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			return nil, nil, false
		}
		line := bytes.TrimSuffix(data[:end], []byte("\r"))
		data = data[end+1:]
		size, ok := literalSize(line)
		if !ok {
			text.Write(bytes.ReplaceAll(line, []byte(literalMark), nil))
			break
		}
		if len(data) < size {
			return nil, nil, false
		}
		text.Write(bytes.ReplaceAll(line[:bytes.LastIndexByte(line, '{')], []byte(literalMark), nil))
		text.WriteString(literalMark)
		r.literals = append(r.literals, data[:size])
		data = data[size:]
	}
	r.tag, r.text, _ = strings.Cut(strings.ToValidUTF8(text.String(), "\uFFFD"), " ")
	return r, data, true
}

// literalSize reads the announcement of a literal at a line's end: {42}. One that is too large for the account's state never comes
// whole, so it ends like any response that is.
func literalSize(line []byte) (size int, ok bool) {
	open := bytes.LastIndexByte(line, '{')
	if open < 0 || len(line) == 0 || line[len(line)-1] != '}' {
		return 0, false
	}
	n, err := strconv.Atoi(string(line[open+1 : len(line)-1]))
	return n, err == nil && n >= 0
}

// shown is the text for the owner.
func (r *response) shown() string { return strings.ReplaceAll(r.text, literalMark, "") }

// word returns one of the text's by its number, in upper case, "" where there is none.
func (r *response) word(n int) string {
	words := strings.Fields(r.text[:min(len(r.text), 200)])
	if n >= len(words) {
		return ""
	}
	return strings.ToUpper(words[n])
}

// code reads a response code with a number: [UIDNEXT 42].
func (r *response) code(name string) (int64, bool) { return after(r.text, "["+name+" ") }

// after reads the number behind a name.
func after(text, name string) (int64, bool) {
	_, rest, ok := strings.Cut(strings.ToUpper(text), name)
	if !ok {
		return 0, false
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	return number(rest[:end]), end > 0
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
