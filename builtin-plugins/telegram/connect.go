package telegram

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// The requests, by what their ids begin with. In order: who the bot is; where updates go; sending them
// here; then polls, or the webhook.
const (
	askMe     = "me"
	askHook   = "hook"
	askUnhook = "unhook"
	askSet    = "set"
	askPoll   = "poll"
	askFile   = "file"
	askProbe  = "probe"
	askAck    = "ack" // its response does not matter
)

const allowedUpdates = `["message","edited_message","channel_post","edited_channel_post","message_reaction","callback_query","my_chat_member"]`

// pollSeconds is how long Telegram holds a poll that has nothing to tell.
const pollSeconds = 30

func (t *turn) start() {
	t.state.generation++
	t.state.fails, t.state.retry = 0, ""
	t.clearTimers()
	if t.settings.webhook && t.settings.webhookURL == "" {
		t.status(wit.ConnectionStateFailed, "mode is webhook, but webhookUrl is not set: set it, or set mode to longpoll")
		return
	}
	t.status(wit.ConnectionStateConnecting, "")
	t.ask(askMe, "getMe", nil)
}

// timer tries again what failed.
func (t *turn) timer() {
	if t.event.Timer == nil {
		return
	}
	if *t.event.Timer == albumTimer {
		t.resume()
		return
	}
	switch t.state.retry {
	case askPoll, askFile:
		t.resume()
	case askHook, askUnhook:
		t.ask(askHook, "getWebhookInfo", nil)
	case askSet:
		t.setWebhook()
	default:
		t.ask(askMe, "getMe", nil)
	}
}

func (t *turn) response() {
	if t.event.Response == nil {
		return
	}
	what, ours := t.asked(t.event.Response.ID)
	if !ours || what == askAck {
		return
	}
	r := decode(t.event.Response)
	if what == askFile {
		t.file(r)
		return
	}
	if what == askProbe {
		t.probed(r)
		return
	}
	if !r.ok {
		t.failed(what, r)
		return
	}
	switch what {
	case askMe:
		t.meet(readPerson(r.result))
		t.state.fails, t.state.retry = 0, ""
		t.status(wit.ConnectionStateConnected, "")
		if t.settings.webhook {
			t.setWebhook()
		} else {
			t.ask(askHook, "getWebhookInfo", nil)
		}
	case askHook:
		if r.result.Get("url").Text() != "" {
			t.ask(askUnhook, "deleteWebhook", nil)
			return
		}
		t.resume()
	case askUnhook, askSet:
		t.recovered()
		t.resume()
	case askPoll:
		t.recovered()
		t.batch(r.result)
	}
}

// meet notes who the bot is. Another one than before, behind a new token, has updates and files of its
// own: the old one's offset would tell Telegram to forget them.
func (t *turn) meet(me person) {
	if t.isAnother(me) {
		t.state = state{generation: t.state.generation}
	}
	t.state.me = me
}

func (t *turn) isAnother(me person) bool { return t.state.me.id != "" && t.state.me.id != me.id }

// resume goes on where the state says: with the files of a held message, or with the next updates.
func (t *turn) resume() {
	if t.state.held != nil && t.state.held.waiting() {
		t.resolve()
		return
	}
	t.proceed()
}

// proceed goes on once a held message, if there is one, has its files. With a webhook it waits for
// Telegram to bring the message again.
func (t *turn) proceed() {
	if t.settings.webhook {
		return
	}
	t.release()
	t.poll(pollSeconds)
}

// poll asks for updates; seconds is how long Telegram may wait for one. No message is held meanwhile:
// the offset tells Telegram to forget what is below it.
func (t *turn) poll(seconds int64) {
	params := json.Object{}.Int("offset", t.state.offset).Int("timeout", seconds).Raw("allowed_updates", wit.JSON(allowedUpdates))
	if t.state.limit > 0 {
		params = params.Int("limit", t.state.limit)
	}
	t.ask(askPoll, "getUpdates", params).Timeout = (seconds + 15) * 1000
}

func (t *turn) setWebhook() {
	params := json.Object{}.Text("url", t.settings.webhookURL).
		Credential("secret_token", "webhookSecret").
		Int("max_connections", 1). // one at a time, so that messages stay in order
		Raw("allowed_updates", wit.JSON(allowedUpdates))
	t.ask(askSet, "setWebhook", params).Fill = true
}

// tokenCheck is how often it is tried whether the token is there now, which costs nothing.
const tokenCheck = 10_000

// failed decides what becomes of a request that did not succeed: for the owner to mend, or to be
// tried again.
func (t *turn) failed(what string, r result) {
	switch kind := wit.CodeOf(r.err()); {
	case r.failure == nil && kind == wit.CodeUnauthorized:
		t.status(wit.ConnectionStateNeedsLogin, "Telegram does not know this bot token: get the token from @BotFather (/token) and set botToken again")
	case r.failure != nil && (kind == wit.CodeUnauthorized || kind == wit.CodeNotFound):
		t.status(wit.ConnectionStateNeedsLogin, "botToken is not set: get a token from @BotFather and set it ("+r.failure.Message+")")
		t.later(what, tokenCheck)
	case kind == wit.CodeConflict:
		t.status(wit.ConnectionStateDisconnected, "another program receives this bot's messages: stop it, or give the bot a new token with @BotFather")
		t.later(askHook, 0)
	case r.tooLarge && t.state.limit != 1:
		limit := t.state.limit
		if limit == 0 {
			limit = 100
		}
		t.state.limit = limit / 2
		t.host.Warn("telegram: the updates were too large to read at once; asking for " + strconv.FormatInt(t.state.limit, 10))
		t.later(what, firstBackOff)
	case r.failure == nil && (kind == wit.CodeInvalid || kind == wit.CodeForbidden):
		t.status(wit.ConnectionStateFailed, r.err().Error())
		t.later(what, maxBackOff)
	default:
		t.status(wit.ConnectionStateDisconnected, r.err().Error())
		t.later(what, r.retryAfter)
	}
}
