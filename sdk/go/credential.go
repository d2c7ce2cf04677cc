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

// Sign signs with a credential of the account whose call runs, or else of the plugin's: s.Text or s.Bytes, by s.Algorithm.
// An error with the code unauthorized says that the owner has not set it. Permission `credential`.
func (h *Host) Sign(s *wit.Signing) ([]byte, error) {
	var signature wit.Signature
	err := call(h, credentialSign, s, &signature)
	return signature.Bytes, err
}
