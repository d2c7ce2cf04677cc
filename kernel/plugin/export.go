package plugin

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// payload is a value of the contract as JSON, of whatever type.
type payload struct{ json wit.JSON }

// AppendJSON implements codec.Appender.
func (p payload) AppendJSON(b []byte) []byte { return append(b, p.json...) }

// ReadJSON implements codec.Receiver.
func (p *payload) ReadJSON(r *codec.Reader) { p.json = r.Raw() }

// Validate has nothing to say.
func (p *payload) Validate() error { return nil }

// callExport calls a function that a plugin exports, for its author: nothing becomes of the answer, whatever it says. What the function
// asks the gateway for is done. Errors: the plugin's own; CodeNotFound where there is no such plugin, or it has no such function;
// CodeInvalid for arguments that are no JSON.
func (r *Registry) callExport(ctx context.Context, p CallParams) (CallResult, error) {
	if !json.Valid(p.Args) {
		return CallResult{}, wit.NewError(wit.CodeInvalid, "invalid plugins.call params: at /args: must be JSON")
	}
	has := func(m *wit.Manifest) error {
		if m.Declares(p.Tool) {
			return nil
		}
		names := slices.DeleteFunc(wit.ExportNames(), func(name string) bool { return !m.Declares(name) })
		return wit.Errorf(wit.CodeNotFound, "plugin %s does not export %s; it exports %s", p.ID, p.Tool, cmp.Or(strings.Join(names, ", "), "nothing"))
	}
	out, err := call[payload](ctx, r.versions, p.ID, request{export: p.Tool, fits: has}, payload{p.Args})
	if err != nil {
		return CallResult{}, r.table.withCrash(p.ID, err)
	}
	return CallResult{Content: []wit.Part{}, Answer: out.json}, nil
}
