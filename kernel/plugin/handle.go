package plugin

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// handle is what the handles of a plugin have in common. It may be kept for ever.
type handle struct {
	versions *finder
	id       string
}

// ID returns the plugin's id.
func (h *handle) ID() string { return h.id }

// Version returns the current version, "" once the plugin is gone.
func (h *handle) Version() string {
	if m := h.manifest(); m != nil {
		return m.Version
	}
	return ""
}

// Build changes whenever the code or the manifest does, also within a version.
func (h *handle) Build() string {
	if v := h.current(); v != nil {
		return v.fingerprint
	}
	return ""
}

// config returns the plugin's section of the configuration or, for a channel, an account's, without
// secrets. Errors: CodeNotFound for an account that there is not, CodeInvalid naming the field that does
// not fit the plugin's schema.
func (h *handle) config(account string) (wit.JSON, error) {
	v, err := h.versions.current(h.id)
	if err != nil {
		return nil, err
	}
	return v.config.section(account)
}

// Do makes a request under the plugin's permission with an account's credentials. It belongs to no call:
// an upgrade of the plugin does not end it. Errors are those of egress.Client.Do, and CodeRateLimited.
func (h *handle) Do(ctx context.Context, account string, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	v, err := h.versions.current(h.id)
	if err != nil {
		return nil, err
	}
	res, err := v.guest.HTTP.Do(ctx, account, req)
	v.guest.Log.Refused("a request", err)
	return res, err
}

// Setting returns the text in a field of an account's section of the configuration, or of the plugin's, or the field's default; "" where
// none has it, and once the plugin is gone.
func (h *handle) Setting(account, field string) string {
	if v := h.current(); v != nil {
		return v.guest.Setting(account, field)
	}
	return ""
}

// stream makes a request whose response may say nothing for as long as silence, 0 for the usual time.
func (h *handle) stream(ctx context.Context, account string, req *wit.HTTPRequest, silence time.Duration) (*egress.Response, error) {
	v, err := h.versions.current(h.id)
	if err != nil {
		return nil, err
	}
	res, err := v.guest.HTTP.Stream(ctx, account, req, silence)
	v.guest.Log.Refused("a request", err)
	return res, err
}

// current returns what is called now, nil while there is nothing.
// What is read of it may be out of date a moment later; only enter holds a version.
func (h *handle) current() *version {
	v, _ := h.versions.current(h.id)
	return v
}

func (h *handle) manifest() *wit.Manifest {
	if v := h.current(); v != nil {
		return v.manifest
	}
	return nil
}

// fill puts the configuration in where the caller left it out, and secrets out of it where not.
func (h *handle) fill(config *wit.JSON, account string) error {
	if *config != nil {
		if v := h.current(); v != nil {
			*config = v.config.strip(*config)
		}
		return nil
	}
	value, err := h.config(account)
	*config = value
	return err
}
