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

// CredentialRefused says that a server did not take the access token that was put into a frame or onto a socket last, and reports
// whether it is worth logging in once more, with another one. What is no access token has no other. Permission `credential`.
func (h *Host) CredentialRefused(name, account string) (again bool, err error) {
	query := &wit.CredentialQuery{Name: name}
	if account != "" {
		query.Account = &account
	}
	var renewal wit.CredentialRenewal
	err = call(h, credentialRefused, query, &renewal)
	return renewal.Again, err
}

// Sign signs with a credential of the account whose call runs, or else of the plugin's: s.Text or s.Bytes, by s.Algorithm.
// An error with the code unauthorized says that the owner has not set it. Permission `credential`.
func (h *Host) Sign(s *wit.Signing) ([]byte, error) {
	var signature wit.Signature
	err := call(h, credentialSign, s, &signature)
	return signature.Bytes, err
}

// Scram gives the next message of a login by SCRAM (RFC 5802, RFC 7677) with a credential of the account whose call runs, or else of
// the plugin's: without l.First the client's first message, with l.Challenge the last, and with l.Outcome none, when the server has
// proved that it knows the password. An error with the code unauthorized says that it has not, that it refuses the login, or that
// the owner has not set the credential. Permission `credential`.
func (h *Host) Scram(l *wit.ScramLogin) (string, error) {
	var message wit.ScramMessage
	err := call(h, credentialScram, l, &message)
	return message.Text, err
}
