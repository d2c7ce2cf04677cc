package manifest

import (
	"encoding/json"

	"github.com/carapace-gateway/carapace/wit"
)

// Flat returns the fields of a configuration as Extism's config has them: texts as they are, other values as JSON. It is nil for
// what is no object.
func Flat(config wit.JSON) map[string]string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(config, &fields) != nil {
		return nil
	}
	flat := make(map[string]string, len(fields))
	for name, value := range fields {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		flat[name] = text
	}
	return flat
}
