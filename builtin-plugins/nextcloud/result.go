package nextcloud

import (
	"cmp"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a call came to: the data of the server's answer, its error, or the failure to get one.
type result struct {
	reply.Reply
	ok    bool
	data  json.Value // of "ocs"
	words string     // for people
}

// decode reads a response of the OCS API. Whatever comes, it returns something to act on. 304 is an answer without anything new.
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Whole(response, "the server")}
	switch {
	case r.Failure != nil:
		return r
	case r.Status == 304:
		r.ok = true
		return r
	}
	meta := r.Value.Get("ocs", "meta")
	r.data = r.Value.Get("ocs", "data")
	if r.ok = r.Success() && meta.Exists(); r.ok {
		return r
	}
	r.words = cmp.Or(r.data.Get("message").Text(), r.data.Get("error").Text(), meta.Get("message").Text())
	if !meta.Exists() && r.Status < 500 && r.Status != 401 && r.Status != 429 && r.Status != 413 {
		r.Foreign("Nextcloud", "server")
	}
	return r
}

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() error {
	if r.ok {
		return nil
	}
	return r.Error(r.meaning(), r.message())
}

// message is what is wrong, in the server's words and those of a hint.
func (r result) message() string {
	code := ""
	if r.words != "" {
		code = strconv.Itoa(int(r.Status))
	}
	return r.Message("Nextcloud", r.words, code, r.meaning().Hint)
}

// meaning says what a status means ("Chat management", responses).
func (r result) meaning() reply.Meaning {
	m := r.Meaning()
	switch r.Status {
	case 401:
		m.Hint = howPassword
	case 403:
		m.Hint = "the conversation is read-only, or the bot may not write there"
	case 404:
		m.Hint = "it was deleted, or the bot is not in the conversation"
	case 412:
		return reply.Meaning{Code: wit.CodeForbidden, Hint: "the conversation has its lobby open, and the bot has to wait there"}
	case 503:
		m.Hint = "the server is in maintenance"
	case 507:
		return reply.Meaning{Code: wit.CodeTooLarge}
	}
	return m
}
