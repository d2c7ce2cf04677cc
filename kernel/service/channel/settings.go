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
	// Fault says why it cannot run with what is set of it, or of its plugin; empty where it can. Told says that the log has that already.
	Fault string
	Told  bool
	// Access is who may speak; new rules hold from the next commit on.
	Access inbox.Access
	// Config is the account's section as it is configured; when it changes the account starts anew.
	Config wit.JSON
}

// rest is the phase of an account that is not to run; empty for one that is.
func (a Account) rest() phase {
	switch {
	case a.Fault != "":
		return phaseInvalid
	case !a.Enabled:
		return phaseDisabled
	}
	return ""
}
