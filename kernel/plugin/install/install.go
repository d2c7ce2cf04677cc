// Package install is what the owner does with plugins that others have made: look at one before it is installed, install and
// update it, go back, take back what it was granted, and remove it.
//
// What is installed is what was looked at: its digest is said again, or somebody whom the owner trusts has signed it. What is
// older than what runs, or signed by others, needs to be asked for. Nothing is half done: a plugin is tried first where it may run
// at once, and then installed in one transaction. Calls may come at any time; installations happen one after the other.
package install

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// Found is an archive that a registry had.
type Found struct {
	Archive []byte
	// Registry is the one that had it, Unread why each other one that might have it could not be looked at.
	Registry string
	Unread   map[string]string
}

// Finder looks for plugins in registries. Errors: CodeNotFound where none has a version that fits, and why it cannot be had.
type Finder interface {
	Find(ctx context.Context, name, versions string) (Found, error)
}

// Deps is what an Installer stands on.
type Deps struct {
	Plugins *plugin.Registry
	Depot   *depot.Depot
	Bus     *event.Bus
	// Fetch reads what an address has, of at most so many bytes. Errors: those of an address that may not be read, or cannot.
	Fetch func(ctx context.Context, url string, most int64) ([]byte, error)
	// Finder may be nil: no registry is configured.
	Finder Finder
	// Signers are whom the owner trusts to sign plugins: a name of the owner's for each key.
	Signers func() map[string]string
	// Enabled reports whether the owner wants a plugin to run.
	Enabled func(id string) bool
}

// Installer installs plugins.
type Installer struct {
	Deps
	turn sync.Mutex // one installation after the other
}

// New returns an Installer.
func New(d Deps) *Installer { return &Installer{Deps: d} }

// settleTimeout is how long an installation waits for the plugin to run. Its code has been compiled by then.
const settleTimeout = time.Minute

// arrival is an archive that was read and checked.
type arrival struct {
	*archive.Package
	data   []byte
	origin depot.Origin
	digest string
	unread map[string]string // registries that might have it too, and why they could not be looked at
}

// install is the work of the methods plugins.install and plugins.update.
func (i *Installer) install(ctx context.Context, p Params) (plugin.Details, error) {
	i.turn.Lock()
	defer i.turn.Unlock()
	a, err := i.fetch(ctx, p.Source)
	if err != nil {
		return plugin.Details{}, err
	}
	id, v := a.Manifest.ID, depot.Version{Version: a.Manifest.Version, Digest: a.digest}
	i.tell(id, v, StepChecked)
	if err := i.permits(a, p); err != nil {
		return plugin.Details{}, err
	}
	granted := p.Digest != ""
	if granted || i.Plugins.Admits(a.Manifest) {
		if err := i.Plugins.Try(ctx, a.Package); err != nil {
			return plugin.Details{}, wit.Errorf(wit.CodeOf(err), "%s %s does not run, and nothing was changed: %w", id, a.Manifest.Version, err)
		}
		i.tell(id, v, StepTried)
	}
	news, cancel := i.news(id)
	defer cancel()
	if err := i.Plugins.Install(ctx, depot.Incoming{Package: a.Package, Archive: a.data, Origin: a.origin}, granted); err != nil {
		return plugin.Details{}, err
	}
	return i.settled(ctx, id, v, news)
}

// goBack is the work of the method plugins.rollback.
func (i *Installer) goBack(ctx context.Context, p RollbackParams) (plugin.Details, error) {
	i.turn.Lock()
	defer i.turn.Unlock()
	news, cancel := i.news(p.ID)
	defer cancel()
	if err := i.Plugins.GoBack(ctx, p.ID, p.Digest); err != nil {
		return plugin.Details{}, err
	}
	now, there := i.current(p.ID)
	if !there {
		return i.Plugins.Info(p.ID)
	}
	return i.settled(ctx, p.ID, now, news)
}

// news has something in it when a plugin has changed, until cancel.
func (i *Installer) news(id string) (news <-chan struct{}, cancel func()) {
	changed := make(chan struct{}, 1)
	return changed, plugin.ChangedKind.Subscribe(i.Bus, func(c plugin.Changed) {
		if c.ID == id {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	})
}

// settled waits until the version of the plugin that was just written runs, or says why it does not.
func (i *Installer) settled(ctx context.Context, id string, v depot.Version, news <-chan struct{}) (plugin.Details, error) {
	i.tell(id, v, StepWritten)
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for {
		d, err := i.Plugins.Info(id)
		live := d.State == plugin.StateReady && d.Digest == v.Digest
		if live {
			i.tell(id, v, StepLive)
		}
		refused := d.State == plugin.StateFailed || d.Update != nil && (d.Update.Version == v.Version || d.Update.Version == "")
		if err != nil || live || refused || !i.Enabled(id) {
			return d, err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return d, nil // it is installed, and says itself how far it is
		}
	}
}

// permits reports whether an archive may be installed as it was asked for. Errors: CodeConflict for another one than was shown,
// and for an older one; CodeForbidden for one that nobody vouches for.
func (i *Installer) permits(a arrival, p Params) error {
	if p.Digest != "" && p.Digest != a.digest {
		return wit.Errorf(wit.CodeConflict, "what is there now is %s, and not the %s that was meant: look at it once more", a.digest, p.Digest)
	}
	if p.Digest == "" && !i.trusted(a.Package) {
		err := wit.Errorf(wit.CodeForbidden, "nobody whom you trust has signed %s %s: name its digest where just that one is meant (--digest %s), or say whom you trust (`carapace config set signers.NAME ed25519:…`)", a.Manifest.ID, a.Manifest.Version, a.digest)
		if p.Catalog != "" {
			return rpc.WithDetails(err, map[string]any{"capabilityConsentCode": "PLUGIN_CAPABILITY_CONSENT_REQUIRED", "pluginId": a.Manifest.ID, "reviewToken": a.digest})
		}
		return err
	}
	now, there := i.current(a.Manifest.ID)
	if !there {
		return nil
	}
	if older(a.Manifest.Version, now.Version) && !p.Older {
		return wit.Errorf(wit.CodeConflict, "%s is older than the %s that is installed: go back by `carapace plugins rollback %s`, or say --older", a.Manifest.Version, now.Version, a.Manifest.ID)
	}
	if !i.vouched(a.Package, now) && !p.OtherSigner {
		return wit.Errorf(wit.CodeForbidden, "%s %s is not signed by who signed the %s that is installed: where that is meant, say --other-signer", a.Manifest.ID, a.Manifest.Version, now.Version)
	}
	return nil
}

// current is the version of a plugin that should run, if it is installed.
func (i *Installer) current(id string) (depot.Version, bool) {
	p, _ := i.Depot.Of(id)
	v := p.Find(p.Wanted)
	if v == nil {
		return depot.Version{}, false
	}
	return *v, true
}

// vouched reports whether somebody has signed an update who signed what is installed, or whom the owner trusts.
func (i *Installer) vouched(p *archive.Package, now depot.Version) bool {
	return len(now.Signers) == 0 || i.trusted(p) || slices.ContainsFunc(p.Signers(), func(s archive.Signer) bool { return slices.Contains(now.Signers, s) })
}

// trusted reports whether somebody has signed whom the owner trusts.
func (i *Installer) trusted(p *archive.Package) bool {
	return slices.ContainsFunc(p.Signers(), func(s archive.Signer) bool { return i.nameOf(s) != "" })
}

// nameOf is what the owner calls a signer whom they trust, "" for others.
func (i *Installer) nameOf(s archive.Signer) string {
	for name, key := range i.Signers() {
		if key == string(s) {
			return name
		}
	}
	return ""
}

// older reports whether a version comes before another one.
func older(version, than string) bool {
	a, err := semver.NewVersion(version)
	if err != nil {
		return false
	}
	b, err := semver.NewVersion(than)
	return err == nil && a.LessThan(b)
}
