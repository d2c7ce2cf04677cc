package install

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/plugin/grant"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// Preview is what there is to know of a plugin before it is installed.
type Preview struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Version     string       `json:"version"`
	Description string       `json:"description,omitempty"`
	License     string       `json:"license,omitempty"`
	Homepage    string       `json:"homepage,omitempty"`
	Maturity    wit.Maturity `json:"maturity,omitempty"`
	Support     string       `json:"support,omitempty"`
	// Changes are what is new in this version, and in those since the installed one.
	Changes  []wit.Change `json:"changes"`
	Provides wit.Provided `json:"provides"`
	// Digest names it: plugins.install wants it again.
	Digest string `json:"digest"`
	// Bytes is the length of the archive.
	Bytes  int64        `json:"bytes"`
	Origin depot.Origin `json:"origin"`
	// Signers have signed it; Trusted says that the owner trusts one of them.
	Signers []SignedBy `json:"signers"`
	Trusted bool       `json:"trusted"`
	// Permissions are what it asks for, with its reasons; Reach says what it will be able to do with them.
	Permissions []plugin.PermissionRow `json:"permissions"`
	Reach       []string               `json:"reach"`
	Limits      wit.Limits             `json:"limits"`
	// Lacking is what it is, uses and asks for beyond what the plugin of this id was granted so far.
	Lacking []string `json:"lacking"`
	// Installed is the version that is installed. Older says that this one comes before it, OtherSigner that it is signed by
	// others: plugins.install wants to be told that this is meant.
	Installed   string `json:"installed,omitempty"`
	Older       bool   `json:"older,omitempty"`
	OtherSigner bool   `json:"otherSigner,omitempty"`
	// Same says that it is what is installed.
	Same bool `json:"same,omitempty"`
	// Warnings are what to think of before.
	Warnings []string `json:"warnings"`
}

// SignedBy is who has signed.
type SignedBy struct {
	Key archive.Signer `json:"key"`
	// Name is what the owner calls somebody whom they trust.
	Name string `json:"name,omitempty"`
}

// preview is the work of the method plugins.preview. Nothing is changed, and no code is run.
func (i *Installer) preview(ctx context.Context, s Source) (Preview, error) {
	a, err := i.fetch(ctx, s)
	if err != nil {
		return Preview{}, err
	}
	m := a.Manifest
	p := Preview{
		ID: m.ID, Name: m.Name, Version: m.Version, Description: m.Description, License: text(m.License), Homepage: text(m.Homepage), Provides: m.Provides.Summary(),
		Digest: a.digest, Bytes: int64(len(a.data)), Origin: a.origin, Signers: []SignedBy{}, Trusted: i.trusted(a.Package),
		Permissions: i.Plugins.Permissions(m), Reach: reach(m), Limits: manifest.Limits(m), Lacking: append([]string{}, i.Plugins.Lacking(m)...), Warnings: []string{},
	}
	for _, s := range a.Signers() {
		p.Signers = append(p.Signers, SignedBy{s, i.nameOf(s)})
	}
	if now, there := i.current(m.ID); there {
		p.Installed, p.Older, p.OtherSigner, p.Same = now.Version, older(m.Version, now.Version), !i.vouched(a.Package, now), now.Digest == a.digest
	}
	if p.Support = text(m.Support); m.Maturity != nil {
		p.Maturity = *m.Maturity
	}
	p.Changes = news(m, p.Installed)
	p.Warnings = append(p.Warnings, i.warnings(&p)...)
	for _, name := range slices.Sorted(maps.Keys(a.unread)) {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the registry %s may have a %s too and could not be looked at: %s", name, p.ID, a.unread[name]))
	}
	return p, nil
}

func (i *Installer) warnings(p *Preview) (list []string) {
	switch {
	case len(p.Signers) == 0:
		list = append(list, "nobody has signed it: whoever could change it on its way may have")
	case !p.Trusted:
		list = append(list, "it is signed by somebody whom you have not named as trusted")
	}
	if p.Maturity == wit.MaturityExperimental {
		list = append(list, "its author calls it experimental: it may change, or be given up")
	}
	if p.Older {
		list = append(list, fmt.Sprintf("it is older than the %s that is installed", p.Installed))
	}
	if p.OtherSigner {
		list = append(list, fmt.Sprintf("it is not signed by who signed the %s that is installed", p.Installed))
	}
	if now, err := i.Plugins.Info(p.ID); err == nil && now.Origin == plugin.OriginBuiltIn {
		list = append(list, "it takes the place of a plugin that came with the gateway, with its settings and credentials")
	}
	return list
}

// news are the changes of a version, and of those between another one and it.
func news(m *wit.Manifest, since string) []wit.Change {
	list := []wit.Change{}
	for _, c := range m.Changes {
		if c.Version == m.Version || since != "" && older(since, c.Version) && older(c.Version, m.Version) {
			list = append(list, c)
		}
	}
	return list
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// reach says in words what a plugin will be able to do, beyond what it does when it is called.
func reach(m *wit.Manifest) []string {
	list := []string{}
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	p := &m.Permissions
	if h := p.HTTP; h != nil {
		paths := ""
		if len(h.Paths) > 0 {
			paths = ", below " + strings.Join(h.Paths, " ")
		}
		say("send requests to %s%s", hosts(h.Hosts), paths)
	}
	if c := p.Credential; c != nil {
		say("have the gateway put into them the credentials %s, which it does not see", strings.Join(c.Names, ", "))
	}
	for _, can := range []struct {
		asked    bool
		what, of string
		only     []string // where it is not for all
	}{
		{p.KV != nil, "keep data of its own", "", nil},
		{p.Media != nil, "read and keep files of your conversations that it is told of", "", nil},
		{p.Schedule != nil, "wake by itself at times", "", nil},
		{p.Emit != nil, "tell apps that are connected", "", nil},
		{p.MessageSend != nil, "write to people", " through", grant.Named(p, "messageSend")},
		{p.AgentRun != nil, "have an agent work, with its tools", ", of", grant.Named(p, "agentRun")},
		{p.SessionRead != nil, "read conversations", " of", grant.Named(p, "sessionRead")},
		{p.ToolInvoke != nil, "call other plugins' tools", ":", grant.Named(p, "toolInvoke")},
	} {
		switch {
		case !can.asked:
		case len(can.only) == 0:
			say("%s", can.what)
		default:
			say("%s%s %s", can.what, can.of, strings.Join(can.only, ", "))
		}
	}
	for _, h := range m.Provides.Hooks {
		say("see each %s, and change or stop it where that hook may", h.Name)
	}
	for _, w := range m.Provides.Webhooks {
		say("be called at /plugins/%s/%s by who proves itself by %s", m.ID, w.Path, w.Accepts.Auth)
	}
	return list
}

// hosts lists hosts for people: a field of the configuration is a place that the owner says.
func hosts(list []string) string {
	var words []string
	for _, h := range list {
		if field, ok := strings.CutPrefix(h, "config:"); ok {
			h = "the address that you set as " + field
		}
		words = append(words, h)
	}
	return strings.Join(words, ", ")
}
