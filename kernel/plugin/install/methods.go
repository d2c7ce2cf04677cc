package install

import (
	"cmp"
	"context"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Params are an installation.
type Params struct {
	Source
	// Digest is the one that plugins.preview showed to the owner: then the plugin gets what it asks for. Without it, somebody whom
	// the owner trusts has to have signed it, and an update that asks for more waits for its grant.
	Digest string `json:"digest,omitempty" rpc:"min=1,max=128"`
	// Older says that a version before the installed one is meant, OtherSigner that signatures of others are.
	Older       bool `json:"older,omitempty"`
	OtherSigner bool `json:"otherSigner,omitempty"`
	CatalogParams
}

// CatalogParams are how clients of protocol 4 name a package: by the catalog that they know it from. It is looked for in the
// registries of the owner's, whichever catalog that is.
type CatalogParams struct {
	Catalog     string `json:"source,omitempty" rpc:"enum=official|clawhub"`
	PluginID    string `json:"pluginId,omitempty" rpc:"min=1,max=64"`
	PackageName string `json:"packageName,omitempty" rpc:"min=1,max=128"`
	Version     string `json:"version,omitempty" rpc:"min=1,max=64"`
	// AcknowledgeCapabilities says that the owner has seen what the plugin asks for. Its review token is the digest.
	AcknowledgeCapabilities *Acknowledgement `json:"acknowledgeCapabilities,omitempty"`
	// AcknowledgeInstallPolicyWarning is accepted and changes nothing: what nobody vouches for needs its digest.
	AcknowledgeInstallPolicyWarning bool `json:"acknowledgeInstallPolicyWarning,omitempty"`
}

// Acknowledgement has the reviewToken of the error that has asked for it.
type Acknowledgement struct {
	ReviewToken string `json:"reviewToken" rpc:"required,min=1,max=128"`
}

// plain says the same without CatalogParams. Errors: CodeInvalid for a package that is named in both ways, or in none.
func (p Params) plain() (Params, error) {
	c := p.CatalogParams
	if c == (CatalogParams{}) {
		return p, nil
	}
	name := map[string]string{"official": c.PluginID, "clawhub": c.PackageName}[c.Catalog]
	if name == "" || c.PluginID != "" && c.PackageName != "" || p.Source != (Source{}) {
		return p, wit.NewError(wit.CodeInvalid, "say what is installed in one way: source official with pluginId, source clawhub with packageName, or neither")
	}
	p.Source = Source{Name: name, Range: c.Version}
	if c.AcknowledgeCapabilities != nil {
		p.Digest = c.AcknowledgeCapabilities.ReviewToken
	}
	return p, nil
}

// InstallResult is what clients of protocol 4 are told of a plugin that they have installed.
type InstallResult struct {
	OK     bool    `json:"ok"`
	Plugin Summary `json:"plugin"`
	// RestartRequired is false: it runs at once.
	RestartRequired bool     `json:"restartRequired"`
	Warnings        []string `json:"warnings,omitempty"`
}

// Summary is a plugin in few words.
type Summary struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Version     string `json:"version,omitempty"`
	Installed   bool   `json:"installed"`
	Enabled     bool   `json:"enabled"`
	State       string `json:"state" rpc:"enum=enabled|disabled|error"`
	Error       string `json:"error,omitempty"`
}

// UpdateParams are an update of an installed plugin, from where it was from. Digest is as for plugins.install.
type UpdateParams struct {
	ID          string `json:"id" rpc:"required,min=1,max=64"`
	Digest      string `json:"digest,omitempty" rpc:"min=1,max=128"`
	OtherSigner bool   `json:"otherSigner,omitempty"`
}

// RollbackParams name a version to go back to.
type RollbackParams struct {
	ID string `json:"id" rpc:"required,min=1,max=64"`
	// Digest is one of versions in plugins.info; the version before the current one when left out.
	Digest string `json:"digest,omitempty" rpc:"min=1,max=128"`
}

// RemoveParams name a plugin by either of the two names that clients use.
type RemoveParams struct {
	ID string `json:"id,omitempty" rpc:"min=1,max=64"`
	// PluginID is another name for id.
	PluginID string `json:"pluginId,omitempty" rpc:"min=1,max=64"`
}

// Params name a plugin.
type idParams struct {
	ID string `json:"id" rpc:"required,min=1,max=64"`
}

// Removed names a plugin that is gone.
type Removed struct {
	OK bool   `json:"ok"`
	ID string `json:"id"`
	// PluginID is id once more.
	PluginID string `json:"pluginId"`
	// Removed says what is gone.
	Removed []string `json:"removed"`
	// RestartRequired is false: it has ended by then.
	RestartRequired bool `json:"restartRequired"`
}

// Step is how far an installation is.
type Step string

const (
	StepChecked Step = "checked" // it was read, and its signatures are right
	StepTried   Step = "tried"   // its code is what the manifest says, compiles, and starts
	StepWritten Step = "written" // it is installed
	StepLive    Step = "live"    // it runs
)

// Progress says how far an installation is.
type Progress struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Step    Step   `json:"step"`
}

// ProgressKind is published at each step of an installation.
var ProgressKind = event.Kind[Progress]{Name: "plugins.installing", Scope: wire.ScopeAdmin, DropIfSlow: true}

// Events lists the kinds that an Installer publishes.
func Events() []event.Row { return []event.Row{ProgressKind.Row()} }

func (i *Installer) tell(id string, v depot.Version, s Step) {
	ProgressKind.Publish(i.Bus, Progress{ID: id, Version: v.Version, Digest: v.Digest, Step: s})
}

// Methods are the installer's rows of the method table.
func (i *Installer) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("plugins.preview", wire.ScopeAdmin, i.preview).Fails(wire.ForeignErrors()...).
			Doc("Shows a plugin before it is installed: who signed it, what it asks for and why, what it will be able to reach. Nothing is changed, and none of its code runs."),
		rpc.New("plugins.install", wire.ScopeAdmin, i.installAsked).Audited().OneOf(plugin.Details{}, InstallResult{}).Fails(wire.ForeignErrors()...).Emits("plugins.installing", "plugins.changed").
			Doc("Installs a plugin and returns it; plugins.installing tells how far it is. What does not run changes nothing."),
		rpc.New("plugins.update", wire.ScopeAdmin, func(ctx context.Context, p UpdateParams) (plugin.Details, error) {
			return i.install(ctx, Params{Source: Source{Update: p.ID}, Digest: p.Digest, OtherSigner: p.OtherSigner})
		}).Audited().Fails(wire.ForeignErrors()...).Emits("plugins.installing", "plugins.changed").
			Doc("Installs what is now where a plugin was installed from."),
		rpc.New("plugins.rollback", wire.ScopeAdmin, i.goBack).Audited().Fails(wire.NotFound, wire.Conflict).Emits("plugins.installing", "plugins.changed").
			Doc("Makes an earlier version of a plugin run again, with what it was granted then."),
		rpc.New("plugins.revokeGrant", wire.ScopeAdmin, func(ctx context.Context, p idParams) (plugin.Details, error) {
			return i.then(p.ID, i.Plugins.Revoke(ctx, p.ID))
		}).Audited().Fails(wire.NotFound).Emits("plugins.changed").
			Doc("Takes back all that a plugin was granted: it stops, and waits for plugins.grant."),
		rpc.New("plugins.uninstall", wire.ScopeAdmin, i.remove).Audited().Fails(wire.NotFound, wire.Conflict).Emits("plugins.changed").
			Doc("Removes an installed plugin with all its versions. Its settings, its credentials and what it was granted stay."),
	}
}

// installAsked answers as it was asked. Clients of protocol 4 that are to look at a plugin first are told so in the error's details.
func (i *Installer) installAsked(ctx context.Context, p Params) (any, error) {
	plain, err := p.plain()
	if err != nil {
		return nil, err
	}
	d, err := i.install(ctx, plain)
	if err != nil || p.Catalog == "" {
		return d, err
	}
	s := Summary{ID: d.ID, Name: d.Name, Description: d.Description, Version: d.Version, Installed: true, Enabled: true, State: "enabled"}
	switch {
	case !i.Enabled(d.ID):
		s.Enabled, s.State = false, "disabled"
	case d.State == plugin.StateFailed:
		s.State, s.Error = "error", d.Reason
	}
	return InstallResult{OK: true, Plugin: s}, nil
}

func (i *Installer) remove(ctx context.Context, p RemoveParams) (Removed, error) {
	id := cmp.Or(p.ID, p.PluginID)
	if id == "" || p.ID != "" && p.PluginID != "" && p.ID != p.PluginID {
		return Removed{}, wit.NewError(wit.CodeInvalid, "invalid plugins.uninstall params: name one plugin")
	}
	return Removed{OK: true, ID: id, PluginID: id, Removed: []string{"files"}}, i.Plugins.Remove(ctx, id)
}

// then returns a plugin after something was done to it.
func (i *Installer) then(id string, err error) (plugin.Details, error) {
	if err != nil {
		return plugin.Details{}, err
	}
	return i.Plugins.Info(id)
}
