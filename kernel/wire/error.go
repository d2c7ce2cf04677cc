package wire

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Codes of error frames. Protocol 3 knows all but Forbidden.
const (
	InvalidRequest = "INVALID_REQUEST"
	NotLinked      = "NOT_LINKED"
	NotPaired      = "NOT_PAIRED"
	AgentTimeout   = "AGENT_TIMEOUT"
	Unavailable    = "UNAVAILABLE"
	Forbidden      = "FORBIDDEN"
)

// Reasons that stand in details.code, where several share one of the codes above. Those that a single method answers are beside
// its row.
const (
	NotFound     = "NOT_FOUND"
	Conflict     = "CONFLICT"
	Unauthorized = "UNAUTHORIZED"
	TooLarge     = "TOO_LARGE"
	RateLimited  = "RATE_LIMITED"
	Internal     = "INTERNAL"
	MissingScope = "MISSING_SCOPE"
	// NotConnected and NodeTimeout are of a node that is asked for something.
	NotConnected = "NOT_CONNECTED"
	NodeTimeout  = "TIMEOUT"
)

// CommonErrors are the reasons with which every method may be refused: parameters that are wrong, a scope or role that the caller
// lacks, too many requests, a gateway that stops or has failed inside.
func CommonErrors() []string {
	return []string{InvalidRequest, Forbidden, MissingScope, Unavailable, RateLimited, Internal}
}

// ForeignErrors are the reasons of what a plugin, a platform or a provider has answered, where a method passes it on.
func ForeignErrors() []string {
	return []string{NotFound, Conflict, Unauthorized, TooLarge, AgentTimeout}
}

// Error is the error of a response frame.
type Error struct {
	Code string `json:"code"`
	// Message is for people: what is wrong and what to do.
	Message string `json:"message"`
	// Details are for programs; details.code is finer than code.
	Details any `json:"details,omitempty"`
	// Retryable says that the same request may succeed later.
	Retryable bool `json:"retryable,omitempty"`
	// RetryAfterMs is the least time to wait before that, in milliseconds.
	RetryAfterMs *int64 `json:"retryAfterMs,omitempty"`
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Reason is details.code where there is one, else the code: what programs tell errors apart by.
func (e *Error) Reason() string { return cmp.Or(detailsCode(e.Details), e.Code) }

type coded struct {
	error
	code string
}

func (c *coded) Unwrap() error { return c.error }

// WithCode makes NewError answer err with this wire code, for the few (NotPaired, NotLinked) that no
// wit.Code stands for.
func WithCode(err error, code string) error { return &coded{err, code} }

// NewError returns the frame's error for err in a protocol. Where several wit codes share a wire code
// and details carry no code of their own, the wit code is added as details.code, so nothing is lost on
// the way. The text of an error without a code is not shown.
func NewError(err error, details any, protocol int) *Error {
	w := wit.AsError(err)
	e := &Error{Code: codeOf(w.Code, protocol), Message: w.Message, Details: details, Retryable: w.Retryable, RetryAfterMs: w.RetryAfter}
	if w.Code == wit.CodeInternal || e.Message == "" {
		e.Message = "internal error"
	}
	if c := (*coded)(nil); errors.As(err, &c) {
		e.Code = c.code
	} else if e.Details == nil && plain(e.Code) != w.Code {
		e.Details = map[string]string{"code": strings.ToUpper(string(w.Code))}
	}
	return e
}

func codeOf(c wit.Code, protocol int) string {
	switch c {
	case wit.CodeForbidden:
		if protocol >= 4 {
			return Forbidden
		}
		return InvalidRequest
	case wit.CodeTimeout:
		return AgentTimeout
	case wit.CodeUnavailable, wit.CodeRateLimited, wit.CodeInternal:
		return Unavailable
	default:
		return InvalidRequest
	}
}

// plain is the wit code that a wire code means when nothing else is said.
func plain(code string) wit.Code {
	switch code {
	case InvalidRequest:
		return wit.CodeInvalid
	case NotLinked, Unavailable:
		return wit.CodeUnavailable
	case NotPaired:
		return wit.CodeUnauthorized
	case AgentTimeout:
		return wit.CodeTimeout
	case Forbidden:
		return wit.CodeForbidden
	default:
		return wit.CodeInternal
	}
}

// Wit is NewError's inverse: the code by details.code where that is one of ours, else by the wire code.
func (e *Error) Wit() *wit.Error {
	code := plain(e.Code)
	switch c := wit.Code(strings.ToLower(detailsCode(e.Details))); c {
	case wit.CodeNotFound, wit.CodeConflict, wit.CodeUnauthorized, wit.CodeForbidden, wit.CodeTooLarge, wit.CodeRateLimited, wit.CodeInternal:
		code = c
	case "cron_job_not_found":
		code = wit.CodeNotFound
	case "missing_scope":
		code = wit.CodeForbidden
	case "auth_rate_limited":
		code = wit.CodeRateLimited
	case "auth_token_mismatch", "auth_token_missing", "auth_password_mismatch", "auth_password_missing":
		code = wit.CodeUnauthorized
	}
	return &wit.Error{Code: code, Message: e.Message, Retryable: e.Retryable, RetryAfter: e.RetryAfterMs}
}

func detailsCode(details any) string {
	b, err := json.Marshal(details)
	if err != nil {
		return ""
	}
	var d struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(b, &d)
	return d.Code
}
