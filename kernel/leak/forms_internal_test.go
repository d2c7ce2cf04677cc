package leak

import (
	"slices"
	"testing"
)

// TestForms: in base64 a secret is looked for with all its characters that do not depend on what stands around it.
func TestForms(t *testing.T) {
	for secret, want := range map[string][]string{
		"sixsix":       {"c2l4c2l4"},
		"nine char":    {"bmluZSBjaGFy", "5pbmUgY2hhc", "uaW5lIGNoYX"},
		"fivef":        nil, // too short in base64
		"a>b?c/d e%f~": {"YT5iP2MvZCBlJWZ+", "YT5iP2MvZCBlJWZ-", "a%3Eb%3Fc%2Fd%20e%25f~", "a%3eb%3fc%2fd%20e%25f~", `a\u003eb?c/d e%f~`},
	} {
		forms := Forms(secret)
		for _, form := range append(want, secret) {
			if !slices.Contains(forms, form) {
				t.Errorf("%s is not looked for as %s, but as %q", secret, form, forms)
			}
		}
		if want == nil && len(forms) != 2 { // itself and its digits
			t.Errorf("%s is looked for as %q", secret, forms)
		}
	}
	for escaped, want := range map[string]string{"%2F%3Ax%2B": "%2f%3ax%2b", "ABC%": "ABC%", "AB%C": "AB%C"} {
		if got := lowerEscapes(escaped); got != want {
			t.Errorf("%s in lower case: %s", escaped, got)
		}
	}
}
