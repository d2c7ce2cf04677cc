package catalog

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// Logins is who reads artifacts from hosts that want to know: the owner's credentials, which no plugin can name.
type Logins struct{ Vault Vault }

// Vault keeps credentials by an owner, an account and a name. Get fails with CodeNotFound for one that is not there.
type Vault interface {
	Get(ctx context.Context, owner, account, name string) (string, error)
	PutAll(ctx context.Context, owner, account string, values map[string]string) error
}

// loginOwner is no plugin's id. The account is the host.
const loginOwner = "@oci"

const (
	userName     = "username"
	passwordName = "password"
)

// Login returns who reads from a host, "" for nobody in particular. Errors: the vault's.
func (l Logins) Login(ctx context.Context, host string) (user, password string, err error) {
	if user, err = l.Vault.Get(ctx, loginOwner, host, userName); err == nil {
		password, err = l.Vault.Get(ctx, loginOwner, host, passwordName)
	}
	if wit.CodeOf(err) == wit.CodeNotFound {
		return "", "", nil
	}
	return user, password, err
}

// LoginParams say who reads artifacts from a host. plugins.revoke with the id @oci and the host as the account forgets it.
type LoginParams struct {
	// Host has its port, where that is not 443.
	Host     string `json:"host" rpc:"required,min=1,max=128"`
	Username string `json:"username" rpc:"required,min=1,max=256"`
	Password string `json:"password" rpc:"required,min=1,max=4096"`
}

// LoginResult names the host.
type LoginResult struct {
	OK   bool   `json:"ok"`
	Host string `json:"host"`
}

func (l Logins) keep(ctx context.Context, in LoginParams) (LoginResult, error) {
	err := l.Vault.PutAll(ctx, loginOwner, in.Host, map[string]string{userName: in.Username, passwordName: in.Password})
	return LoginResult{OK: err == nil, Host: in.Host}, err
}
