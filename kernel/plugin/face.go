package plugin

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// face is what the faces of a plugin have in common.
type face struct {
	registry *Registry
	id       string
}

// ID returns the plugin's id.
func (f *face) ID() string { return f.id }

// Version returns the current version, "" once the plugin is gone.
func (f *face) Version() string {
	if m := f.manifest(); m != nil {
		return m.Version
	}
	return ""
}

// Build changes whenever the code or the manifest does, also within a version.
func (f *face) Build() string {
	if v := f.current(); v != nil {
		return v.fingerprint
	}
	return ""
}

// Config returns the plugin's section of the configuration or, for a channel, an account's, without
// secrets. Errors: CodeNotFound for an account that there is not, CodeInvalid naming the field that does
// not fit the plugin's schema.
func (f *face) Config(account string) (wit.JSON, error) {
	v := f.current()
	if v == nil {
		return nil, f.gone()
	}
	return v.section(account)
}

// Do makes a request under the plugin's permission with an account's credentials. It belongs to no call:
// an upgrade of the plugin does not end it. Errors are those of egress.Client.Do, and CodeRateLimited.
func (f *face) Do(ctx context.Context, account string, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	v := f.current()
	if v == nil {
		return nil, f.gone()
	}
	return v.guest.Do(ctx, account, req)
}

func (f *face) stream(ctx context.Context, account string, req *wit.HTTPRequest) (*egress.Response, error) {
	v := f.current()
	if v == nil {
		return nil, f.gone()
	}
	return v.guest.Stream(ctx, account, req)
}

func (f *face) current() *version {
	if e := f.registry.entry(f.id); e != nil {
		return e.current.Load()
	}
	return nil
}

func (f *face) manifest() *wit.Manifest {
	if v := f.current(); v != nil {
		return v.manifest
	}
	return nil
}

func (f *face) gone() error {
	if e := f.registry.entry(f.id); e != nil {
		return e.unavailable()
	}
	return wit.Errorf(wit.CodeNotFound, "there is no plugin %s: install it first", f.id)
}

// fill puts the configuration in where the caller left it out, and secrets out of it where not.
func (f *face) fill(config *wit.JSON, account string) error {
	if *config != nil {
		if v := f.current(); v != nil {
			*config = v.config.strip(*config)
		}
		return nil
	}
	value, err := f.Config(account)
	*config = value
	return err
}
