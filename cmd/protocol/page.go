package main

import (
	_ "embed"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/protocol"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// head is the part of the page that is written by hand.
//
//go:embed head.md
var head string

// groups are the chapters of the methods, by the beginning of their names.
var groups = []struct{ title, names string }{
	{"The gateway", "connect health status doctor backup. encryption. system.info logs. config. wizard. system-presence diagnostics."},
	{"Conversations", "chat. sessions."},
	{"The assistant", "agent agents. models. commands."},
	{"Channels", "channels."},
	{"Outgoing messages", "send delivery. message. poll"},
	{"Files", "media."},
	{"Speech", "tts."},
	{"Voice", "voicewake. talk."},
	{"Scheduled jobs", "cron."},
	{"Usage", "usage."},
	{"Tasks", "tasks. audit."},
	{"Heartbeats", "last-heartbeat set-heartbeats wake system-event"},
	{"Approvals", "approval. exec. openclaw. plugin."},
	{"Credentials", "credentials."},
	{"Plugins", "plugins. registries. skills. tools. hooks."},
	{"MCP servers", "mcp."},
	{"Devices", "device."},
	{"Nodes", "node. environments."},
}

// group is the chapter of a method, or -1.
func group(method string) int {
	return slices.IndexFunc(groups, func(g struct{ title, names string }) bool {
		return slices.ContainsFunc(strings.Fields(g.names), func(n string) bool {
			return method == n || strings.HasPrefix(method, strings.TrimSuffix(n, ".")+".")
		})
	})
}

// writer writes the page.
type writer struct {
	d        *protocol.Document
	contract protocol.Contract
	out      io.Writer
	uses     map[string]int // of a definition; 1 is written where it is used
}

func (w *writer) print(format string, args ...any) { fmt.Fprintf(w.out, format, args...) }

func (w *writer) page() {
	w.count()
	w.print("%s\n", strings.TrimSpace(head))
	w.print("\n## Frames\n\n")
	for _, f := range []*rpc.Schema{w.d.Request, w.d.Response, w.d.News} {
		def := w.d.Types.Target(f)
		w.print("### %s\n\n%s\n\n", def.Of.Name(), description(def))
		w.table(def, false)
	}
	w.print("## Methods\n\n")
	for i, g := range groups {
		w.print("### %s\n\n", g.title)
		for _, m := range w.contract.Methods {
			if group(m.Name) == i {
				w.method(m.Name, w.d.Methods[m.Name])
			}
		}
	}
	w.print("## Events\n\n| Event | Scope | May be missed | |\n|---|---|---|---|\n")
	for _, e := range w.contract.Events {
		missed := ""
		if e.DropIfSlow {
			missed = "yes"
		}
		w.print("| [`%s`](#event-%s) | %s | %s | %s |\n", e.Name, anchor(e.Name), scope(e.Scope), missed,
			first(w.d.Types.Target(w.d.Events[e.Name].Payload).Description))
	}
	w.print("\n")
	for _, e := range w.contract.Events {
		w.print("#### Event `%s`\n\n", e.Name)
		if by := w.causes(e.Name); len(by) > 0 {
			w.print("After %s.\n\n", links(by, ""))
		}
		w.body("Payload", w.d.Events[e.Name].Payload, false)
	}
	w.print("## Types\n\n")
	for _, name := range slices.Sorted(maps.Keys(w.d.Types.Defs)) {
		if def := w.d.Types.Defs[name]; w.uses[name] != 1 && !w.frame(name) {
			w.print("#### Type `%s`\n\n%s\n\n", name, description(def))
			w.table(def, def.Closed)
		}
	}
}

// causes are the methods that bring about an event.
func (w *writer) causes(event string) (names []string) {
	for _, m := range w.contract.Methods {
		if slices.Contains(m.Events, event) {
			names = append(names, m.Name)
		}
	}
	return names
}

func (w *writer) frame(name string) bool {
	return slices.ContainsFunc([]*rpc.Schema{w.d.Request, w.d.Response, w.d.News}, func(s *rpc.Schema) bool { return s.RefName() == name })
}

// count finds the definitions that are used once, as the whole of a payload.
func (w *writer) count() {
	w.uses = map[string]int{}
	var inner func(s *rpc.Schema, n int)
	inner = func(s *rpc.Schema, n int) {
		if s == nil {
			return
		}
		if s.Ref != "" {
			w.uses[s.RefName()] += n
		}
		for _, p := range s.Properties {
			inner(p.Schema, 2)
		}
		inner(s.Items, 2)
		inner(s.Values, 2)
		for _, one := range s.AnyOf {
			inner(one, 2)
		}
	}
	for _, m := range w.d.Methods {
		inner(m.Params, 1)
		inner(m.Early, 1)
		inner(m.Result, 1)
	}
	for _, e := range w.d.Events {
		inner(e.Payload, 1)
	}
	for _, def := range w.d.Types.Defs {
		inner(def, 2)
	}
}

func (w *writer) method(name string, m *protocol.Method) {
	w.print("#### `%s`\n\n", name)
	if m.Summary != "" {
		w.print("%s ", m.Summary)
	}
	w.print("Scope: %s", scope(m.Scope))
	if m.Scope4 != "" {
		w.print(", in protocol 4 %s", scope(m.Scope4))
	}
	w.print(".")
	if m.Audited {
		w.print(" Calls are [noted](audit.md).")
	}
	if len(m.Errors) > 0 {
		w.print(" [Errors](#errors): `%s`.", strings.Join(m.Errors, "`, `"))
	}
	if len(m.Events) > 0 {
		w.print(" Events: %s.", links(m.Events, "event-"))
	}
	w.print("\n\n")
	w.body("Params", m.Params, true)
	if m.Early != nil {
		w.body("Result at once", m.Early, false)
		w.body("Result in the end", m.Result, false)
		return
	}
	w.body("Result", m.Result, false)
}

// links names methods or events, and leads to what is said of each.
func links(names []string, kind string) string {
	var list []string
	for _, name := range names {
		list = append(list, fmt.Sprintf("[`%s`](#%s%s)", name, kind, anchor(name)))
	}
	return strings.Join(list, ", ")
}

func scope(s wire.Scope) string {
	if s == wire.ScopeNone {
		return "none"
	}
	return "`" + string(s) + "`"
}

// body writes what a frame carries: a table, if the type is used only here.
func (w *writer) body(title string, s *rpc.Schema, params bool) {
	def := w.d.Types.Target(s)
	switch {
	case params && len(def.Properties) == 0 && s.Ref != "":
		w.print("%s: none.\n\n", title)
	case s.Ref == "" && len(s.AnyOf) == 0 || w.uses[s.RefName()] != 1:
		w.print("%s: %s.\n\n", title, w.typeOf(s))
	default:
		w.print("%s\n\n", strings.TrimSpace(title+": "+description(def)))
		w.table(def, params)
	}
}

// table writes an object's fields.
func (w *writer) table(def *rpc.Schema, params bool) {
	if len(def.Properties) == 0 {
		return
	}
	w.print("| Field | Type | |\n|---|---|---|\n")
	for _, p := range def.Properties {
		var notes []string
		switch required := slices.Contains(def.Required, p.Name); {
		case params && required:
			notes = append(notes, "Required.")
		case !params && !required:
			notes = append(notes, "Optional.")
		}
		if b := bounds(p.Schema); b != "" && (params || b != "At least 0.") {
			notes = append(notes, b)
		}
		if p.Description != "" {
			notes = append(notes, inJSON(p.Description, def))
		}
		w.print("| `%s` | %s | %s |\n", p.Name, w.typeOf(p.Schema), strings.ReplaceAll(strings.Join(notes, " "), "|", "\\|"))
	}
	w.print("\n")
}

// description is a type's comment.
func description(def *rpc.Schema) string { return inJSON(def.Description, def) }

// inJSON replaces the names that fields have in Go by those that they have on the wire. The type's own name,
// with which its comment begins, stays.
func inJSON(text string, def *rpc.Schema) string {
	start := 0
	if def.Of != nil && strings.HasPrefix(text, def.Of.Name()+" ") {
		start = len(def.Of.Name())
	}
	rest := text[start:]
	for _, p := range def.Properties {
		rest = regexp.MustCompile(`(^|[^\w\x60])`+p.Field+`([^\w\x60]|$)`).ReplaceAllString(rest, "${1}`"+p.Name+"`${2}")
	}
	return text[:start] + rest
}

// typeOf says in words what a schema permits.
func (w *writer) typeOf(s *rpc.Schema) string {
	switch {
	case s.Ref != "":
		return "[" + s.RefName() + "](#type-" + anchor(s.RefName()) + ")"
	case len(s.AnyOf) > 0:
		var list []string
		for _, one := range s.AnyOf {
			list = append(list, w.typeOf(one))
		}
		return strings.Join(list, " or ")
	case len(s.Enum) > 0:
		var list []string
		for _, v := range s.Enum {
			if v != nil {
				list = append(list, fmt.Sprintf("`%v`", v))
			}
		}
		return strings.Join(list, ", ") + orNull(s)
	case s.Items != nil:
		return "list of " + w.typeOf(s.Items) + orNull(s)
	case s.Values != nil:
		return "map of " + w.typeOf(s.Values) + orNull(s)
	case s.ContentEncoding != "":
		return "string (" + s.ContentEncoding + ")" + orNull(s)
	}
	switch t := s.Type.(type) {
	case string:
		return t
	case []string:
		return t[0] + orNull(s)
	}
	return "any JSON"
}

func orNull(s *rpc.Schema) string {
	if _, ok := s.Type.([]string); ok {
		return " or null"
	}
	return ""
}

// bounds says what a place's value is limited to.
func bounds(s *rpc.Schema) string {
	for _, b := range []struct {
		low, high *float64
		unit      string
	}{{s.Minimum, s.Maximum, ""}, {s.MinLength, s.MaxLength, " characters"}, {s.MinItems, s.MaxItems, " items"}, {s.MinProperties, s.MaxProperties, " entries"}} {
		switch {
		case b.low != nil && b.high != nil && *b.low == *b.high:
			return "Exactly " + figure(*b.low) + b.unit + "."
		case b.low != nil && b.high != nil:
			return figure(*b.low) + " to " + figure(*b.high) + b.unit + "."
		case b.low != nil:
			return "At least " + figure(*b.low) + b.unit + "."
		case b.high != nil:
			return "At most " + figure(*b.high) + b.unit + "."
		}
	}
	return ""
}

func figure(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// anchor is what a heading's text becomes in a link.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == ' ':
			return '-'
		}
		return -1
	}, heading)
}
