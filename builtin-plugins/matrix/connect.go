package matrix

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Connecting is a chain of requests, one with each answer: /versions, whether a Matrix server is there; whoami, whose
// the token is; the account's profile; and then the first sync, or what the state says is missing.

// connect begins anew; what is under way is of an earlier generation from now on. A pause that the server has asked
// for goes on.
func connect(a *answer) {
	a.State.generation++
	a.State.failures, a.State.retry, a.State.lookups = 0, "", nil
	a.stopTimers()
	if a.Settings.root == "" {
		a.status(wit.ConnectionStateFailed, "homeserver is not set: give the address of the bot's server with `carapace setup matrix`")
		return
	}
	if pause := account.Pause(a.State.notBefore, a.Now); pause > 0 {
		a.status(wit.ConnectionStateDisconnected, "the server has asked for a pause: it goes on after "+account.Seconds(pause))
		retryLater(a, requestVersions, pause)
		return
	}
	a.status(wit.ConnectionStateConnecting, "")
	askVersions(a)
}

// askVersions needs no token, and has none: it is not known yet who is there.
func askVersions(a *answer) {
	a.request(requestVersions, "", "GET", "/_matrix/client/versions").Headers = nil
}

func askMe(a *answer) { a.request(requestMe, "", "GET", client+"/account/whoami") }

// versionsKnown goes on with a server that has said which versions of the API it knows. Since 1.11 files need the token,
// and are elsewhere ("Content repository").
func versionsKnown(a *answer, v json.Value) {
	a.State.legacy = true
	for version := range v.Get("versions").Items() {
		minor, found := strings.CutPrefix(version.Text(), "v1.")
		if n, err := strconv.Atoi(minor); found && err == nil && n >= 11 {
			a.State.legacy = false
		}
	}
	askMe(a)
}

// noMatrix looks for the server that another one names, since a user id's server often is not where its API is
// ("Server discovery").
func noMatrix(a *answer, r result) {
	if r.Failure == nil || r.Silent() {
		requestFailed(a, requestVersions, r)
		return
	}
	a.request(requestWellKnown, "", "GET", "/.well-known/matrix/client").Headers = nil
}

// wellKnown tells the owner what the server says about where the API is. It is not followed: the token goes where the
// owner has said, and nowhere else.
func wellKnown(a *answer, r result) {
	words := "no Matrix server answers at homeserver: is the address right?"
	if base := r.Value.Get("m.homeserver", "base_url").Text(); r.ok && base != "" {
		words = "the Matrix server is elsewhere: set homeserver to " + texts.Clip(strings.TrimRight(base, "/"), 200)
	}
	a.status(wit.ConnectionStateFailed, words)
	retryLater(a, requestVersions, account.Backoff(a.State.failures, account.SlowRetry, a.Now))
}

// known notes whose the token is.
func known(a *answer, v json.Value) {
	id := v.Get("user_id").Text()
	if a.State.me.id != "" && a.State.me.id != id {
		// Another account has other rooms, and tokens of its own.
		a.State = state{generation: a.State.generation, legacy: a.State.legacy}
	}
	a.State.me.id = texts.Clip(id, maxID)
	a.request(requestProfile, "", "GET", client+"/profile/"+form.Escape(id))
}

// named notes what the account is called, if it is called anything, and begins to read.
func named(a *answer, r result) {
	a.State.me.name = texts.Clip(r.Value.Get("displayname").Text(), 255)
	a.State.failures, a.State.retry = 0, ""
	a.status(wit.ConnectionStateConnected, "")
	askJoins(a)
	resume(a)
}

// resume goes on where the state says: with what is missing of a room, or with what is new.
func resume(a *answer) {
	if len(a.State.gap.rooms) > 0 {
		askPage(a)
		return
	}
	sync(a)
}
