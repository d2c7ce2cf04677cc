package sdk

import "github.com/carapace-gateway/carapace/wit"

// HasCredential reports whether the owner has set a credential: the account's own, or with account ""
// the plugin's. Its value never reaches a plugin: `{{credential:name}}` in a request stands for it.
// Permission `credential`.
func (h *Host) HasCredential(name, account string) (bool, error) {
	query := &wit.CredentialQuery{Name: name}
	if account != "" {
		query.Account = &account
	}
	var found wit.CredentialPresence
	err := call(h, credentialHas, query, &found)
	return found.Present, err
}
