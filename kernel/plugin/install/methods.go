package install

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
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

// Params name a plugin.
type idParams struct {
	ID string `json:"id" rpc:"required,min=1,max=64"`
}

// Removed names a plugin that is gone.
type Removed struct {
	OK bool   `json:"ok"`
	ID string `json:"id"`
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

func (i *Installer) tell(a arrival, s Step) {
	ProgressKind.Publish(i.Bus, Progress{ID: a.Manifest.ID, Version: a.Manifest.Version, Digest: a.digest, Step: s})
}

// Methods are the installer's rows of the method table.
func (i *Installer) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("plugins.preview", wire.ScopeAdmin, i.preview).Fails(wire.NotFound, wire.Conflict, wire.TooLarge).
			Doc("Shows a plugin before it is installed: who signed it, what it asks for and why, what it will be able to reach. Nothing is changed, and none of its code runs."),
		rpc.New("plugins.install", wire.ScopeAdmin, i.install).Audited().Fails(wire.NotFound, wire.Conflict, wire.TooLarge).Emits("plugins.installing", "plugins.changed").
			Doc("Installs a plugin and returns it; plugins.installing tells how far it is. What does not run changes nothing."),
		rpc.New("plugins.update", wire.ScopeAdmin, func(ctx context.Context, p UpdateParams) (plugin.Details, error) {
			return i.install(ctx, Params{Source: Source{Update: p.ID}, Digest: p.Digest, OtherSigner: p.OtherSigner})
		}).Audited().Fails(wire.NotFound, wire.Conflict, wire.TooLarge).Emits("plugins.installing", "plugins.changed").
			Doc("Installs what is now where a plugin was installed from."),
		rpc.New("plugins.rollback", wire.ScopeAdmin, func(ctx context.Context, p RollbackParams) (plugin.Details, error) {
			return i.then(p.ID, i.Plugins.GoBack(ctx, p.ID, p.Digest))
		}).Audited().Fails(wire.NotFound, wire.Conflict).Emits("plugins.installing", "plugins.changed").
			Doc("Makes an earlier version of a plugin run again, with what it was granted then."),
		rpc.New("plugins.revokeGrant", wire.ScopeAdmin, func(ctx context.Context, p idParams) (plugin.Details, error) {
			return i.then(p.ID, i.Plugins.Revoke(ctx, p.ID))
		}).Audited().Fails(wire.NotFound).Emits("plugins.changed").
			Doc("Takes back all that a plugin was granted: it stops, and waits for plugins.grant."),
		rpc.New("plugins.uninstall", wire.ScopeAdmin, func(ctx context.Context, p idParams) (Removed, error) {
			return Removed{OK: true, ID: p.ID}, i.Plugins.Remove(ctx, p.ID)
		}).Audited().Fails(wire.NotFound, wire.Conflict).Emits("plugins.changed").
			Doc("Removes an installed plugin with all its versions. Its settings, its credentials and what it was granted stay."),
	}
}

// then returns a plugin after something was done to it.
func (i *Installer) then(id string, err error) (plugin.Details, error) {
	if err != nil {
		return plugin.Details{}, err
	}
	return i.Plugins.Info(id)
}
