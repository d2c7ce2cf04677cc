package plugin

import (
	"context"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/grant"
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// builder makes versions of candidates.
type builder struct {
	engine    engine.Engine // for packages that bring none
	host      *host.Host
	settings  Settings
	grants    *grant.Grants
	inspector *inspector
	news      announcer
	log       hclog.Logger
}

// build makes a version of a candidate that may run, and verifies it where verify is set; or says why not.
// A version exists only if it may do what its manifest asks for: permissions are decided before code is looked at.
// What is granted without a question is for grant.Grants.Admit to say.
// passing is true for a reason that may be gone the next time: a store or a disk that fails.
func (b *builder) build(ctx context.Context, c candidate, verify bool) (v *version, refused *Update, passing bool) {
	u := &Update{Path: c.pkg.Path}
	if c.err != nil {
		u.Reason = c.err.Error()
		if wit.CodeOf(c.err) == wit.CodeUnavailable {
			u.Hint = "it is tried again and again"
			return nil, u, true
		}
		u.Hint = "correct the plugin's files: each save is looked at again"
		if wit.CodeOf(c.err) == wit.CodeForbidden {
			u.Version, u.Hint = c.manifest.Version, barredHint(c.manifest.ID)
		}
		return nil, u, false
	}
	u.Version = c.manifest.Version
	lacking, err := b.admit(ctx, c)
	if err != nil {
		u.Reason = "what it may ask for cannot be recorded: " + err.Error()
		return nil, u, store.Failed(err)
	}
	if len(lacking) > 0 {
		waits, err := c.ungranted(lacking)
		return nil, &waits, wit.CodeOf(err) == wit.CodeUnavailable
	}
	if why := c.fault(b.settings); why != nil {
		return nil, misconfigured(c.life(), why.Error()), true
	}
	v = b.newVersion(c)
	if verify {
		if _, err := v.verify(ctx, b.inspector); err != nil {
			v.free()
			refusal := v.refusal(err)
			return nil, &refusal, wit.CodeOf(err) == wit.CodeUnavailable
		}
	}
	return v, nil, false
}

// admit grants a package what nobody has to be asked about, and says so where that is new. Errors are the store's.
func (b *builder) admit(ctx context.Context, c candidate) (lacking []string, err error) {
	granted, lacking, err := b.grants.Admit(ctx, c.manifest, c.pkg.Stock)
	asks := grant.Beyond(&wit.Permissions{}, &c.manifest.Permissions)
	if err == nil && len(lacking) == 0 && granted && !c.pkg.Stock && len(asks) > 0 {
		b.sayGranted(c)
		b.news.announce(c.manifest.ID, life.Announce{Phase: life.Installed, Version: c.manifest.Version, Reason: "granted: " + strings.Join(asks, ", ")})
	}
	return lacking, err
}

// sayGranted logs, once for each plugin, that nobody was asked about what it asks for.
func (b *builder) sayGranted(c candidate) {
	if c.byHand() {
		b.log.Info("plugin in a folder granted what it asks for: by "+source.Writers(c.pkg.Path)+", who could put it there",
			"plugin", c.manifest.ID, "folder", c.pkg.Path, "permissions", c.manifest.Permissions.Names())
		return
	}
	b.log.Info("plugin granted what it asks for: somebody whom the owner trusts has signed it", "plugin", c.manifest.ID, "permissions", c.manifest.Permissions.Names())
}

// ungranted says of a candidate that it waits for a grant of what it lacks. The error is why its code cannot be read, which the
// update says too.
func (c *candidate) ungranted(lacking []string) (Update, error) {
	u := Update{Path: c.pkg.Path, Version: c.manifest.Version}
	digest, err := c.digest()
	if err != nil {
		u.Reason = err.Error()
		return u, err
	}
	u.Digest, u.Lacking = digest, lacking
	u.Reason = "needs grant: " + strings.Join(lacking, ", ")
	u.Hint = "it wants more than was granted: `carapace plugins grant " + c.manifest.ID + "` shows what, and asks"
	return u, nil
}

// newVersion joins a candidate with what it runs on. Its code is not read yet.
func (b *builder) newVersion(c candidate) *version {
	v := &version{manifest: c.manifest, pkg: c.pkg, rank: c.rank, sum: c.sum, fingerprint: c.fingerprint, engine: c.pkg.Engine, log: b.log,
		config: newConfiguration(c.manifest, b.settings), calls: newGate()}
	if v.engine == nil {
		v.engine = b.engine
	}
	v.guest = b.host.Guest(host.Plugin{ID: c.manifest.ID, Permissions: c.manifest.Permissions, OAuth2: c.manifest.OAuth2,
		Config: v.config.own, Filled: v.config.section, Schema: c.manifest.Config})
	return v
}

// refusal says why a version cannot run.
// The hint is for what the author of the plugin can mend; a disk that fails is not.
func (v *version) refusal(err error) Update {
	u := Update{Version: v.manifest.Version, Path: v.pkg.Path, Reason: err.Error()}
	if wit.CodeOf(err) == wit.CodeInvalid {
		u.Hint = "correct that and build it again: each save is looked at"
	}
	return u
}
