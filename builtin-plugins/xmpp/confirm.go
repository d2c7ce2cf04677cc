package xmpp

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// tokenPrefix begins the tokens of sends, which are the ids of their messages too.
const tokenPrefix = "c-"

// correctionPrefix begins the tokens of corrections, which are the ids of their messages too. Nothing is kept of them: a correction can
// be made again.
const correctionPrefix = "e-"

func isCorrection(token string) bool {
	return strings.HasPrefix(token, correctionPrefix) && len(token) <= 64
}

// tokenOf names a send: each attempt at it has the same.
func tokenOf(key string) string { return tokenPrefix + hashed(key) }

// known notes that the server has taken a send, whether somebody waits for that or not: when the connection has broken
// meanwhile, it is found by the next attempt.
func known(t *turn, token string) bool {
	if !strings.HasPrefix(token, tokenPrefix) || len(token) > 64 {
		return false
	}
	if !t.State.isTaken(token) {
		t.State.taken = bounded(t.State.taken, token, maxTaken)
	}
	return true
}

// taken confirms a send, or a correction, which keeps the id of what it corrects.
func taken(t *turn, token string, ids []string) {
	if isCorrection(token) {
		ids = nil
	}
	if isCorrection(token) || known(t, token) {
		t.Out.Confirmed = append(t.Out.Confirmed, wit.Confirmation{Token: token, IDs: ids})
	}
}

// reflected takes what the bot has said itself, as the room tells it to everybody.
func reflected(t *turn, id, by string) {
	var ids []string
	if by != "" {
		ids = []string{by}
	}
	taken(t, id, ids)
}

// refuse takes a message that came back (RFC 6120, 8.3).
func refuse(t *turn, n *node) {
	token := n.get("id")
	if !isCorrection(token) && (!strings.HasPrefix(token, tokenPrefix) || len(token) > 64) {
		return
	}
	err := refusal(n.kid("error", ""))
	if p := t.State.place(bare(n.get("from"))); p != nil && conditionOf(n.kid("error", "")) == "not-acceptable" && resource(n.get("from")) == "" {
		forgotten(t, p)
		err.Code, err.Retryable = wit.CodeUnavailable, true
	}
	t.Out.Confirmed = append(t.Out.Confirmed, wit.Confirmation{Token: token, Error: err})
}

// meanings are the codes of the contract for conditions (RFC 6120, 8.3.3), where it is not invalid.
var meanings = map[string]struct {
	code wit.Code
	hint string
}{
	"item-not-found":          {wit.CodeNotFound, "there is nobody and no room of that address"},
	"service-unavailable":     {wit.CodeNotFound, "there is nobody of that address, or he takes no messages while he is away"},
	"recipient-unavailable":   {wit.CodeNotFound, "the other one is not there now"},
	"gone":                    {wit.CodeNotFound, "the address does not exist any more"},
	"remote-server-not-found": {wit.CodeNotFound, "the other one's server cannot be found"},
	"remote-server-timeout":   {wit.CodeUnavailable, "the other one's server does not answer"},
	"internal-server-error":   {wit.CodeUnavailable, "something went wrong on the server"},
	"forbidden":               {wit.CodeForbidden, "the bot may not speak there: in a moderated room it needs a voice"},
	"not-allowed":             {wit.CodeForbidden, "the server does not allow it"},
	"not-authorized":          {wit.CodeForbidden, "the bot may not do that"},
	"registration-required":   {wit.CodeForbidden, "the room is for members: make the bot one"},
	"subscription-required":   {wit.CodeForbidden, "the other one hears only from contacts: let him add the bot"},
	"not-acceptable":          {wit.CodeForbidden, "the other one does not take that, or the bot is not in the room"},
	"resource-constraint":     {wit.CodeRateLimited, "the server has too much to do, or keeps too much for the other one already"},
	"policy-violation":        {wit.CodeForbidden, "the server's rules are against it"},
}

// refusal is the error of a stanza's.
func refusal(e *node) *wit.Error {
	condition := conditionOf(e)
	m, known := meanings[condition]
	if !known {
		m.code = wit.CodeInvalid
	}
	message := "the server did not take it: " + texts.Clip(condition, 60)
	if text := strings.TrimSpace(e.words("text", "")); text != "" {
		message += " (" + texts.Clip(text, 200) + ")"
	}
	if m.hint != "" {
		message += "; " + m.hint
	}
	err := wit.NewError(m.code, message)
	if e.get("type") == "wait" { // "retry after waiting" (8.3.2)
		if condition == "policy-violation" {
			err.Code = wit.CodeRateLimited
		}
		err.Retryable = true
	}
	return err
}
