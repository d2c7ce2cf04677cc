package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Connecting is a chain of requests, one with each answer: getMe; then, for a webhook, setWebhook; for long
// polling getWebhookInfo, deleteWebhook if there is one, and the first getUpdates.
// Beside it the menu of commands is set; nothing waits for that.

// allowedUpdates are the kinds of updates that the plugin reads. They are named because message_reaction
// does not come otherwise (getUpdates, allowed_updates).
const allowedUpdates = `["message","edited_message","channel_post","edited_channel_post","message_reaction","callback_query","poll_answer","my_chat_member"]`

// connect begins anew; what is under way is of an earlier generation from now on. A pause that Telegram has asked for
// goes on: whoever asks before it is over is made to wait longer.
func connect(a *answer) {
	a.State.generation++
	a.State.failures, a.State.retry = 0, ""
	a.stopTimers()
	if a.Settings.webhook && a.Settings.webhookURL == "" {
		a.status(wit.ConnectionStateFailed, "mode is webhook, but webhookUrl is not set: set it, or set mode to longpoll")
		return
	}
	if pause := account.Pause(a.State.notBefore, a.Now); pause > 0 {
		a.status(wit.ConnectionStateDisconnected, "Telegram has asked for a pause: it goes on after "+account.Seconds(pause))
		retryLater(a, requestMe, pause)
		return
	}
	a.status(wit.ConnectionStateConnecting, "")
	a.request(requestMe, "getMe", nil)
}

// connected notes who the bot is, and sees to it that its updates come here.
func connected(a *answer, me person) {
	if a.State.isAnotherBot(me) {
		// Behind a new token there are updates and files of their own: the old offset would tell Telegram
		// to forget them.
		a.State = state{generation: a.State.generation}
	}
	a.State.me = me
	a.State.failures, a.State.retry = 0, ""
	a.status(wit.ConnectionStateConnected, "")
	offerMenu(a)
	if a.Settings.webhook {
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
	params := json.Object{}.Text("url", a.Settings.webhookURL).
		Credential("secret_token", "webhookSecret").
		Int("max_connections", 1). // one at a time, so that messages stay in order
		Raw("allowed_updates", wit.JSON(allowedUpdates))
	a.request(requestSetWebhook, "setWebhook", params).Fill = true
}

// resume goes on where the state says: with the files of a pending message, with that message if it has
// all of them, and with the next updates.
func resume(a *answer) {
	p := a.State.pending
	if p != nil && p.files.missing() {
		locateFiles(a, p.files)
		return
	}
	if a.Settings.webhook {
		return // Telegram brings updates, and the pending message, by itself
	}
	if p != nil {
		a.message(p.message)
		a.State.pending = nil
	}
	poll(a)
}
