package spelling

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed rules.txt
var rulesText string

// rule says how letters sound between what stands left and right of them.
type rule struct {
	left, letters, right string
	sounds               string
}

// rules are those that begin with each letter, in their order.
var rules = sync.OnceValue(func() (table [26][]rule) {
	for line := range strings.Lines(rulesText) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "# ") || line == "#" || line == "" {
			continue
		}
		pattern, sounds, _ := strings.Cut(line, " =")
		left, rest, _ := strings.Cut(pattern, "[")
		letters, right, _ := strings.Cut(rest, "]")
		at := &table[letters[0]-'a']
		*at = append(*at, rule{left, letters, right, strings.TrimSpace(sounds)})
	}
	return table
})

// spell is a word by the rules, without its stress.
func spell(word string) Word {
	padded := "_" + word + "_"
	var w Word
	for at := 1; at < len(padded)-1; {
		r := match(padded, at)
		if r == nil {
			at++ // an apostrophe
			continue
		}
		w = append(w, parse(r.sounds)...)
		at += len(r.letters)
	}
	return w
}

func match(padded string, at int) *rule {
	c := padded[at]
	if c < 'a' || c > 'z' {
		return nil
	}
	list := rules()[c-'a']
	for i := range list {
		r := &list[i]
		if strings.HasPrefix(padded[at:], r.letters) && before(padded[:at], r.left) && after(padded[at+len(r.letters):], r.right) {
			return r
		}
	}
	return nil
}

// after reports whether a text begins with what the pattern says.
func after(text, pattern string) bool {
	if pattern == "" {
		return true
	}
	rest := pattern[1:]
	switch pattern[0] {
	case '#':
		n := 0
		for n < len(text) && vowel(text[n]) {
			n++
		}
		return n > 0 && after(text[n:], rest)
	case ':':
		n := 0
		for n < len(text) && consonant(text[n]) {
			n++
		}
		return after(text[n:], rest)
	case '%':
		for _, suffix := range [...]string{"er_", "ers_", "e_", "es_", "ed_", "ing_", "ings_", "ely_"} {
			if strings.HasPrefix(text, suffix) {
				return true
			}
		}
		return false
	}
	return text != "" && class(pattern[0], text[0]) && after(text[1:], rest)
}

// before reports whether a text ends with what the pattern says, which is read from its end.
func before(text, pattern string) bool {
	if pattern == "" {
		return true
	}
	last := len(pattern) - 1
	rest := pattern[:last]
	switch pattern[last] {
	case '#':
		n := len(text)
		for n > 0 && vowel(text[n-1]) {
			n--
		}
		return n < len(text) && before(text[:n], rest)
	case ':':
		n := len(text)
		for n > 0 && consonant(text[n-1]) {
			n--
		}
		return before(text[:n], rest)
	case '&', '@':
		if two := text[max(0, len(text)-2):]; two == "ch" || two == "sh" || pattern[last] == '@' && two == "th" {
			return before(text[:len(text)-2], rest)
		}
	}
	return text != "" && class(pattern[last], text[len(text)-1]) && before(text[:len(text)-1], rest)
}

// class reports whether a letter is one of those that a sign of the pattern stands for.
func class(sign, letter byte) bool {
	switch sign {
	case '^':
		return consonant(letter)
	case '.':
		return strings.IndexByte("bdvgjlmnrwz", letter) >= 0
	case '+':
		return strings.IndexByte("eiy", letter) >= 0
	case '&':
		return strings.IndexByte("scgzxj", letter) >= 0
	case '@':
		return strings.IndexByte("tsrdlznj", letter) >= 0
	}
	return sign == letter
}

func vowel(c byte) bool { return strings.IndexByte("aeiouy", c) >= 0 }

func consonant(c byte) bool { return c >= 'a' && c <= 'z' && !vowel(c) }
