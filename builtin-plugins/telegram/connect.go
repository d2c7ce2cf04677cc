package telegram

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Connecting is a chain of requests, one with each answer: getMe; then, for a webhook, setWebhook; for long
// polling getWebhookInfo, deleteWebhook if there is one, and the first getUpdates.

// allowedUpdates are the kinds of updates that the plugin reads. They are named because message_reaction
// does not come otherwise (getUpdates, allowed_updates).
const allowedUpdates = `["message","edited_message","channel_post","edited_channel_post","message_reaction","callback_query","my_chat_member"]`

// connect begins anew; what is under way is of an earlier generation from now on. A pause that Telegram has asked for
// goes on: whoever asks before it is over is made to wait longer.
func connect(a *answer) {
	a.state.generation++
	a.state.failures, a.state.retry = 0, ""
	a.stopTimers()
	if a.settings.webhook && a.settings.webhookURL == "" {
		a.status(wit.ConnectionStateFailed, "mode is webhook, but webhookUrl is not set: set it, or set mode to longpoll")
		return
	}
	if pause := a.pause(); pause > 0 {
		a.status(wit.ConnectionStateDisconnected, "Telegram has asked for a pause: it goes on after "+seconds(pause))
		retryLater(a, requestMe, pause)
		return
	}
	a.status(wit.ConnectionStateConnecting, "")
	a.request(requestMe, "getMe", nil)
}

// seconds writes a time in milliseconds for people.
func seconds(ms int64) string { return strconv.FormatInt((ms+999)/1000, 10) + " seconds" }

// connected notes who the bot is, and sees to it that its updates come here.
func connected(a *answer, me person) {
	if a.state.isAnotherBot(me) {
		// Behind a new token there are updates and files of their own: the old offset would tell Telegram
		// to forget them.
		a.state = state{generation: a.state.generation}
	}
	a.state.me = me
	a.state.failures, a.state.retry = 0, ""
	a.status(wit.ConnectionStateConnected, "")
	if a.settings.webhook {
		setWebhook(a)
	} else {
		a.request(requestWebhookInfo, "getWebhookInfo", nil)
	}
}

func (s *state) isAnotherBot(me person) bool { return s.me.id != "" && s.me.id != me.id }

// webhookFound takes away a webhook that somebody has set: while there is one, getUpdates is refused.
func webhookFound(a *answer, url string) {
	if url != "" {
		a.request(requestDeleteWebhook, "deleteWebhook", nil)
		return
	}
	resume(a)
}

// setWebhook has Telegram post updates to this gateway, with the secret by which the kernel knows them.
func setWebhook(a *answer) {
	params := json.Object{}.Text("url", a.settings.webhookURL).
		Credential("secret_token", "webhookSecret").
		Int("max_connections", 1). // one at a time, so that messages stay in order
		Raw("allowed_updates", wit.JSON(allowedUpdates))
	a.request(requestSetWebhook, "setWebhook", params).Fill = true
}

// resume goes on where the state says: with the files of a pending message, with that message if it has
// all of them, and with the next updates.
func resume(a *answer) {
	p := a.state.pending
	if p != nil && p.files.missing() {
		locateFiles(a, p.files)
		return
	}
	if a.settings.webhook {
		return // Telegram brings updates, and the pending message, by itself
	}
	if p != nil {
		a.message(p.message)
		a.state.pending = nil
	}
	poll(a)
}
