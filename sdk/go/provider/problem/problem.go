// Package problem writes what a server says of a failure as an error's message.
package problem

import (
	"strconv"
	"strings"
)

// maxExplanation bounds what of a server's own words is passed on, in bytes.
const maxExplanation = 300

// Describe puts the hint, which is for the owner, before the server's own words. Those about a key are left out: some
// servers repeat it, and an error is seen by whoever asked. A status below 400 is not told.
func Describe(plugin, hint string, status int64, explanation string) string {
	text := plugin + ": " + hint
	if status >= 400 {
		text += " (status " + strconv.FormatInt(status, 10) + ")"
	}
	if explanation == "" || strings.Contains(strings.ToLower(explanation), "key") {
		return text
	}
	if len(explanation) > maxExplanation {
		explanation = strings.ToValidUTF8(explanation[:maxExplanation], "") + "…"
	}
	return text + ": " + explanation
}

// Words is what a body that is no JSON says: its text, or the title of a page.
func Words(body string) string {
	if !strings.HasPrefix(body, "<") {
		return body
	}
	if _, title, ok := strings.Cut(body, "<title>"); ok {
		title, _, _ = strings.Cut(title, "<")
		return strings.TrimSpace(title)
	}
	return ""
}
