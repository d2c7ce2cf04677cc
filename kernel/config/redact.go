package config

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/wit"
)

// redacted stands where a secret does that is not shown. Whoever writes the settings back leaves it as it is.
const redacted = plain.Redacted

// passwordMark stands where a password does in a URL that is shown: net/url writes it.
const passwordMark = ":xxxxx@"

// secretFields name what in gateway is not shown.
func secretFields() []string { return []string{"token", "password"} }

// Section shows a plugin's section, or that of an account of a channel, as the owner may see it.
type Section func(id, account string, section wit.JSON) wit.JSON

// mask is a value that is not shown as it is.
type mask struct {
	path        []string
	real, shown *node
}

// Redact puts a mark in the place of what must not be shown, and returns the settings as they are shown, which nothing
// can be started with; a section that cannot be used is off in them, as Usable has it. Errors: CodeInvalid for a document that
// is none of settings; the marks are in it all the same.
func (d *Document) Redact(show Section) (*Config, error) {
	for _, m := range d.masks(show) {
		d.set(m.path, m.shown)
	}
	shown, _, err := d.resolved(false, true) // what the environment says is not shown
	if err != nil {
		return nil, err
	}
	for _, m := range shown.masks(show) {
		shown.set(m.path, m.shown)
	}
	c, _, err := shown.sparing((*Document).decode)
	return c, err
}

// leastText is from how many bytes on RedactText looks for a value without its quotes. Shorter ones would hit ordinary words.
const leastText = 8

// RedactText puts marks in the place of the texts that Redact would not show, wherever they stand in another text, which
// may be no JSON.
func (d *Document) RedactText(text string, show Section) string {
	var secrets [][2]string // as they stand in JSON, and as they are shown
	for _, m := range d.masks(show) {
		if m.real.kind == kindText && m.shown.kind == kindText {
			secrets = append(secrets, [2]string{string(m.real.scalar), string(m.shown.scalar)})
			continue
		}
		for _, real := range m.real.texts(nil) {
			secrets = append(secrets, [2]string{real, string(quoted(redacted))})
		}
	}
	slices.SortStableFunc(secrets, func(a, b [2]string) int { return len(b[0]) - len(a[0]) }) // one may hold another
	for _, s := range secrets {
		real, shown := s[0][1:len(s[0])-1], s[1][1:len(s[1])-1]
		if real != "" {
			text = strings.ReplaceAll(text, s[0], s[1])
		}
		if len(real) >= leastText {
			text = strings.ReplaceAll(text, real, shown)
		}
	}
	return text
}

// Restore puts what before has in the place of the marks that Redact made of it. Errors: CodeInvalid, with the path, for a
// mark that stands where before says nothing: it would be taken for the value itself.
func (d *Document) Restore(before *Document, show Section) error {
	for _, m := range before.masks(show) {
		if now, ok := d.find(m.path); ok && now.same(m.shown) {
			d.set(m.path, m.real)
		}
	}
	was := before.leaves()
	for path, value := range d.leaves() {
		if value != was[path] && (strings.Contains(value, string(quoted(redacted))) || strings.Contains(value, passwordMark)) {
			return wit.Errorf(wit.CodeInvalid, "%s has a mark that stands for a value that is not shown (%s, or xxxxx in a URL): write the value itself", path, redacted)
		}
	}
	return nil
}

// masks lists what is not shown as it is: the secrets of the gateway and its hooks, what is given to MCP servers, and what show
// changes in sections.
func (d *Document) masks(show Section) (list []mask) {
	for _, path := range [][]string{{"gateway", secretFields()[0]}, {"gateway", secretFields()[1]}, {"hooks", "token"}} {
		if real, ok := d.find(path); ok {
			list = append(list, mask{path, real, hidden()})
		}
	}
	for _, name := range d.names("mcp", "servers") {
		list = d.given(d.given(list, "mcp", "servers", name, "headers"), "mcp", "servers", name, "env")
	}
	for _, id := range d.names("plugins") {
		list = d.strange(list, reflect.TypeFor[Plugin](), "plugins", id)
		list = d.section(list, show, id, "", "plugins", id, "config")
	}
	for _, id := range d.names("channels") {
		list = d.strange(list, reflect.TypeFor[Channel](), "channels", id)
		for _, account := range d.names("channels", id, "accounts") {
			list = d.strange(list, reflect.TypeFor[Account](), "channels", id, "accounts", account)
			list = d.section(list, show, id, account, "channels", id, "accounts", account, "config")
		}
	}
	return list
}

// given adds the texts in an object that may be secrets: those that name no credential.
func (d *Document) given(list []mask, path ...string) []mask {
	for _, name := range d.names(path...) {
		at := append(path[:len(path):len(path)], name)
		if real, ok := d.find(at); ok && !strings.Contains(string(real.scalar), "{{credential:") {
			list = append(list, mask{at, real, hidden()})
		}
	}
	return list
}

// strange adds what stands in a section where no setting of its type does: somebody may have put a secret there. What is
// no text is none, nor is what has only been given a wrong name.
func (d *Document) strange(list []mask, t reflect.Type, path ...string) []mask {
	n, ok := d.find(path)
	if !ok {
		return list
	}
	types, names := fieldsOf(t)
	if n.kind == kindText || n.kind == kindList {
		return append(list, mask{path, n, hidden()})
	}
	for _, f := range n.fields {
		if types[f.name] == nil && len(f.value.texts(nil)) > 0 && (meant(path, f.name, names) == "" || f.value.kind == kindObject) {
			list = append(list, mask{append(path[:len(path):len(path)], f.name), f.value, hidden()})
		}
	}
	return list
}

// section adds the fields of a section that show changes, or all of it where that is no object.
func (d *Document) section(list []mask, show Section, id, account string, path ...string) []mask {
	real, ok := d.find(path)
	if !ok {
		return list
	}
	shown := hidden()
	if seen, err := ParseDocument(show(id, account, real.json())); err == nil {
		shown = seen.root
	}
	if real.kind != kindObject || shown.kind != kindObject {
		if !real.same(shown) {
			list = append(list, mask{path, real, shown})
		}
		return list
	}
	for _, f := range real.fields {
		as := hidden() // also what show leaves out
		if seen := shown.field(f.name); seen != nil {
			as = seen.value
		}
		if !f.value.same(as) {
			list = append(list, mask{append(path[:len(path):len(path)], f.name), f.value, as})
		}
	}
	return list
}

// hidden is a value that is not shown at all.
func hidden() *node { return &node{kind: kindText, scalar: quoted(redacted)} }

// names lists the fields of an object, in their order.
func (d *Document) names(path ...string) (names []string) {
	if n, ok := d.find(path); ok {
		for _, f := range n.fields {
			names = append(names, f.name)
		}
	}
	return names
}

// set puts a value, also null, in the place of the one at a path.
func (d *Document) set(path []string, value *node) {
	d.root = d.root.with(path, value)
	d.text, d.placed = d.root.indented(), false
}

// with is a value that has another one in the place of the one at a path, or with nil none. The value itself stays as it is.
func (n *node) with(path []string, value *node) *node {
	if len(path) == 0 {
		return value
	}
	out := &node{at: n.at, kind: n.kind, fields: slices.Clone(n.fields)}
	i := slices.IndexFunc(out.fields, func(f *named) bool { return f.name == path[0] })
	switch {
	case i < 0:
	case len(path) == 1 && value == nil:
		out.fields = slices.Delete(out.fields, i, i+1)
	default:
		f := out.fields[i]
		out.fields[i] = &named{f.name, f.at, f.value.with(path[1:], value)}
	}
	return out
}

// same reports whether two values mean the same: who writes JSON chooses the blanks and the escapes.
func (n *node) same(other *node) bool {
	var x, y any
	return json.Unmarshal(n.json(), &x) == nil && json.Unmarshal(other.json(), &y) == nil && reflect.DeepEqual(x, y)
}

// texts adds the texts in a value to a list, as they stand in JSON.
func (n *node) texts(list []string) []string {
	if n.kind == kindText {
		list = append(list, string(n.scalar))
	}
	for _, f := range n.fields {
		list = f.value.texts(list)
	}
	for _, item := range n.items {
		list = item.texts(list)
	}
	return list
}
