package redact

import "strings"

// shape is what a vendor's keys look like: a prefix, and from least to most bytes of a class after it.
type shape struct {
	prefix      string
	class       func(byte) bool
	least, most int
}

// unlimited keys are taken out however long they are.
const unlimited = 1 << 30

// shapes are the keys of payment services, code hosts, package registries, model providers, chat services and
// clouds, as their documentation shows them.
var shapes = []shape{
	{"sk-", urlSafe, 20, unlimited},
	{"sk_live_", alphanumeric, 16, unlimited},
	{"sk_test_", alphanumeric, 16, unlimited},
	{"rk_live_", alphanumeric, 16, unlimited},
	{"whsec_", alphanumeric, 16, unlimited},
	{"ghp_", alphanumeric, 30, unlimited},
	{"gho_", alphanumeric, 30, unlimited},
	{"ghu_", alphanumeric, 30, unlimited},
	{"ghs_", alphanumeric, 30, unlimited},
	{"ghr_", alphanumeric, 30, unlimited},
	{"github_pat_", urlSafe, 30, unlimited},
	{"glpat-", urlSafe, 20, unlimited},
	{"npm_", alphanumeric, 30, unlimited},
	{"pypi-", urlSafe, 40, unlimited},
	{"hf_", alphanumeric, 30, unlimited},
	{"gsk_", alphanumeric, 30, unlimited},
	{"xoxb-", urlSafe, 20, unlimited},
	{"xoxp-", urlSafe, 20, unlimited},
	{"xoxa-", urlSafe, 20, unlimited},
	{"xoxr-", urlSafe, 20, unlimited},
	{"xoxs-", urlSafe, 20, unlimited},
	{"xapp-", urlSafe, 20, unlimited},
	{"dop_v1_", alphanumeric, 40, unlimited},
	{"shpat_", alphanumeric, 30, unlimited},
	{"SG.", dotted, 40, unlimited},
	{"ya29.", urlSafe, 20, unlimited},
	{"AIza", urlSafe, 35, 35},
	{"AKIA", upper, 16, 16},
	{"ASIA", upper, 16, 16},
	{"eyJ", dotted, 40, unlimited}, // a JSON web token
}

// apiKey finds keys by their vendors' prefixes.
func apiKey(text string) (length, shown int) {
	for _, s := range shapes {
		if !strings.HasPrefix(text, s.prefix) {
			continue
		}
		rest := text[len(s.prefix):]
		n := countLeading(rest, s.class, s.most)
		if n >= s.least && (n == len(rest) || !alphanumeric(rest[n])) {
			return len(s.prefix) + len(strings.TrimRight(rest[:n], ".")), 0
		}
	}
	return 0, 0
}

// botToken finds a number, a colon and 35 characters, as a chat platform gives its bots. Its URLs have
// it after the word bot, which stays.
func botToken(text string) (length, shown int) {
	const word, least, most, secret = "bot", 8, 12, 35
	if strings.HasPrefix(text, word) {
		shown = len(word)
	}
	n := shown + countLeading(text[shown:], digit, most)
	if n < shown+least || n == len(text) || text[n] != ':' {
		return 0, 0
	}
	if countLeading(text[n+1:], urlSafe, secret+1) != secret {
		return 0, 0
	}
	return n + 1 + secret, shown
}

// bearer finds the token after the word Bearer, which stays.
func bearer(text string) (length, shown int) {
	const word, least = "bearer ", 16
	if len(text) < len(word) || !strings.EqualFold(text[:len(word)], word) {
		return 0, 0
	}
	n := countLeading(text[len(word):], credential, unlimited)
	if n < least {
		return 0, 0
	}
	return len(word) + n, len(word)
}

// privateKey finds a block in PEM. One without an end goes on to the end of the text.
func privateKey(text string) (length, shown int) {
	const begin, key, end, dashes, longest = "-----BEGIN ", "PRIVATE KEY", "-----END ", "-----", 64
	if !strings.HasPrefix(text, begin) {
		return 0, 0
	}
	head := text[len(begin):min(len(text), len(begin)+longest)]
	label, _, ok := strings.Cut(head, dashes)
	if !ok || !strings.Contains(label, key) {
		return 0, 0
	}
	at := strings.Index(text, end)
	if at < 0 {
		return len(text), 0
	}
	at += len(end)
	if close := strings.Index(text[at:min(len(text), at+longest)], dashes); close >= 0 {
		at += close + len(dashes)
	}
	return at, 0
}

// card finds 13 to 19 digits, also in groups, that have a payment card's first digit and check digit.
func card(text string) (length, shown int) {
	const least, most = 13, 19
	if text[0] < '2' || text[0] > '6' {
		return 0, 0
	}
	var digits []byte
	for i := 0; i < len(text) && len(digits) <= most; i++ {
		c := text[i]
		switch {
		case digit(c):
			digits = append(digits, c)
		case (c == ' ' || c == '-') && i+1 < len(text) && digit(text[i+1]):
		default:
			i = len(text)
			continue
		}
		ends := i+1 == len(text) || !alphanumeric(text[i+1])
		if digit(c) && ends && len(digits) >= least && len(digits) <= most && luhn(digits) {
			length = i + 1
		}
	}
	return length, 0
}

// luhn checks the last digit against the others.
func luhn(digits []byte) bool {
	sum := 0
	for i, c := range digits {
		n := int(c - '0')
		if (len(digits)-i)%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}
