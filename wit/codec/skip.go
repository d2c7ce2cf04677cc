package codec

import "unicode/utf8"

// Most of what a guest reads it only passes over. The functions here do that without a level for each array and object:
// they return the place after what begins at i, or -1 where something is wrong with it, and a Reader that goes the same way
// again then says what.

// Whole returns the part of data that is a JSON value if there is nothing else but white space, and null is a value here.
// It returns nil if there is, or if the value is not valid; a Reader says then what is wrong.
func Whole(data []byte) []byte {
	from := space(data, 0)
	end := skip(data, from, MaxDepth)
	if end < 0 || space(data, end) < len(data) {
		return nil
	}
	return data[from:end:end]
}

// skip passes over a value that has at most depth levels.
func skip(b []byte, i, depth int) int {
	if i = space(b, i); i == len(b) {
		return -1
	}
	switch c := b[i]; c {
	case '"':
		return skipText(b, i)
	case '{':
		return skipItems(b, i, depth, '}')
	case '[':
		return skipItems(b, i, depth, ']')
	case 't':
		return skipWord(b, i, "true")
	case 'f':
		return skipWord(b, i, "false")
	case 'n':
		return skipWord(b, i, "null")
	}
	end, ok := endOfNumber(b, i)
	if !ok {
		return -1
	}
	return end
}

// skipItems passes over an array or an object.
func skipItems(b []byte, i, depth int, end byte) int {
	if depth == 0 {
		return -1
	}
	if i = space(b, i+1); i < len(b) && b[i] == end {
		return i + 1
	}
	for {
		if end == '}' {
			if i = space(b, i); i == len(b) || b[i] != '"' {
				return -1
			}
			if i = skipText(b, i); i < 0 {
				return -1
			}
			if i = space(b, i); i == len(b) || b[i] != ':' {
				return -1
			}
			i++
		}
		if i = skip(b, i, depth-1); i < 0 {
			return -1
		}
		if i = space(b, i); i == len(b) {
			return -1
		}
		if b[i] == end {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i++
	}
}

// space passes over white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipText passes over a string.
func skipText(b []byte, i int) int {
	for i++; ; i += 2 {
		rest := b[i:]
		n, ascii := plain(rest)
		if i += n; i == len(b) || !ascii && !utf8.Valid(rest[:n]) {
			return -1
		}
		if b[i] == '"' {
			return i + 1
		}
		if b[i] != '\\' || i+1 == len(b) {
			return -1
		}
		switch b[i+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if _, ok := hex4(b, i); !ok {
				return -1
			}
			i += 4
		default:
			return -1
		}
	}
}

// skipWord passes over a literal.
func skipWord(b []byte, i int, word string) int {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}
