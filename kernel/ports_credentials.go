package kernel

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// credentials are what system keeps for the owner.
type credentials struct{ *secret.Vault }

func (c credentials) Kept() (list []system.Credential) {
	for _, e := range c.List("") {
		list = append(list, named(e))
	}
	return list
}

func (c credentials) Uses() (list []system.KeptCredential) {
	for _, u := range c.Vault.Uses("") {
		list = append(list, system.KeptCredential{Credential: named(u.Entry), SetAt: u.Set, UsedAt: u.Used, Damaged: u.Damaged})
	}
	return list
}

func (c credentials) Status() system.VaultStatus {
	s := c.Vault.Status()
	status := system.VaultStatus{
		Source: string(s.Source), File: s.File, CreatedAt: s.Created, RotatedAt: s.Rotated, Credentials: s.Credentials, Damaged: s.Damaged,
	}
	if s.KDF != nil {
		status.KDF = &system.KeyParams{Time: s.KDF.Time, Memory: s.KDF.Memory, Threads: s.KDF.Threads}
	}
	return status
}

func (c credentials) Rekey(ctx context.Context, source, passphrase string) error {
	return c.Vault.Rekey(ctx, secret.Place(source), passphrase)
}

// named names a credential as clients do.
func named(e secret.Entry) system.Credential {
	return system.Credential{Plugin: e.Owner, Account: e.Account, Name: e.Name}
}

// leakGuard looks whether plugins have credentials in their hands to which they have no right, and tells the owner.
type leakGuard struct {
	vault *secret.Vault
	bus   *event.Bus
	log   hclog.Logger
}

// refuse is egress's: what a plugin wants to send. The plugin is not told whose it is.
func (g leakGuard) refuse(plugin, where, text string) error {
	if !g.found(plugin, where, text, true) {
		return nil
	}
	return wit.Errorf(wit.CodeForbidden, "http: %s has a credential in it that is none of %s's own, so nothing was sent: the gateway's log names it", where, plugin)
}

// note is for what a plugin logs, of which the values are taken out anyway.
func (g leakGuard) note(plugin, text string) { g.found(plugin, "the log", text, false) }

func (g leakGuard) found(plugin, where, text string, refused bool) bool {
	e, found := g.vault.Leak(plugin, text)
	if found {
		g.log.Warn("a plugin has a credential of another in its hands", "plugin", plugin, "where", where, "of", e.Owner, "account", e.Account, "name", e.Name, "refused", refused)
		system.LeakKind.Publish(g.bus, system.Leak{Plugin: plugin, Where: where, Credential: named(e), Refused: refused, At: time.Now().UnixMilli()})
	}
	return found
}
