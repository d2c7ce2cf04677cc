// Package manifest reads plugin.json and says what is wrong with it, and whether code is what it says.
//
// Decode checks all that can be checked without the code, strictly: what it does not know is refused, and
// each problem is named by its path. Verify compares a file of code's imports and exports with the manifest. A
// Schema checks configurations and tools' arguments. Nothing here keeps state, and everything is safe for
// concurrent use.
package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/carapace-gateway/carapace/wit"
)

// ABI is the version of the contract that this gateway speaks.
const ABI = 1

// MaxBytes bounds plugin.json.
const MaxBytes = 256 << 10

const (
	maxProblems    = 8
	maxName        = 64
	maxDescription = 500
	maxReason      = 300
	maxTools       = 64
	maxHooks       = 32
	maxHosts       = 64
	maxSchema      = 64 << 10
	maxMemory      = 1 << 30
	maxDeadline    = 10 * 60 * 1000
	maxInstances   = 64
)

var (
	idPattern      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	entryPattern   = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*\.wasm)(?:#([a-z0-9][a-z0-9-]{0,63}))?$`)
	toolPattern    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)
	fieldPattern   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)
	hostPattern    = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[0-9]{1,5})?$`)
	methodPattern  = regexp.MustCompile(`^[A-Z]{1,16}$`)
	channelExtras  = []string{"edit", "delete", "react", "typing", "poll", "skip", "migrate"}
	webhookMethods = []string{"GET", "POST", "PUT"}
)

// Decode reads plugin.json: strictly, and with every rule that can be checked without the code.
// gateway is this gateway's version; a range cannot be checked against one that is not SemVer.
//
// The error is CodeInvalid and names each problem by its path.
func Decode(data []byte, gateway string) (*wit.Manifest, error) {
	if len(data) > MaxBytes {
		return nil, wit.Errorf(wit.CodeTooLarge, "plugin.json has %d bytes, at most %d are read", len(data), MaxBytes)
	}
	m := &wit.Manifest{}
	if err := wit.UnmarshalStrict(data, m); err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "plugin.json: %w", err)
	}
	c := &checker{}
	c.identity(m, gateway)
	c.provides(&m.Provides)
	c.permissions(m)
	if len(m.Config) > 0 {
		if _, err := NewSchema(m.Config); err != nil {
			c.problem("config", "%s", err)
		}
	}
	c.limits(m.Limits)
	return m, c.err()
}

// checker collects what is wrong with a manifest.
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

// text checks that a text is there and not too long.
func (c *checker) text(path, value string, limit int) {
	switch {
	case strings.TrimSpace(value) == "":
		c.problem(path, "is missing")
	case len(value) > limit:
		c.problem(path, "has %d bytes, at most %d", len(value), limit)
	}
}

func (c *checker) identity(m *wit.Manifest, gateway string) {
	if !idPattern.MatchString(m.ID) {
		c.problem("id", "%.80q is not 1 to 64 lower-case letters, digits and hyphens", m.ID)
	}
	c.text("name", m.Name, maxName)
	c.text("description", m.Description, maxDescription)
	if _, err := semver.StrictNewVersion(m.Version); err != nil {
		c.problem("version", "%.80q is not a version such as 1.2.0", m.Version)
	}
	if m.ABI != ABI {
		c.problem("abi", "%d is not spoken by this gateway: build against contract version %d", m.ABI, ABI)
	}
	if m.Host != nil {
		c.hostRange(*m.Host, gateway)
	}
	switch {
	case entryPattern.MatchString(m.Entry):
	case strings.HasSuffix(m.Entry, ".js"), strings.HasSuffix(m.Entry, ".ts"):
		c.problem("entry", "%.80q: JavaScript plugins are not run by this version: build a plugin.wasm", m.Entry)
	default:
		c.problem("entry", "%.80q is neither plugin.wasm nor bundle.wasm#id", m.Entry)
	}
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

func (c *checker) provides(p *wit.Provides) {
	if p.Channel == nil && p.Provider == nil && len(p.Tools) == 0 && len(p.Hooks) == 0 {
		c.problem("provides", "names nothing: give channel, provider, tools or hooks")
	}
	if p.Channel != nil {
		c.channel(p.Channel)
	}
	if p.Provider != nil {
		c.text("provides.provider.label", p.Provider.Label, maxName)
	}
	if len(p.Tools) > maxTools || len(p.Hooks) > maxHooks {
		c.problem("provides", "has %d tools and %d hooks, at most %d and %d", len(p.Tools), len(p.Hooks), maxTools, maxHooks)
		return
	}
	names := map[string]bool{}
	for i, t := range p.Tools {
		c.tool(fmt.Sprintf("provides.tools[%d]", i), &t)
		if names[t.Name] {
			c.problem(fmt.Sprintf("provides.tools[%d].name", i), "%q is a duplicate", t.Name)
		}
		names[t.Name] = true
	}
	for i, h := range p.Hooks {
		path := fmt.Sprintf("provides.hooks[%d]", i)
		if !h.Name.Valid() {
			c.problem(path+".name", "is missing")
		}
		if slices.ContainsFunc(p.Hooks[:i], func(o wit.HookFacts) bool { return o.Name == h.Name }) {
			c.problem(path+".name", "%q is a duplicate", h.Name)
		}
		if h.Deadline < 0 || h.Deadline > maxDeadline {
			c.problem(path+".deadline", "%d is not 0 to %d ms", h.Deadline, maxDeadline)
		}
	}
}

func (c *checker) tool(path string, t *wit.ToolDefinition) {
	if !toolPattern.MatchString(t.Name) {
		c.problem(path+".name", "%.80q is not a letter and up to 63 letters, digits, _ and -", t.Name)
	}
	c.text(path+".description", t.Description, 4096)
	if len(t.Parameters) == 0 {
		c.problem(path+".parameters", "is missing: give a JSON Schema, {\"type\":\"object\"} for no arguments")
	} else if _, err := NewSchema(t.Parameters); err != nil {
		c.problem(path+".parameters", "%s", err)
	}
}

func (c *checker) channel(f *wit.ChannelFacts) {
	c.text("provides.channel.label", f.Label, maxName)
	for i, op := range f.Operations {
		if !slices.Contains(channelExtras, op) {
			c.problem(fmt.Sprintf("provides.channel.operations[%d]", i), "%.40q is none of %s", op, strings.Join(channelExtras, ", "))
		}
	}
	if f.SendInterval < 0 || f.MaxMedia < 0 {
		c.problem("provides.channel", "sendInterval and maxMedia are not negative")
	}
	w := f.Webhook
	if w == nil {
		return
	}
	needsHeader := w.Auth == wit.WebhookAuthHeader || w.Auth == wit.WebhookAuthHMACSHA256 || w.Auth == wit.WebhookAuthEd25519
	if needsHeader && (w.Header == nil || *w.Header == "") {
		c.problem("provides.channel.webhook.header", "is missing: which header carries what %s checks?", w.Auth)
	}
	if w.Auth != wit.WebhookAuthNone && (w.Credential == nil || *w.Credential == "") {
		c.problem("provides.channel.webhook.credential", "is missing: which credential does %s check with?", w.Auth)
	}
	for i, m := range w.Methods {
		if !slices.Contains(webhookMethods, m) {
			c.problem(fmt.Sprintf("provides.channel.webhook.methods[%d]", i), "%.20q is none of %s", m, strings.Join(webhookMethods, ", "))
		}
	}
}

func (c *checker) permissions(m *wit.Manifest) {
	p := &m.Permissions
	if p.HTTP != nil {
		c.text("permissions.http.reason", p.HTTP.Reason, maxReason)
		c.http(p.HTTP)
	}
	if p.Credential != nil {
		c.text("permissions.credential.reason", p.Credential.Reason, maxReason)
		if len(p.Credential.Names) == 0 || len(p.Credential.Names) > maxHosts {
			c.problem("permissions.credential.names", "names %d credentials: 1 to %d", len(p.Credential.Names), maxHosts)
		}
		for i, name := range p.Credential.Names {
			if !fieldPattern.MatchString(name) {
				c.problem(fmt.Sprintf("permissions.credential.names[%d]", i), "%.80q is not a letter and up to 63 letters, digits, _ and -", name)
			}
		}
	}
	for name, q := range map[string]*wit.Permission{"kv": p.KV, "schedule": p.Schedule, "emit": p.Emit, "media": p.Media} {
		if q != nil {
			c.text("permissions."+name+".reason", q.Reason, maxReason)
		}
	}
}

func (c *checker) http(p *wit.HTTPPermission) {
	if len(p.Hosts) == 0 || len(p.Hosts) > maxHosts {
		c.problem("permissions.http.hosts", "names %d hosts: 1 to %d", len(p.Hosts), maxHosts)
	}
	for i, host := range p.Hosts {
		field, configured := strings.CutPrefix(host, "config:")
		if configured && fieldPattern.MatchString(field) || !configured && len(host) <= 253 && hostPattern.MatchString(host) {
			continue
		}
		c.problem(fmt.Sprintf("permissions.http.hosts[%d]", i), "%.80q is neither a host such as api.example.org, *.example.org or example.org:8443, nor config:field", host)
	}
	for i, method := range p.Methods {
		if !methodPattern.MatchString(method) {
			c.problem(fmt.Sprintf("permissions.http.methods[%d]", i), "%.20q is not a method such as GET", method)
		}
	}
	for i, path := range p.Paths {
		if !strings.HasPrefix(path, "/") || len(path) > 1024 || strings.Contains(path, "..") {
			c.problem(fmt.Sprintf("permissions.http.paths[%d]", i), "%.80q is not a path prefix such as /v1/", path)
		}
	}
}

func (c *checker) limits(l *wit.Limits) {
	if l == nil {
		return
	}
	if l.Memory < 0 || l.Memory > maxMemory {
		c.problem("limits.memory", "%d is not 0 to %d bytes", l.Memory, maxMemory)
	}
	if l.Deadline < 0 || l.Deadline > maxDeadline {
		c.problem("limits.deadline", "%d is not 0 to %d ms", l.Deadline, maxDeadline)
	}
	if l.MaxInstances > maxInstances {
		c.problem("limits.maxInstances", "%d is more than %d", l.MaxInstances, maxInstances)
	}
}

// Entry splits an entry into the file and, for a bundle, which of its plugins is meant.
func Entry(m *wit.Manifest) (file, member string) {
	parts := entryPattern.FindStringSubmatch(m.Entry)
	if parts == nil {
		return "", ""
	}
	return parts[1], parts[2]
}
