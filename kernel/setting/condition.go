package setting

import (
	"encoding/json"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// Hold reports whether the settings of a plugin, a JSON object or nothing, are as all conditions want them. Settings that cannot be
// read are as no condition wants them.
func Hold(conditions []wit.SettingCondition, settings wit.JSON) bool {
	if len(conditions) == 0 {
		return true
	}
	var set map[string]json.RawMessage
	if len(settings) > 0 && json.Unmarshal(settings, &set) != nil {
		return false
	}
	return !slices.ContainsFunc(conditions, func(c wit.SettingCondition) bool {
		value, ok := set[c.Setting]
		var text string
		if !ok {
			return c.Set
		}
		return json.Unmarshal(value, &text) != nil || !slices.Contains(c.Values, text)
	})
}
