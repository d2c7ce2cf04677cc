package config

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Fault is what is wrong with a setting. It is the cause of an error of CodeInvalid that is about one setting; see FaultOf.
type Fault struct {
	// Path is the setting's.
	Path []string
	// Message names the setting and says what is wrong with it.
	Message string
	// place is where it stands in the text, empty where that means nothing to who wrote it.
	place string
}

// Error is the message with the place in the text.
func (f *Fault) Error() string { return f.place + f.Message }

// FaultOf returns what an error says of one setting, nil for an error about something else.
func FaultOf(err error) *Fault {
	if f := (*Fault)(nil); errors.As(err, &f) && len(f.Path) > 0 {
		return f
	}
	return nil
}

// Plugin and Account are whose section the setting is in: a plugin's, or with an account that of a channel's account; empty
// for a setting of the gateway's.
func (f *Fault) Plugin() string {
	if s := sectionOf(f.Path); s != nil {
		return s[1]
	}
	return ""
}

// Account is described at Plugin.
func (f *Fault) Account() string {
	if s := sectionOf(f.Path); len(s) == 4 {
		return s[3]
	}
	return ""
}

// same reports whether two faults are one, wherever in the text it stands.
func (f *Fault) same(other *Fault) bool {
	return f.Message == other.Message && slices.Equal(f.Path, other.Path)
}

// sectionOf is the path of the section of a plugin, of a channel or of a channel's account in which a path leads, nil for
// none. What is wrong in there is wrong for that one alone.
func sectionOf(path []string) []string {
	switch {
	case len(path) < 2 || path[0] != "plugins" && path[0] != "channels":
		return nil
	case len(path) >= 4 && path[0] == "channels" && path[2] == "accounts":
		return path[:4]
	}
	return path[:2]
}

// off is what holds in the place of a section that cannot be used: whom it is about does not run. nil is nothing at all.
func (n *node) off(section []string) *node {
	if len(section) == 4 && !accountID.MatchString(section[3]) {
		return nil
	}
	never := &node{at: n.at, kind: kindObject, fields: []*named{{"enabled", n.at, &node{at: n.at, kind: kindTruth, scalar: wit.JSON("false")}}}}
	if section[0] == "plugins" || len(section) == 4 {
		return never
	}
	accounts := &node{at: n.at, kind: kindObject}
	if said := n.field("accounts"); said != nil {
		for _, f := range said.value.fields {
			if accountID.MatchString(f.name) {
				accounts.fields = append(accounts.fields, &named{f.name, f.at, never})
			}
		}
	}
	return &node{at: n.at, kind: kindObject, fields: []*named{{"accounts", n.at, accounts}}}
}

// Usable reads the settings with every section of a plugin, a channel or an account off that cannot be used. faults say what
// is wrong with those, by their paths. Errors: as Config's, for all that is no such section.
func (d *Document) Usable() (c *Config, faults []*Fault, err error) {
	r, _, err := d.resolved(true, true)
	if err != nil {
		return nil, nil, err
	}
	return r.sparing((*Document).checked)
}

// sparing reads a document, as Usable says.
func (d *Document) sparing(read func(*Document) (*Config, error)) (*Config, []*Fault, error) {
	rest := *d
	for {
		c, err := read(&rest)
		if err == nil {
			slices.SortStableFunc(rest.faults, func(a, b *Fault) int { return slices.Compare(a.Path, b.Path) })
			return c, rest.faults, nil
		}
		f := FaultOf(err)
		if f == nil || !rest.spare(f) {
			return nil, nil, err
		}
	}
}

// spare switches off the section that a fault is in. It reports whether there is one, and that was not done before.
func (d *Document) spare(f *Fault) bool {
	section := sectionOf(f.Path)
	if section == nil || slices.ContainsFunc(d.faults, func(known *Fault) bool { return slices.Equal(sectionOf(known.Path), section) }) {
		return false
	}
	n, whole := d.find(section)
	if !whole {
		return false
	}
	d.root, d.faults = d.root.with(section, n.off(section)), append(slices.Clip(d.faults), f)
	return true
}

// Overlooked is what is wrong with a section of before that is replaced by what holds in its place, or nil. A form that was
// filled with the settings in force has that there, and who saves it would throw away what the owner wrote, without having seen it.
func (d *Document) Overlooked(before *Document) *Fault {
	_, faults, err := before.Usable()
	if err != nil {
		return nil
	}
	for _, f := range faults {
		section := sectionOf(f.Path)
		was, _ := before.find(section)
		now, ok := d.find(section)
		if off := was.off(section); ok && off != nil && bytes.Equal(now.json(), off.json()) {
			return f
		}
	}
	return nil
}

// news is the first of the faults that was not among those before.
func news(faults, before []*Fault) *Fault {
	for _, f := range faults {
		if !slices.ContainsFunc(before, f.same) {
			return f
		}
	}
	return nil
}

// sections are the paths of the sections that are off by one of two lists of faults and not by the other, or for another reason.
func sections(before, now []*Fault) (paths []string) {
	for _, lists := range [][2][]*Fault{{before, now}, {now, before}} {
		for _, f := range lists[0] {
			if news([]*Fault{f}, lists[1]) != nil {
				paths = append(paths, strings.Join(sectionOf(f.Path), "."))
			}
		}
	}
	return paths
}
