// Package menu has the commands that a platform lists when somebody types a slash: what the gateway understands, or what the owner
// of an account has named.
package menu

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
)

// Command is one entry of a menu.
type Command struct {
	// Name is made of lower-case letters, digits, hyphens and underscores, without the slash.
	Name string
	// About is a line for people, never empty.
	About string
}

// Bounds of a command, which are those of the platforms that are strictest, and of a menu.
const (
	maxName  = 32
	maxAbout = 100
	most     = 50
)

// Default are the commands that the gateway understands.
func Default() []Command { return append(Shared(), own()...) }

// Shared are those of them that everybody in a group may give: the gateway refuses others to people who are not its owner.
func Shared() []Command {
	return []Command{{"help", "What there is"}, {"status", "What is going on"}, {"whoami", "Who you are to the assistant"}}
}

func own() []Command {
	return []Command{
		{"new", "Start a new conversation"}, {"stop", "Stop what the assistant is doing"},
		{"compact", "Remember the beginning of the conversation as a summary"}, {"model", "Show the model, or choose one"},
		{"think", "Show how much the assistant thinks, or choose"}, {"reasoning", "Show whether it says what it thought, or choose"},
		{"voice", "Show whether answers are spoken, or choose"},
	}
}

// Read reads commands as owners write them, each a line `name: what it does`. What no platform would take is left out, as is a name
// that is there already, and what comes behind the first 50.
func Read(lines json.Value) (commands []Command) {
	for line := range lines.Items() {
		name, about, _ := strings.Cut(line.Text(), ":")
		name, about = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "/")), strings.TrimSpace(about)
		if about == "" {
			about = name
		}
		named := func(c Command) bool { return c.Name == name }
		if isName(name) && len(commands) < most && !slices.ContainsFunc(commands, named) {
			commands = append(commands, Command{name, texts.Clip(about, maxAbout)})
		}
	}
	return commands
}

// ReadPlain is Read for platforms whose commands have no hyphens: what has one is left out.
func ReadPlain(lines json.Value) []Command {
	return slices.DeleteFunc(Read(lines), func(c Command) bool { return strings.Contains(c.Name, "-") })
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// Print is short for what a platform was told: whoever keeps it knows whether it has to be told again.
func Print(told ...string) string {
	h := fnv.New64a()
	for _, t := range told {
		_, _ = h.Write([]byte(t))
	}
	return strconv.FormatUint(h.Sum64(), 36)
}
