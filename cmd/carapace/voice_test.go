//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestVoiceCommands run what docs/voice.md shows, in its order, and compare what is printed.
func TestVoiceCommands(t *testing.T) {
	t.Parallel()
	state, dir := stateDir(t), t.TempDir()
	serve(t, state)
	page, err := os.ReadFile("../../docs/voice.md")
	if err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, block := range strings.Split(string(page), "```sh\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for _, step := range strings.Split(block, "$ ")[1:] {
			line, want, _ := strings.Cut(step, "\n")
			args := words(strings.ReplaceAll(line, "morning.wav", filepath.Join(dir, "morning.wav")))
			got := trailing.ReplaceAllString(strings.ReplaceAll(must(t, state, args[1:]...), dir+"/", ""), "")
			if strings.TrimSpace(got) != strings.TrimSpace(want) {
				t.Errorf("%s prints\n%s\nthe page has\n%s", line, got, want)
			}
			run++
		}
	}
	if run < 8 {
		t.Errorf("the page shows %d commands", run)
	}
	sound, err := os.ReadFile(filepath.Join(dir, "morning.wav"))
	if err != nil || len(sound) < 30_000 || string(sound[:4]) != "RIFF" {
		t.Errorf("the sound has %d bytes: %v", len(sound), err)
	}
	for line, want := range map[string]string{
		"voice say hello --out x.mp3":      "klatt speaks wav",
		"voice say hello --provider eliza": "is no plugin that speaks",
		"voice provider nobody":            "is no plugin that speaks",
		"voice say hello --out no/such/f":  "write the sound",
	} {
		if r := carapace(t, state, strings.Fields(line)...); r.code != exitFailed || !strings.Contains(r.err, want) {
			t.Errorf("%s: %d %s", line, r.code, r.err)
		}
	}
	if r := carapace(t, state, "voice", "shout"); r.code != exitUsage {
		t.Errorf("%d %s", r.code, r.err)
	}
	if got := must(t, state, "voice", "wake", "--json"); !strings.Contains(got, `"triggers"`) {
		t.Error(got)
	}
}

// trailing are the blanks that end the lines of a table whose last cell is empty.
var trailing = regexp.MustCompile(`(?m) +$`)

// words cuts a command line at its blanks, but for those inside of quotes.
func words(line string) (list []string) {
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}
