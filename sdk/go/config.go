package sdk

import "github.com/carapace-gateway/carapace/wit"

// Config returns the plugin's configuration, an object that its schema accepts, with the
// schema's defaults for what the owner left out. Calls that come with the configuration as a field need not ask.
func (h *Host) Config() (wit.JSON, error) { return h.config(&wit.ConfigScope{}) }

// AccountConfig returns the configuration of one of a channel's accounts, `not_found` when there is no
// such account.
func (h *Host) AccountConfig(account string) (wit.JSON, error) {
	return h.config(&wit.ConfigScope{Account: &account})
}

func (h *Host) config(scope *wit.ConfigScope) (wit.JSON, error) {
	var section wit.ConfigSection
	err := call(h, configGet, scope, &section)
	return section.Value, err
}
