package agent

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
)

// command is a text command, with its line for /help. Urgent ones do not wait for the runs before them.
type command struct {
	name, help string
	urgent     bool
	reach      reach
}

// reach is what a command changes, and so who may give it in a chat.
type reach int

const (
	looks   reach = iota // nothing: everybody may
	stops                // the runs of the session: the owner may, and somebody who has the session alone
	chooses              // the session with a text after it, which the owner may; without one it looks
	changes              // the session: the owner may
)

// commandDenied is what a command becomes whose sender may not give it.
const commandDenied = "denied"

// CommandInfo is a text command as people are told of it.
type CommandInfo struct {
	Name, Help string
	// Category is session, options or status.
	Category string
	// Argument names what may follow, "" where nothing does, and Choices are what it may be, nil for any text.
	Argument string
	Choices  []string
}

// Commands lists the text commands.
func Commands() []CommandInfo {
	var list []CommandInfo
	for _, c := range commandList() {
		info := CommandInfo{Name: c.name, Help: c.help, Category: "status"}
		switch c.name {
		case "model":
			info.Argument, info.Category = "model", "options"
		case "think":
			info.Argument, info.Category, info.Choices = "level", "options", session.ThinkingLevels()
		case "reasoning":
			info.Argument, info.Category, info.Choices = "mode", "options", []string{"off", "on"}
		case "voice":
			info.Argument, info.Category, info.Choices = "mode", "options", session.SpeechModes()
		case "compact":
			info.Argument, info.Category = "focus", "session"
		case "new", "reset":
			info.Argument, info.Category = "message", "session"
		case "stop":
			info.Category = "session"
		}
		list = append(list, info)
	}
	return list
}

// commandList are the texts that are answered without the model.
func commandList() []command {
	return []command{
		{"help", "this list", true, looks},
		{"status", "what is going on", true, looks},
		{"whoami", "who you are to me", true, looks},
		{"stop", "stop what I am doing", true, stops},
		{"new", "start a new conversation; text after it is its first message", false, changes},
		{"reset", "the same as /new", false, changes},
		{"compact", "remember the beginning of this conversation as a summary; text after it says what matters", false, changes},
		{"model", "show the model, or choose one: /model provider/model", false, chooses},
		{"think", "show how much I think, or choose: /think off, low, medium, high, …; a question after it is thought about so much", false, chooses},
		{"reasoning", "show whether I say what I thought above my answers here, or choose: /reasoning on, off", false, chooses},
		{"voice", "show whether I speak my answers here, or choose: /voice off, inbound, always", false, chooses},
	}
}

// splitCommand reads "/name@bot rest". The command is the zero value when text is none.
// Platforms put @bot after a command in groups, and people a colon. A text that begins with another word after the
// slash, a path say, is for the model.
func splitCommand(text string) (c command, rest string) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "/") {
		return command{}, ""
	}
	head, rest, _ := strings.Cut(text, " ")
	head, after, _ := strings.Cut(head, "\n")
	rest = after + " " + rest
	head, _, _ = strings.Cut(head[1:], "@")
	head = strings.ToLower(strings.TrimSuffix(head, ":"))
	for _, c := range commandList() {
		if c.name == head {
			return c, strings.TrimSpace(rest)
		}
	}
	return command{}, ""
}

// AsCommand marks a run that is a text command.
// It is decided when the run is queued, since an urgent one must not wait in the queue. A /think with a question after the level is
// that question, about which is thought so much.
func AsCommand(r run.Run) run.Run {
	c, rest := splitCommand(r.Text)
	if level, question := leveled(c, rest); question != "" {
		r.Thinking, r.Text = level, question
		return r
	}
	r.Command, r.Urgent = c.name, c.urgent
	return r
}

// leveled is what stands after a /think as a level and a question, "" for what has none.
func leveled(c command, rest string) (level, question string) {
	level, question, _ = strings.Cut(rest, " ")
	level = strings.ToLower(strings.TrimSuffix(level, ":"))
	if c.name != "think" || !slices.Contains(session.ThinkingLevels(), level) {
		return "", ""
	}
	return level, strings.TrimSpace(question)
}

// fromChat marks a run that somebody asked for in a chat: as AsCommand does, and a command that its sender may
// not give as denied. alone says that nobody else has the session.
func fromChat(r run.Run, owner, alone bool) run.Run {
	c, rest := splitCommand(r.Text)
	r = AsCommand(r)
	allowed := owner || c.reach == looks || c.reach == stops && alone || c.reach == chooses && rest == ""
	if !allowed {
		r.Command, r.Urgent = commandDenied, true
	}
	return r
}

// resets reports whether the run is a /new or /reset.
func resets(r run.Run) bool { return r.Command == "new" || r.Command == "reset" }

// startsFresh reports whether the run is a /new or /reset with the new conversation's first message.
func startsFresh(r run.Run) bool {
	if !resets(r) {
		return false
	}
	_, rest := splitCommand(r.Text)
	return rest != "" || len(r.Parts)+len(r.Attachments) > 0
}
