package plain

import "strings"

// Words are arguments for somebody to copy into a shell: each is one word there and says nothing else, whoever chose it.
// Where one looks like an option, -- goes before all of them.
func Words(args ...string) string {
	words := make([]string, 0, len(args)+1)
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			words = append(words, "--")
			break
		}
	}
	for _, a := range args {
		words = append(words, word(Line(a)))
	}
	return strings.Join(words, " ")
}

// word quotes for a POSIX shell what is more than letters, digits and what means nothing there.
func word(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@:./+-", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
