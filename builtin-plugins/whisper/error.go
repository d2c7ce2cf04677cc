package whisper

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	// maxExplanation bounds what of a server's own words is passed on, in bytes.
	maxExplanation = 300
	// maxWait, in seconds: a server that asks for more is not waited for.
	maxWait = 24 * 60 * 60
)

// failure makes an error of a status, 0 where the response itself was good, and of the body that came with it. It says what the
// owner can do, and then what the server says, but for words about a key: some servers repeat it.
func failure(status int64, body string, headers []wit.Header) *wit.Error {
	explanation, kind, said := explain(body)
	if status == 0 {
		status = said
	}
	code, hint := codeOf(status, kind)
	text := "whisper: " + hint
	if status > 0 {
		text += " (status " + strconv.FormatInt(status, 10) + ")"
	}
	if explanation != "" && !strings.Contains(strings.ToLower(explanation), "key") {
		if len(explanation) > maxExplanation {
			explanation = strings.ToValidUTF8(explanation[:maxExplanation], "") + "…"
		}
		text += ": " + explanation
	}
	err := wit.NewError(code, text)
	if seconds, bad := strconv.ParseFloat(sdk.Header(headers, "Retry-After"), 64); bad == nil && err.Retryable && seconds > 0 && seconds < maxWait {
		err.RetryAfter = new(int64(seconds * 1000))
	}
	return err
}

// explain reads the shapes that there are, {"error": {"message": …, "code": …}}, {"error": …}, {"detail": …} and
// {"message": …}, for what happened, the server's word for it, and the status where the code is one.
func explain(body string) (explanation, kind string, status int64) {
	reply, err := json.ParseText(body)
	if err != nil {
		return "", "", 0 // a page of what stands before the server
	}
	at := reply.Get("error")
	if at.IsText() {
		return at.Text(), "", 0
	}
	if !at.IsObject() {
		at = reply
	}
	explanation = at.Get("message").Text()
	if explanation == "" {
		explanation = at.Get("detail").Text()
	}
	if n := at.Get("code").Int(); n >= 400 && n < 600 {
		return explanation, "", n
	}
	return explanation, at.Get("code").Text(), 0
}

// codeOf finds the code, and says what the owner can do.
func codeOf(status int64, kind string) (code wit.Code, hint string) {
	switch {
	case kind == "insufficient_quota" || status == 402:
		return wit.CodeForbidden, "the account has no credit left; look at its billing"
	case status == 401:
		return wit.CodeUnauthorized, "the key is not accepted; give the right one with `carapace setup whisper`"
	case status == 403:
		return wit.CodeForbidden, "the key may not do this"
	case status == 404:
		return wit.CodeNotFound, "the server does not know this model or address; check model and baseUrl"
	case status == 408 || status == 504:
		return wit.CodeTimeout, "the server took too long"
	case status == 413:
		return wit.CodeTooLarge, "the recording is larger than the server takes"
	case status == 429:
		return wit.CodeRateLimited, "too many requests for now"
	case status >= 400 && status < 500:
		return wit.CodeInvalid, "the server refuses the recording"
	}
	return wit.CodeUnavailable, "the server cannot transcribe now"
}
