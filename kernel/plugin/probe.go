package plugin

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// probeTimeout is how long a probe may take, whatever else the machine does. What the plugin itself does is bounded
// by its own deadline.
const probeTimeout = time.Minute

// probe makes an instance of a version and calls it once, in a way that changes nothing: for the models of a provider, whose
// code has no effects, and else for an export that nobody has. Errors: why it cannot be called, CodeUnavailable.
func (v *version) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	caller, err := v.code.Start(v.spec(wit.ClassTool))
	if err != nil {
		return err
	}
	defer caller.Close(ctx)
	_, err = caller.Call(ctx, "", nil)
	if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
		return wit.Errorf(wit.CodeUnavailable, "it cannot be started: %w", err)
	}
	if v.manifest.Provides.Provider == nil {
		return nil
	}
	settings, err := v.config.section("")
	if err != nil {
		return nil // it cannot work yet, and nobody knows whether it would
	}
	before := caller.Stats().Discarded
	if _, err := caller.Call(ctx, "provider_models", wit.Marshal(&wit.ModelsQuery{Config: settings})); err != nil && caller.Stats().Discarded > before {
		return wit.Errorf(wit.CodeUnavailable, "its first call ended it: %w", err)
	}
	return nil
}
