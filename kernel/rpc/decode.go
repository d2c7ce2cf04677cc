package rpc

import (
	"bytes"
	"encoding/json"

	"github.com/carapace-gateway/carapace/wit"
)

// Decode fills *in, a struct, from params, or fails with CodeInvalid "invalid <method> params: …".
func Decode(method string, params json.RawMessage, in any) error {
	if len(params) == 0 || string(params) == "null" {
		params = json.RawMessage("{}")
	}
	d := json.NewDecoder(bytes.NewReader(params))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		return wit.Errorf(wit.CodeInvalid, "invalid %s params: %w", method, err)
	}
	return nil
}
