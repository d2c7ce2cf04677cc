package cron

import (
	"encoding/json"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a list of tools.
const (
	maxTools    = 256
	maxToolName = 128
)

// everyTool is the name that stands for all tools.
const everyTool = "*"

// patchTools changes the tools that a turn may use: null and the name * are all, an empty list none.
func patchTools(raw json.RawMessage, to *[]string) error {
	if len(raw) == 0 {
		return nil
	}
	var names []string
	if err := json.Unmarshal(raw, &names); err != nil {
		return wit.NewError(wit.CodeInvalid, "toolsAllow must be a list of tools' names, or null")
	}
	if len(names) > maxTools {
		return wit.Errorf(wit.CodeInvalid, "toolsAllow has %d names: at most %d fit", len(names), maxTools)
	}
	for _, name := range names {
		if name != everyTool && !isTool(name) {
			return wit.Errorf(wit.CodeInvalid, "toolsAllow has %.40q, which is no tool's name: groups and patterns are not supported, * alone stands for all", name)
		}
	}
	*to = names
	return nil
}

// isTool reports whether a tool can have this name.
func isTool(name string) bool {
	return name != "" && len(name) <= maxToolName && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.'
	})
}
