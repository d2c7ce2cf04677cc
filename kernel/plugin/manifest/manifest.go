// Package manifest reads plugin.json and says what is wrong with it, and whether code is what it says.
//
// Decode checks all that can be checked without the code, strictly: what it does not know is refused, and
// each problem is named by its path. Verify compares a file of code's imports and exports with the manifest. A
// Schema checks configurations and tools' arguments. Nothing here keeps state, and everything is safe for
// concurrent use.
package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// maxProblems is how many problems one error names beside those that the contract finds.
const maxProblems = 8

// Decode reads plugin.json: strictly, by the contract, and with every rule beyond it that can be
// checked without the code.
// gateway is this gateway's version; a range cannot be checked against one that is not SemVer.
//
// Errors: CodeTooLarge, and CodeInvalid, which names each problem by its path, or by its line and column where the file cannot be read.
func Decode(data []byte, gateway string) (*wit.Manifest, error) {
	if len(data) > wit.ManifestMax {
		return nil, wit.Errorf(wit.CodeTooLarge, "plugin.json has %d bytes, at most %d are read", len(data), wit.ManifestMax)
	}
	m := &wit.Manifest{}
	if err := codec.UnmarshalStrict(data, m); err != nil {
		return nil, misread(data, err)
	}
	c := &checker{}
	if err := m.Validate(); err != nil {
		c.problems = append(c.problems, err.Error())
	}
	c.identity(m, gateway)
	c.provides(m)
	c.oauth2(m)
	c.changes(m)
	if len(m.Config) > 0 && len(m.Config) <= wit.ManifestConfigMax {
		if s, err := NewSchema(m.Config); err != nil {
			c.problem("config", "%s", err)
		} else {
			c.defaults(s, len(m.Config))
		}
		c.form(m.Config)
	}
	return m, c.err()
}

// checker collects what is wrong with a manifest and the contract cannot say.
type checker struct{ problems []string }

func (c *checker) problem(path, format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, path+": "+fmt.Sprintf(format, args...))
	}
}

func (c *checker) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	return wit.NewError(wit.CodeInvalid, "plugin.json: "+strings.Join(c.problems, "; "))
}

func (c *checker) identity(m *wit.Manifest, gateway string) {
	if m.Version != "" && !isVersion(m.Version) {
		c.problem("version", "%.80q is not a version such as 1.2.0", m.Version)
	}
	if m.ABI != wit.ABI {
		c.problem("abi", "%d is not spoken by this gateway: build against contract version %d", m.ABI, wit.ABI)
	}
	if m.Host != nil {
		c.hostRange(*m.Host, gateway)
	}
}

// maxVersion bounds a version, in bytes: names of files are made of it.
const maxVersion = 64

func isVersion(text string) bool {
	_, err := semver.StrictNewVersion(text)
	return err == nil && len(text) <= maxVersion
}

func (c *checker) hostRange(text, gateway string) {
	wanted, err := semver.NewConstraint(text)
	if err != nil {
		c.problem("host", "%.80q is not a version range such as >=1.0.0 <2", text)
		return
	}
	have, err := semver.NewVersion(gateway)
	if err != nil {
		return
	}
	// A pre-release of this gateway counts as the release that it leads to.
	if release, err := have.SetPrerelease(""); err == nil && !wanted.Check(&release) {
		c.problem("host", "this plugin wants a gateway %s, and this is %s: install another version of one of them", text, gateway)
	}
}

func (c *checker) provides(m *wit.Manifest) {
	p := &m.Provides
	if len(p.Kinds()) == 0 {
		c.problem("provides", "names nothing: say what the plugin is")
	}
	if p.Channel != nil && p.Channel.Webhook != nil {
		c.webhook("provides.channel.webhook", p.Channel.Webhook, m)
	}
	if p.Channel != nil && p.Channel.Visitors != nil {
		c.visitors("provides.channel.visitors", p.Channel)
	}
	c.webhooks(p, m)
	for i, t := range p.Tools {
		path := fmt.Sprintf("provides.tools[%d]", i)
		if len(t.Parameters) > 0 && len(t.Parameters) <= wit.ToolDefinitionParametersMax {
			if _, err := NewSchema(t.Parameters); err != nil {
				c.problem(path+".parameters", "%s", err)
			}
		}
		if slices.ContainsFunc(p.Tools[:i], func(o wit.ToolDefinition) bool { return o.Name == t.Name }) {
			c.problem(path+".name", "%q is a duplicate", t.Name)
		}
	}
	for i, h := range p.Hooks {
		if slices.ContainsFunc(p.Hooks[:i], func(o wit.HookFacts) bool { return o.Name == h.Name }) {
			c.problem(fmt.Sprintf("provides.hooks[%d].name", i), "%q is a duplicate", h.Name)
		}
	}
}

// visitors checks a page, whose files the plugin has to give.
func (c *checker) visitors(path string, facts *wit.ChannelFacts) {
	if !slices.Contains(facts.Operations, "page") {
		c.problem(path, `the page needs the operation "page", which gives its files`)
	}
	files := facts.Visitors.Files
	for i, f := range files {
		if slices.ContainsFunc(files[:i], func(o wit.PagePart) bool { return o.Name == f.Name }) {
			c.problem(fmt.Sprintf("%s.files[%d].name", path, i), "%q is a duplicate", f.Name)
		}
	}
	if !slices.ContainsFunc(files, func(f wit.PagePart) bool { return f.Name == "" }) {
		c.problem(path+".files", "there is no page among them, which is the one without a name")
	}
}

// webhooks checks a plugin's own routes. Where its accounts have addresses too, one address must not be both.
func (c *checker) webhooks(p *wit.Provides, m *wit.Manifest) {
	for i, r := range p.Webhooks {
		path := fmt.Sprintf("provides.webhooks[%d]", i)
		if slices.ContainsFunc(p.Webhooks[:i], func(o wit.WebhookRoute) bool { return o.Path == r.Path }) {
			c.problem(path+".path", "%q is a duplicate", r.Path)
		}
		if p.Channel != nil && p.Channel.Webhook != nil && !strings.HasPrefix(r.Path, "-/") {
			c.problem(path+".path", "%.80q could be an account of the channel, which has a webhook: begin it with -/", r.Path)
		}
		c.webhook(path+".accepts", &r.Accepts, m)
	}
}

// webhook checks that a recipe makes sense.
func (c *checker) webhook(path string, w *wit.WebhookFacts, m *wit.Manifest) {
	for _, p := range proof.Sense(w, surroundings(m)) {
		c.problem(path+"."+p.Field, "%s", p.Text)
	}
}

// surroundings are what of a manifest its recipes have to fit.
func surroundings(m *wit.Manifest) proof.Surroundings {
	var schema struct{ Properties map[string]json.RawMessage }
	_ = json.Unmarshal(m.Config, &schema) // one that is no schema is a problem of its own
	return proof.Surroundings{HTTP: m.Permissions.HTTP, HasField: func(name string) bool { return schema.Properties[name] != nil }}
}

// Entry splits an entry, which the contract's pattern has passed, into the file and, for a bundle, which
// of its plugins is meant.
func Entry(m *wit.Manifest) (file, member string) {
	file, member, _ = strings.Cut(m.Entry, "#")
	return file, member
}

// Limits are a manifest's, with the contract's defaults where it names none.
func Limits(m *wit.Manifest) wit.Limits {
	l := wit.Limits{}
	if m.Limits != nil {
		l = *m.Limits
	}
	l.Memory = cmp.Or(l.Memory, wit.LimitsMemoryDefault)
	l.Deadline = cmp.Or(l.Deadline, wit.LimitsDeadlineDefault)
	l.MaxInstances = cmp.Or(l.MaxInstances, wit.LimitsMaxInstancesDefault)
	return l
}
