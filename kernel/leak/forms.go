// Package leak finds secrets in texts, in each form that a secret is usually written in.
//
// It makes honest mistakes and simple tricks harmless. Who wants to can write a secret in any form, which nobody finds:
// that is why what plugins may reach has to be permitted, and why they do not see secrets in the first place.
package leak

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// leastEncoded is the length from which the middle of a secret in base64 is told from ordinary text.
const leastEncoded = 8

// Forms are the forms of a secret: as it is, escaped for a URL, for JSON or for Go, in hexadecimal digits, and in base64,
// where it depends on what stands before it, so that its middle is looked for. They are in order.
func Forms(secret string) []string {
	digits := hex.EncodeToString([]byte(secret))
	forms := []string{secret, InJSON(secret), plainJSON(secret), quoted(secret), digits, strings.ToUpper(digits)}
	for _, escaped := range []string{url.PathEscape(secret), url.QueryEscape(secret)} {
		forms = append(forms, escaped, lowerEscapes(escaped))
	}
	for before := range 3 {
		padded := append(make([]byte, before), secret...)
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			// The characters at both ends depend on the neighbours.
			text := encoding.EncodeToString(padded)
			text = text[(before*8+5)/6:]
			if rest := len(padded) % 3; rest > 0 {
				text = text[:len(text)-1]
			}
			if len(text) >= leastEncoded {
				forms = append(forms, text)
			}
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// InJSON is the inside of a JSON string.
func InJSON(s string) string {
	b, _ := json.Marshal(s) // each text can be
	return string(b[1 : len(b)-1])
}

// plainJSON is the inside of a JSON string as most programs write it, who leave <, > and & alone.
func plainJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil {
		return s
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

// quoted is the inside of a Go string, as logs have it.
func quoted(s string) string {
	text := strconv.Quote(s)
	return text[1 : len(text)-1]
}

// lowerEscapes writes the digits of percent escapes in lower case.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}
