package toolserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what is taken of one server.
const (
	maxPages   = 16
	maxListed  = 1000 // that are looked at
	maxTools   = 128  // that are taken: models are told of all of them with each request
	maxTold    = 512 << 10
	maxLeftOut = 20 // that are told of
	maxProblem = 400
	maxTitle   = 120
	maxName    = 64
)

// separator stands between a server's name and a tool's.
const separator = "__"

// lister reads a server's list of tools.
type lister struct {
	server  *server
	session *mcp.ClientSession
	names   map[string]bool
	told    int // bytes of the definitions
	tools   []*Tool
	leftOut []string
}

func newLister(s *server, session *mcp.ClientSession) *lister {
	return &lister{server: s, session: session, names: map[string]bool{}}
}

// read reads all of it, as far as it is taken.
func (l *lister) read(ctx context.Context) error {
	seen, cursor := 0, ""
	for range maxPages {
		page, err := l.session.ListTools(ctx, &mcp.ListToolsParams{Cursor: cursor})
		if err != nil {
			return wit.Errorf(wit.CodeUnavailable, "the server's tools cannot be listed: %w", waited(ctx, err))
		}
		for _, t := range page.Tools {
			if seen++; seen > maxListed {
				l.omit("the list", fmt.Sprintf("it has more than %d tools", maxListed))
				return nil
			}
			if t != nil {
				l.take(t)
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			return nil
		}
	}
	l.omit("the list", fmt.Sprintf("it has more than %d pages", maxPages))
	return nil
}

// omit tells of what is left out.
func (l *lister) omit(what, why string) {
	if len(l.leftOut) < maxLeftOut {
		l.leftOut = append(l.leftOut, clip(what, maxName)+" is left out: "+clip(l.server.Redact(why), maxProblem))
	}
}

// take takes a tool that the owner wants, if it can be used.
func (l *lister) take(t *mcp.Tool) {
	c := l.server.settings
	if slices.Contains(c.Deny, t.Name) || len(c.Allow) > 0 && !slices.Contains(c.Allow, t.Name) {
		return
	}
	tool := &Tool{server: l.server, session: l.session, theirs: t.Name}
	d, err := l.definition(t)
	if err == nil {
		tool.schema, err = l.compile(d.Parameters)
	}
	size := len(d.Name) + len(d.Description) + len(d.Parameters)
	switch {
	case err != nil:
		l.omit(t.Name, err.Error())
		return
	case len(l.tools) >= maxTools:
		l.omit(t.Name, fmt.Sprintf("a server may have %d tools: say by allow or deny which", maxTools))
		return
	case l.told+size > maxTold:
		l.omit(t.Name, fmt.Sprintf("the definitions have more than %d bytes: say by allow or deny which are to be taken", maxTold))
		return
	}
	l.told += size
	l.names[d.Name], tool.definition = true, d
	l.tools = append(l.tools, tool)
}

// definition is a tool as the model sees it. Its error is a phrase.
func (l *lister) definition(t *mcp.Tool) (d wit.ToolDefinition, err error) {
	if t.Name == "" {
		return d, fmt.Errorf("it has no name")
	}
	d = wit.ToolDefinition{Name: l.name(t.Name), Description: description(t), Effects: l.server.settings.Effects}
	if l.names[d.Name] {
		return d, fmt.Errorf("another one has this name")
	}
	if len(d.Effects) == 0 {
		d.Effects = effects(t.Annotations)
	}
	schema, err := json.Marshal(t.InputSchema)
	switch {
	case err != nil:
		return d, fmt.Errorf("its schema is no JSON")
	case len(schema) > wit.ToolDefinitionParametersMax:
		return d, fmt.Errorf("its schema has more than %d bytes", wit.ToolDefinitionParametersMax)
	}
	var is struct {
		Type any `json:"type"`
	}
	if json.Unmarshal(schema, &is) != nil || is.Type != "object" {
		return d, fmt.Errorf("its arguments are no object")
	}
	d.Parameters = schema
	return d, nil
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9_-]`)

// name is how a tool is called here. Where that would be too long, or is taken, a part of the name's hash stands for its end.
func (l *lister) name(theirs string) string {
	prefix := l.server.name + separator
	name := notInNames.ReplaceAllString(theirs, "_")
	if room := maxName - len(prefix); len(name) > room || l.names[prefix+name] {
		sum := sha256.Sum256([]byte(theirs))
		name = name[:min(len(name), room-9)] + "-" + hex.EncodeToString(sum[:4])
	}
	return prefix + name
}

func description(t *mcp.Tool) string {
	for _, text := range []string{t.Description, t.Title, t.Name} {
		if text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD")); text != "" {
			return clip(text, wit.ToolDefinitionDescriptionMax)
		}
	}
	return t.Name
}

// effects are what a tool may do by what its server says, and by what the protocol says of a server that says nothing: then it
// changes things, for good, and reaches others.
func effects(a *mcp.ToolAnnotations) []wit.Effect {
	if a == nil {
		a = &mcp.ToolAnnotations{}
	}
	if a.ReadOnlyHint {
		if a.OpenWorldHint != nil && *a.OpenWorldHint {
			return []wit.Effect{wit.EffectReads, wit.EffectSends}
		}
		return []wit.Effect{wit.EffectReads}
	}
	list := []wit.Effect{wit.EffectWrites}
	if a.OpenWorldHint == nil || *a.OpenWorldHint {
		list = append(list, wit.EffectSends)
	}
	if a.DestructiveHint == nil || *a.DestructiveHint {
		list = append(list, wit.EffectExecutes)
	}
	return list
}

// compile reads a schema. A pattern in another dialect than the one here is left to the server to check.
func (l *lister) compile(text wit.JSON) (Schema, error) {
	s, err := l.server.Compile(text)
	if err == nil {
		return s, nil
	}
	var doc any
	if json.Unmarshal(text, &doc) == nil && withoutPatterns(doc, false) {
		if plain, bad := json.Marshal(doc); bad == nil {
			if s, bad := l.server.Compile(plain); bad == nil {
				return s, nil
			}
		}
	}
	return nil, fmt.Errorf("its schema %w", err)
}

// withoutPatterns takes the patterns out of a schema, and reports whether there were any. names says that the fields of doc are
// names of properties, among which pattern means nothing special.
func withoutPatterns(doc any, names bool) (found bool) {
	switch d := doc.(type) {
	case []any:
		for _, v := range d {
			found = withoutPatterns(v, false) || found
		}
	case map[string]any:
		if _, is := d["pattern"].(string); is && !names {
			delete(d, "pattern")
			found = true
		}
		for name, v := range d {
			found = withoutPatterns(v, !names && (name == "properties" || name == "$defs" || name == "definitions")) || found
		}
	}
	return found
}

// clip cuts a text for people at so many bytes.
func clip(text string, most int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= most {
		return text
	}
	cut := most - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
