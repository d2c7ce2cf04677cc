package spelling

import "strings"

// phrase is the words for what stands between two blanks.
func phrase(text string) []Word {
	for _, scheme := range [...]string{"https://", "http://", "www."} {
		text = strings.TrimPrefix(text, scheme)
	}
	bare := strings.ToLower(strings.ReplaceAll(text, ".", ""))
	if strings.HasSuffix(text, ".") && short.find(bare) != "" {
		return say(short.find(bare))
	}
	list := tokens(text)
	var words []Word
	for i := 0; i < len(list); {
		said, used := quantity(list[i:])
		if used == 0 {
			said, used = single(list, i), 1
		}
		words = append(words, said...)
		i += used
	}
	return words
}

// single is the words for one token.
func single(list []token, i int) []Word {
	t := list[i]
	switch t.kind {
	case word:
		return read(t.text)
	case digits:
		return say(cardinal(t.text)...)
	}
	within := i > 0 && i+1 < len(list)
	switch {
	case t.text == "." && within:
		if len(list[i-1].text) == 1 && len(list[i+1].text) == 1 && list[i-1].kind == word {
			return nil // U.S.A
		}
		return say("dot")
	case t.text == "-" && i == 0 && len(list) > 1 && list[1].kind == digits:
		return say("minus")
	case t.text == "-" && within && list[i-1].kind == digits && list[i+1].kind == digits && len(list) == 3:
		return say("to")
	case t.text == "/" && !within:
		return nil
	}
	return say(signs.find(t.text))
}

// quantity reads what begins with a number, or with a currency, and says how many tokens that took.
func quantity(list []token) (words []Word, used int) {
	currency, at := list[0].text, 1
	if money.find(currency) == "" {
		currency, at = "", 0
	}
	if at >= len(list) || list[at].kind != digits {
		return nil, 0
	}
	if at == 0 {
		if words, used = moment(list); used > 0 {
			return words, used
		}
	}
	whole, next := grouped(list, at)
	part := ""
	if is(list, next, ".") && next+1 < len(list) && list[next+1].kind == digits && !is(list, next+2, ".") {
		part, next = list[next+1].text, next+2
	}
	switch {
	case currency != "":
		return price(currency, whole, part), next
	case part != "":
		words = say(decimal(whole, part)...)
	case next < len(list) && suffix(list[next].text):
		return say(ordinal(whole)...), next + 1
	case next == at+1:
		words = say(year(whole)...)
	default:
		words = say(cardinal(whole)...)
	}
	if next < len(list) && list[next].kind == word {
		if unit := measures.find(strings.ToLower(list[next].text)); unit != "" {
			return append(words, say(unit)...), next + 1
		}
	}
	return words, next
}

// grouped is a number whose thousands may be set apart by commas, and what comes after it.
func grouped(list []token, at int) (whole string, next int) {
	whole, next = list[at].text, at+1
	for len(whole) <= maxDigits && is(list, next, ",") && next+1 < len(list) && list[next+1].kind == digits && len(list[next+1].text) == 3 {
		whole, next = whole+list[next+1].text, next+2
	}
	return whole, next
}

// price says an amount of money.
func price(currency, whole, part string) []Word {
	unit := money.find(currency)
	if whole == "1" && part == "" {
		unit = coin.find(currency)
	}
	if len(part) == 2 {
		words := say(append(cardinal(whole), unit)...)
		if part != "00" {
			words = append(words, say(pair(number(part))...)...)
		}
		return words
	}
	if part != "" {
		return say(append(decimal(whole, part), unit)...)
	}
	return say(append(cardinal(whole), unit)...)
}

var months = [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}

// moment reads a time, 12:30, or a date, 2026-11-29.
func moment(list []token) (words []Word, used int) {
	part := func(i int, between string) (string, bool) {
		ok := is(list, i, between) && i+1 < len(list) && list[i+1].kind == digits && len(list[i+1].text) == 2
		if !ok {
			return "", false
		}
		return list[i+1].text, true
	}
	first := list[0].text
	if minutes, ok := part(1, ":"); ok && len(first) <= 2 {
		words = say(cardinal(strings.TrimPrefix(first, "0") + strings.Repeat("0", btoi(first == "0")))...)
		switch {
		case minutes == "00":
			words = append(words, say("oh clock")...)
		case minutes[0] == '0':
			words = append(words, say("oh", units[number(minutes)])...)
		default:
			words = append(words, say(pair(number(minutes))...)...)
		}
		return words, 3
	}
	month, ok := part(1, "-")
	day, also := part(3, "-")
	if n := number(month); ok && also && len(first) == 4 && n >= 1 && n <= 12 && day != "00" {
		words = say(months[n-1])
		words = append(words, say(ordinal(strings.TrimPrefix(day, "0"))...)...)
		return append(words, say(year(first)...)...), 5
	}
	return nil, 0
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func is(list []token, i int, text string) bool { return i < len(list) && list[i].text == text }

// suffix reports whether it makes an ordinal of a number.
func suffix(text string) bool {
	switch text {
	case "st", "nd", "rd", "th":
		return true
	}
	return false
}
