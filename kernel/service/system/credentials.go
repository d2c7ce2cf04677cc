package system

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// KeptCredential is a credential, without its value. Times are in Unix milliseconds.
type KeptCredential struct {
	Credential
	// SetAt and UsedAt are when it was set, and given out last, to a minute; 0 is unknown, or never.
	SetAt  int64 `json:"setAt"`
	UsedAt int64 `json:"usedAt"`
	// Damaged says that it cannot be read and has to be set again. The others are not concerned.
	Damaged bool `json:"damaged,omitempty"`
}

// KeptCredentials are all credentials, in order.
type KeptCredentials struct {
	Credentials []KeptCredential `json:"credentials"`
}

// KeyParams are parameters of Argon2id.
type KeyParams struct {
	Time int `json:"time"`
	// Memory is in KiB.
	Memory  int `json:"memory"`
	Threads int `json:"threads"`
}

// VaultStatus says how credentials are kept. Times are in Unix milliseconds.
type VaultStatus struct {
	// Source is where the key is that opens them: keyring, passphrase, file, or memory, which ends with the gateway.
	Source string `json:"source"`
	// File is the key file, where there is one; KDF is how the passphrase becomes a key, where there is one.
	File string     `json:"file,omitempty"`
	KDF  *KeyParams `json:"kdf,omitempty"`
	// CreatedAt and RotatedAt are when the first key was made and the present one; 0 is unknown, or never.
	CreatedAt int64 `json:"createdAt"`
	RotatedAt int64 `json:"rotatedAt"`
	// Credentials and Damaged are how many there are, and how many of them cannot be read.
	Credentials int `json:"credentials"`
	Damaged     int `json:"damaged"`
}

// SetCredential is a credential of a plugin, or of an account of a channel.
type SetCredential struct {
	ID      string `json:"id" rpc:"required,min=1,max=64"`
	Account string `json:"account,omitempty" rpc:"max=128"`
	Name    string `json:"name" rpc:"required,min=1,max=64"`
	// Value is kept encrypted and never given back.
	Value string `json:"value" rpc:"required,min=1,max=65536"`
	// Rotate says that there is one already. The old one stays where the new one is tried with Test and does not work.
	Rotate bool `json:"rotate,omitempty"`
	Test   bool `json:"test,omitempty"`
}

// RevokeCredential is Revoke for credentials alone.
type RevokeCredential struct {
	ID      string `json:"id" rpc:"required,min=1,max=64"`
	Account string `json:"account,omitempty" rpc:"max=128"`
	// Name is the one that is meant; empty is all of them.
	Name string `json:"name,omitempty" rpc:"max=64"`
}

// NewKey says where what opens the credentials is kept from now on.
type NewKey struct {
	// Source is keyring, passphrase or file; empty is where it is.
	Source string `json:"source,omitempty" rpc:"enum=keyring|passphrase|file"`
	// Passphrase is for passphrase, and needed there. The gateway asks for it at each start.
	Passphrase string `json:"passphrase,omitempty" rpc:"min=1,max=1024"`
}

// listCredentials lists what the vault keeps.
func (s *setup) listCredentials(context.Context, rpc.None) (KeptCredentials, error) {
	return KeptCredentials{append([]KeptCredential{}, s.vault.Uses()...)}, nil
}

func (s *setup) vaultStatus(context.Context, rpc.None) (VaultStatus, error) {
	return s.vault.Status(), nil
}

// setCredential is configure for one credential. Requests that are under way go on with the old one, all that come
// after it have the new one.
func (s *setup) setCredential(ctx context.Context, p SetCredential) (ConfigureResult, error) {
	if p.Rotate {
		found := false
		for _, c := range s.vault.Kept() {
			found = found || c == Credential{Plugin: p.ID, Account: p.Account, Name: p.Name}
		}
		if !found {
			return ConfigureResult{ID: p.ID, Account: p.Account}, Revoke{ID: p.ID, Account: p.Account, Name: p.Name}.nothing()
		}
	}
	return s.configure(ctx, Setup{ID: p.ID, Account: p.Account, Test: p.Test, Secrets: map[string]string{p.Name: p.Value}})
}

func (s *setup) revokeCredential(ctx context.Context, p RevokeCredential) (Revoked, error) {
	return s.revoke(ctx, Revoke{ID: p.ID, Account: p.Account, Name: p.Name})
}

// changeKey seals all credentials anew. Nothing else changes: no plugin notices.
func (s *setup) changeKey(ctx context.Context, p NewKey) (VaultStatus, error) {
	if p.Source == "memory" {
		return VaultStatus{}, wit.NewError(wit.CodeInvalid, "a key in memory would be lost with the gateway: take keyring, passphrase or file")
	}
	if err := s.vault.Rekey(ctx, p.Source, p.Passphrase); err != nil {
		return VaultStatus{}, err
	}
	return s.vault.Status(), nil
}
