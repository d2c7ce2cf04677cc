package signal

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// An account is linked as Signal Desktop is: the daemon makes an address, which its owner scans as a QR code with the phone, and
// waits for that (startLink, finishLink). Only a daemon that was started for no account in particular can do so.

// maxLinks is how often in a row an address is shown: each holds for a minute or so.
const maxLinks = 10

// link asks the daemon for an address by which an account that it does not know can be linked. message says what is wrong, where
// that was shown often enough.
func link(a *answer, message string) {
	if a.State.links >= maxLinks {
		a.status(wit.ConnectionStateNeedsLogin, message)
		a.Timer(askTimer, account.TokenRetry)
		return
	}
	a.State.links++
	request(a, "link", "startLink", json.Object{})
}

// handleCommand does what the owner asks for. Commands that the plugin does not know are ignored.
func handleCommand(a *answer, name string) {
	switch name {
	case "login":
		hangUp(a)
		a.State.failures, a.State.links = 0, 0
		a.status(wit.ConnectionStateConnecting, "")
		ask(a)
	case "probe":
		if a.State.open {
			a.status(wit.ConnectionStateConnected, "")
		} else {
			a.status(wit.ConnectionStateConnecting, "")
		}
		ask(a)
	case "logout":
		hangUp(a)
		a.status(wit.ConnectionStateDisconnected, "logged out here; the account stays linked to signal-cli. Remove the device in Signal to end that")
	}
}

// hangUp ends what is under way.
func hangUp(a *answer) {
	a.State.generation++
	a.State.listening, a.State.open = false, false
	a.Out.Close = []string{events}
	a.Timer(askTimer, 0)
}

// linkStarted shows the address, and waits until it was scanned.
func linkStarted(a *answer, r result) {
	address := r.Value.Get("deviceLinkUri").Text()
	if err := r.err(); err != nil || address == "" {
		notLinked(a, r)
		return
	}
	a.status(wit.ConnectionStateNeedsLogin, "scan the code with Signal on your phone: Settings > Linked devices > Link new device; or run `signal-cli link -n "+a.Settings.device+"`, which shows one too")
	a.Out.Status.Login = &address
	params := json.Object{}.Text("deviceLinkUri", address).Text("deviceName", a.Settings.device)
	request(a, "linked", "finishLink", params).Timeout = linkTimeout
}

// linkFinished goes on with the account that was linked. When nobody has scanned the code in time, another one is shown.
func linkFinished(a *answer, r result) {
	number := r.Value.Get("number").Text()
	switch {
	case !r.ok():
		notLinked(a, r)
	case number != "" && number != a.Settings.account:
		a.status(wit.ConnectionStateFailed, "the account that was linked is "+number+", and this one is set up for "+a.Settings.account+": set account to the former, or link the latter")
	default:
		connect(a)
	}
}

// notLinked says what became of it, and begins anew after a while: the account may be there by then.
func notLinked(a *answer, r result) {
	message := "the code was not scanned in time"
	if err := r.err(); err != nil && r.code != userError {
		message = err.Message
	}
	if r.code == methodNotFound {
		message = "signal-cli does not know the account, and this daemon can link none: start it without -a, as `signal-cli daemon --http=127.0.0.1:8080 --receive-mode=on-connection`"
	}
	a.status(wit.ConnectionStateNeedsLogin, message)
	a.Timer(askTimer, account.TokenRetry)
}
