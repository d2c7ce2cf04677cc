package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestThePage shows what is printed: the same head and the same attacks in the same order.
func TestThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/hostile.md")
	if err != nil {
		t.Fatal(err)
	}
	s := sample{latency{time.Millisecond, time.Millisecond}, latency{time.Millisecond, time.Millisecond}}
	var rows []*row
	for _, a := range append(attacks(), attack{name: "all at once"}) {
		rows = append(rows, &row{attack: a, quiet: []sample{s}, attacked: []sample{s}})
	}
	var printed bytes.Buffer
	report(&printed, rows)
	first := regexp.MustCompile(`(?m)^\| ([a-z -]+) \|`)
	head, _, _ := strings.Cut(printed.String(), "| none")
	shown, want := first.FindAllStringSubmatch(string(page), -1), first.FindAllStringSubmatch(printed.String(), -1)
	if !strings.Contains(string(page), head) || len(shown) != len(want) {
		t.Fatalf("the page has %d rows, and %d are printed under\n%s", len(shown), len(want), head)
	}
	for n := range want {
		if shown[n][1] != want[n][1] {
			t.Errorf("row %d of the page is %q, and %q is printed", n, shown[n][1], want[n][1])
		}
	}
}

// TestJudge finds what a plugin has forged, wherever it stands.
func TestJudge(t *testing.T) {
	t.Parallel()
	const log = "2026-01-01T00:00:00.000Z [ERROR] "
	for text, words := range map[string]string{
		log + "plugin.forger: harmless\\n" + forgedLine + "\n": "",
		log + "plugin.forger: harmless\n" + forgedLine + "\n":  "has the forged line",
		log + "auth: " + forgedLine + "\n":                     "under the name auth",
		log + "plugin.forger: " + forged + "\n":                "has",
		log + "plugin.forger: \x1b[2J" + forgedLine + "\n":     `has "\x1b[2J"`,
		log + "plugin.forger: \u202e" + forgedLine + "\n":      "has",
		log + "plugin.forger: nothing\n":                       "shows nothing",
	} {
		if _, err := judge("the log", text, "forger"); (err == nil) != (words == "") || err != nil && !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v, want %q", text, err, words)
		}
	}
}

// TestRatio marks what is over the bound.
func TestRatio(t *testing.T) {
	t.Parallel()
	quiet := latency{p99: 10 * time.Millisecond}
	for ms, want := range map[time.Duration]string{20: "2.0×", 21: "**2.1×**"} {
		if got, over := ratio(latency{p99: ms * time.Millisecond}, quiet); got != want || over != (ms > 20) {
			t.Errorf("%d ms: %s", ms, got)
		}
	}
}
