package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// channel is a column of the table.
type channel struct {
	folder, label string
	facts         *wit.ChannelFacts
	proofs        proofs
}

// generate returns the page of the module at root.
func generate(root string) ([]byte, error) {
	features, err := constants(root)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, "builtin-plugins/*/plugin.json"))
	if err != nil {
		return nil, err
	}
	var channels []channel
	for _, file := range files {
		c, err := readChannel(file, features)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if c.facts != nil {
			channels = append(channels, c)
		}
	}
	slices.SortFunc(channels, func(a, b channel) int { return cmp.Compare(a.label, b.label) })
	var out bytes.Buffer
	write(&out, channels)
	return out.Bytes(), nil
}

// readChannel reads a plugin. Its facts are nil where it is no channel.
func readChannel(file string, features map[string]channeltest.Feature) (c channel, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	var m wit.Manifest
	if err := wit.UnmarshalStrict(data, &m); err != nil || m.Provides.Channel == nil {
		return c, err
	}
	c = channel{folder: m.ID, label: m.Provides.Channel.Label, facts: m.Provides.Channel}
	if c.proofs, err = readProofs(filepath.Dir(file), features); err != nil {
		return c, err
	}
	return c, c.check()
}

// declared are the features that a manifest declares, and those that it could declare.
func (c channel) declared() map[channeltest.Feature]bool {
	can := func(operation string) bool { return slices.Contains(c.facts.Operations, operation) }
	return map[channeltest.Feature]bool{
		channeltest.EditsOut: can("edit"), channeltest.DeletionsOut: can("delete"), channeltest.ReactionsOut: can("react"),
		channeltest.TypingOut: can("typing"), channeltest.Polls: can("poll"), channeltest.Directory: can("directory"),
		channeltest.Threads: c.facts.Threads, channeltest.Buttons: c.facts.Actions != nil, channeltest.MediaOut: c.facts.MaxMedia > 0,
		channeltest.Streaming: c.facts.DraftInterval > 0,
	}
}

// check compares what a manifest declares with what tests prove.
func (c channel) check() error {
	var problems []error
	for feature, is := range c.declared() {
		switch proven := len(c.proofs[feature]) > 0; {
		case is && !proven:
			problems = append(problems, fmt.Errorf("the manifest declares %q, and no test proves it", feature))
		case !is && proven:
			problems = append(problems, fmt.Errorf("%v proves %q, which the manifest does not declare", c.proofs[feature], feature))
		}
	}
	for _, feature := range []channeltest.Feature{channeltest.TextIn, channeltest.TextOut} {
		if len(c.proofs[feature]) == 0 {
			problems = append(problems, fmt.Errorf("no test proves %q", feature))
		}
	}
	return errors.Join(problems...)
}

// write writes the page.
func write(out *bytes.Buffer, channels []channel) {
	fmt.Fprint(out, head)
	row(out, "", channels, func(c channel) string { return "[" + c.label + "](../builtin-plugins/" + c.folder + "/README.md)" })
	row(out, "---", channels, func(channel) string { return "---" })
	for _, feature := range channeltest.Features() {
		row(out, string(feature), channels, func(c channel) string {
			if len(c.proofs[feature]) > 0 {
				return "✓"
			}
			return ""
		})
	}
	fmt.Fprint(out, "\n## Limits\n\n")
	row(out, "", channels, func(c channel) string { return c.label })
	row(out, "---", channels, func(channel) string { return "---" })
	row(out, "longest message", channels, longest)
	row(out, "between two messages", channels, func(c channel) string { return milliseconds(c.facts.SendInterval) })
	row(out, "largest file", channels, func(c channel) string { return size(c.facts.MaxMedia) })
	row(out, "buttons in a row", channels, func(c channel) string {
		if c.facts.Actions == nil {
			return "numbered choices"
		}
		return fmt.Sprint(max(1, c.facts.Actions.MaxPerRow))
	})
	row(out, "knows a message that is sent again", channels, func(c channel) string {
		if c.facts.Deduplicates {
			return "yes"
		}
		return "no"
	})
	fmt.Fprint(out, "\n## What proves it\n\n")
	for _, c := range channels {
		fmt.Fprintf(out, "- **%s**: %s\n", c.label, strings.Join(c.tests(), ", "))
	}
}

// head is how the page begins.
const head = `# Channels

What each built-in channel can do. A mark stands only where a test of the channel proves it: the tests are named below. In is what people
do and the assistant learns of, out what the assistant does.

`

// row writes one row of a table.
func row(out *bytes.Buffer, name string, channels []channel, cell func(channel) string) {
	fmt.Fprintf(out, "| %s |", name)
	for _, c := range channels {
		fmt.Fprintf(out, " %s |", cell(c))
	}
	fmt.Fprintln(out)
}

// tests are the names of the tests that prove something.
func (c channel) tests() (names []string) {
	for _, list := range c.proofs {
		names = append(names, list...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for i := range names {
		names[i] = "`" + names[i] + "`"
	}
	return names
}

func longest(c channel) string {
	if c.facts.MaxLength == 0 {
		return "any"
	}
	unit := map[wit.LengthUnit]string{wit.LengthUnitCharacters: "characters", wit.LengthUnitUTF16: "UTF-16 units"}[c.facts.LengthUnit]
	return fmt.Sprintf("%d %s", c.facts.MaxLength, cmp.Or(unit, "bytes"))
}

func milliseconds(ms int64) string {
	if ms == 0 {
		return "no pause"
	}
	return fmt.Sprintf("%g s", float64(ms)/1000)
}

func size(n int64) string {
	switch {
	case n == 0:
		return "none"
	case n < 1<<20:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d MB", n>>20)
}
