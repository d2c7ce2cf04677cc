package problem_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/provider/problem"
)

// TestDescribe: the hint comes first, the server's words are cut, and those about a key are left out.
func TestDescribe(t *testing.T) {
	for explanation, want := range map[string]string{
		"": "p: do this (status 400)", "it is late": "p: do this (status 400): it is late", "Incorrect API Key sk-1": "p: do this (status 400)",
	} {
		if got := problem.Describe("p", "do this", 400, explanation); got != want {
			t.Errorf("%q: %q", explanation, got)
		}
	}
	if got := problem.Describe("p", "do this", 200, strings.Repeat("é", 400)); len(got) > 350 || strings.Contains(got, "status") || !strings.HasSuffix(got, "é…") {
		t.Errorf("%q", got)
	}
	for body, want := range map[string]string{"a text": "a text", "<html><title> Bad Gateway </title>": "Bad Gateway", "<html>": ""} {
		if got := problem.Words(body); got != want {
			t.Errorf("%q: %q", body, got)
		}
	}
}
