package policy

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// plainKeys are the arguments of a call that runs a command which change nothing about what is run.
var plainKeys = []string{"command", "cwd", "workdir", "timeout", "timeoutMs", "timeoutSeconds"}

// CommandOf is the command that a call's arguments tell a tool to run, "" where they say anything besides that may
// change what is run.
func CommandOf(args wit.JSON) string {
	d := json.NewDecoder(bytes.NewReader(args))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		key, err := d.Token()
		name, _ := key.(string)
		if _, twice := fields[name]; err != nil || twice || !slices.Contains(plainKeys, name) {
			return "" // of two with one name, a tool may take either
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return ""
		}
		fields[name] = value
	}
	var command string
	if json.Unmarshal(fields["command"], &command) != nil {
		return ""
	}
	return command
}

// Executables are what a shell runs for a command, in order: one for each part of a pipeline. It is nil for everything that
// does more than running programs with arguments, such as redirections, substitutions and lists of commands.
func Executables(command string) []string {
	parts, ok := pipeline(command)
	if !ok {
		return nil
	}
	var list []string
	for _, part := range parts {
		name, _, _ := strings.Cut(strings.TrimLeft(part, " \t"), " ")
		name, _, _ = strings.Cut(name, "\t")
		if name == "" || strings.ContainsAny(name, `"'\*?[]{}~$=#!`) {
			return nil
		}
		list = append(list, name)
	}
	return list
}

// pipeline splits a command at its bars. It is not ok where a shell does something else than passing words on: quotes hold
// what they hold literally, as far as they do so in a shell.
func pipeline(command string) (parts []string, ok bool) {
	const bare, single, double = 0, '\'', '"'
	state, begin := rune(bare), 0
	for i, c := range command {
		switch {
		case c == 0 || c == '\n' || c == '\r' || c == '\\': // a shell reads on, or differently
			return nil, false
		case state == single:
			if c == '\'' {
				state = bare
			}
		case c == '$' || c == '`':
			return nil, false
		case state == double:
			if c == '"' {
				state = bare
			}
		case c == '\'' || c == '"':
			state = c
		case c == '|':
			parts, begin = append(parts, command[begin:i]), i+1
		case strings.ContainsRune("<>&;()", c):
			return nil, false
		}
	}
	return append(parts, command[begin:]), state == bare
}
