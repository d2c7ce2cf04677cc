package spelling

import "strings"

// Clause is what is said in one breath.
type Clause struct {
	Words []Word
	End   End
}

// End is how a clause ends.
type End uint8

// Ends: at a comma; as a statement; as a question that is answered by yes or no.
const (
	Continues End = iota
	States
	Asks
)

// maxWords is how long a clause may be: who reads for longer takes a breath.
const maxWords = 25

// Read cuts a text into clauses. What no English word is for, such as another alphabet, is passed over.
func Read(text string) []Clause {
	var list []Clause
	var now Clause
	first := "" // word of the sentence
	end := func(e End) {
		if len(now.Words) > 0 {
			now.End = e
			list = append(list, now)
		}
		now = Clause{}
	}
	for _, field := range fields(text) {
		if field == "\n" {
			end(States)
			first = ""
			continue
		}
		body, mark := strip(field)
		if first == "" {
			first = strings.ToLower(body)
		}
		for _, w := range phrase(body) {
			if len(w) == 0 {
				continue
			}
			if now.Words = append(now.Words, w); len(now.Words) >= maxWords {
				end(Continues)
			}
		}
		switch mark {
		case ',':
			end(Continues)
		case '.', '!':
			end(States)
			first = ""
		case '?':
			if asksFor(first) {
				end(States)
			} else {
				end(Asks)
			}
			first = ""
		}
	}
	end(States)
	return list
}

// asksFor reports whether a question that begins with a word asks for more than yes or no: it is said like a statement.
func asksFor(first string) bool {
	switch strings.TrimSuffix(first, "'s") {
	case "what", "when", "where", "who", "whom", "whose", "why", "which", "how":
		return true
	}
	return false
}

// fields cuts a text at its blanks and dashes; the end of a line is one too.
func fields(text string) []string {
	text = strings.Map(fold, text)
	var list []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.NewReplacer("—", " , ", "–", "-", " - ", " , ", "…", ". ", "_", " ", "*", " ", "`", " ", "|", " , ", "\\", " ").Replace(line)
		list = append(append(list, strings.Fields(line)...), "\n")
	}
	return list
}

// strip takes the brackets and quotes from a word, and says which mark ends it: ',' '.' '!' '?' or 0.
func strip(field string) (body string, mark byte) {
	body = strings.TrimLeft(field, "\"'([{<“‘«,;:.!?-")
	if skipped := field[:len(field)-len(body)]; body != "" && strings.HasSuffix(skipped, "-") && body[0] >= '0' && body[0] <= '9' {
		body = "-" + body
	}
	for body != "" {
		last := body[len(body)-1]
		switch last {
		case '"', '\'', ')', ']', '}', '>':
		case ',', ';', ':', '(':
			mark = max(mark, ',')
		case '!', '?':
			mark = last
		case '.':
			if abbreviated(body) {
				return body, mark
			}
			if mark != '!' && mark != '?' {
				mark = '.'
			}
		default:
			return body, mark
		}
		body = body[:len(body)-1]
	}
	if mark == 0 && strings.ContainsAny(field, ",;:") {
		mark = ','
	}
	return body, mark
}

// abbreviated reports whether a point belongs to the word before it: Mr., e.g., U.S.
func abbreviated(body string) bool {
	bare := strings.ToLower(strings.ReplaceAll(body, ".", ""))
	switch bare {
	case "no", "am", "mon", "pm":
		return strings.Count(body, ".") > 1
	}
	return short.find(bare) != "" && bare != "etc" || len(body) == 2 && isUpper(rune(body[0])) && body[0] != 'I' || len(body) > 3 && body[len(body)-3] == '.' && isLetter(rune(body[len(body)-2]))
}
