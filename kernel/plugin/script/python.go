package script

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// IsPython reports whether a manifest's entry is a module in Python.
func IsPython(entry string) bool { return path.Ext(entry) == ".py" }

// notPython are folders that have none of a plugin's own modules: what an interpreter or a test puts there, and the SDK, of
// which the gateway has its own.
var notPython = []string{"__pycache__", "carapace", "tests", "venv"}

// isPythonFile reports whether a file may be a module of a plugin, which those of its tests are not.
func isPythonFile(name string) bool {
	return pythonFile.MatchString(name) && name != "conftest.py" && !strings.HasPrefix(name, "test_") && !strings.HasSuffix(name, "_test.py")
}

var pythonFile = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\.py$`)

// PythonExports are the names that a module in Python defines at its top, as far as can be told without running it:
// functions, what is imported by name, and what is assigned to one name.
func PythonExports(text string) (names []string) {
	for line := range pythonLines(text) {
		if m := pythonDef.FindStringSubmatch(line); m != nil {
			names = append(names, m[1]+m[2]) // one of them is empty
		} else if m := pythonImport.FindStringSubmatch(line); m != nil {
			for part := range strings.SplitSeq(strings.Trim(strings.TrimSpace(m[1]), "()"), ",") {
				words := strings.Fields(part)
				if len(words) > 0 {
					names = append(names, words[len(words)-1])
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

var (
	pythonDef    = regexp.MustCompile(`^(?:def[ \t]+([A-Za-z_][A-Za-z0-9_]*)[ \t]*[(\[]|([A-Za-z_][A-Za-z0-9_]*)[ \t]*(?::[^=]*)?=[^=])`)
	pythonImport = regexp.MustCompile(`^from[ \t]+[.A-Za-z0-9_]+[ \t]+import[ \t]+(.+)$`)
)

// pythonLines are the logical lines of a module that begin at its margin, without comments and with its texts empty: a line
// goes on in brackets, in a text of three quotes and behind a backslash.
func pythonLines(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		s := pythonScan{text: text}
		for s.at < len(text) {
			line, margin := s.line()
			if margin && !yield(line) {
				return
			}
		}
	}
}

// pythonScan reads a module from its beginning to its end.
type pythonScan struct {
	text string
	at   int
}

// line reads a logical line. margin says that it begins where the module does.
func (s *pythonScan) line() (line string, margin bool) {
	var b strings.Builder
	depth, start := 0, s.at
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case c == '#':
			s.comment()
			continue
		case c == '"' || c == '\'':
			s.quoted(c)
			b.WriteString(`""`)
			continue
		case c == '\\':
			s.at += 2
			b.WriteByte(' ')
			continue
		case c == '\n' && depth == 0:
			s.at++
			return b.String(), b.Len() > 0 && s.text[start] != ' ' && s.text[start] != '\t'
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth = max(depth-1, 0)
		case c == '\n' || c == '\r':
			c = ' '
		}
		b.WriteByte(c)
		s.at++
	}
	s.at = len(s.text)
	return b.String(), b.Len() > 0 && s.text[start] != ' ' && s.text[start] != '\t'
}

// comment passes over one, up to the end of its line.
func (s *pythonScan) comment() {
	end := strings.IndexByte(s.text[s.at:], '\n')
	if end < 0 {
		end = len(s.text) - s.at
	}
	s.at += end
}

// quoted passes over a text, also over one that has no end.
func (s *pythonScan) quoted(quote byte) {
	mark := strings.Repeat(string(quote), 3)
	if !strings.HasPrefix(s.text[s.at:], mark) {
		mark = mark[:1]
	}
	for s.at += len(mark); s.at < len(s.text); s.at++ {
		switch {
		case s.text[s.at] == '\\':
			s.at++
		case s.text[s.at] == '\n' && len(mark) == 1: // it is not valid
			return
		case strings.HasPrefix(s.text[s.at:], mark):
			s.at += len(mark)
			return
		}
	}
	s.at = len(s.text)
}
