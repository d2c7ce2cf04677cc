package channel

import (
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// Settings is what the owner configured.
type Settings interface {
	// Accounts lists a channel's accounts.
	Accounts(channel string) []Account
}

// Account is one configured account. It does not change; a new one takes its place.
type Account struct {
	ID      string
	Enabled bool
	// Access is who may speak; new rules hold from the next commit on.
	Access inbox.Access
	// Config is the account's section as it is configured; when it changes the account starts anew.
	Config wit.JSON
}
