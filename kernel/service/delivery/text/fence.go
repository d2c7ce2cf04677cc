package text

import "strings"

// fence is an open block of code: its marker (``` or longer, or tildes) and what stands behind it.
// The zero fence is none.
type fence struct{ marker, info string }

// reopen is what a piece begins with inside the fence.
func (f fence) reopen() string {
	if f.marker == "" {
		return ""
	}
	return f.marker + f.info + "\n"
}

// close is what a piece ends with inside the fence.
func (f fence) close() string {
	if f.marker == "" {
		return ""
	}
	return "\n" + f.marker
}

// after is the fence that is open behind s, when f is before it.
func (f fence) after(s string, markdown bool) fence {
	if !markdown {
		return fence{}
	}
	for line := range strings.Lines(s) {
		marker, info, ok := fenceLine(line)
		switch {
		case !ok:
		case f.marker == "":
			f = fence{marker, info}
		case strings.HasPrefix(marker, f.marker) && info == "":
			f = fence{}
		}
	}
	return f
}

// maxInfo is the longest info string, in bytes, that is repeated in each piece; a longer one would eat them up.
const maxInfo = 32

// fenceLine reads a line that opens or closes a block of code: at most three spaces, and then three or more
// backticks or tildes. What opens with backticks has none behind them, or it is a code span.
func fenceLine(line string) (marker, info string, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	body := strings.TrimLeft(line, " ")
	if len(line)-len(body) > 3 || body == "" || body[0] != '`' && body[0] != '~' {
		return "", "", false
	}
	n := len(body) - len(strings.TrimLeft(body, body[:1]))
	marker, info = body[:n], strings.TrimSpace(body[n:])
	if n < 3 || body[0] == '`' && strings.Contains(info, "`") {
		return "", "", false
	}
	if len(info) > maxInfo {
		info = ""
	}
	return marker, info, true
}
