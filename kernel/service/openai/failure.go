package openai

import (
	"errors"
	"net/http"

	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/wit"
)

// failure is an error as this API's clients read it.
type failure struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// failed is the body of an answer that is an error.
type failed struct {
	Error failure `json:"error"`
}

const invalidRequest = "invalid_request_error"

// fieldError is an error of one of the request's fields.
type fieldError struct {
	err   *wit.Error
	param string
}

func (e *fieldError) Error() string { return e.err.Message }

func (e *fieldError) Unwrap() error { return e.err }

// wrong refuses a field of the request.
func wrong(param, format string, args ...any) error {
	return &fieldError{wit.AsError(wit.Errorf(wit.CodeInvalid, format, args...)), param}
}

// describe is an error in the API's words.
func describe(err error) failure {
	e := endpoint.Said(err)
	f := failure{Message: e.Message, Type: "server_error"}
	code := ""
	switch e.Code {
	case wit.CodeInvalid:
		f.Type = invalidRequest
	case wit.CodeUnauthorized:
		f.Message, f.Type, code = "Unauthorized: send the gateway's token as a bearer token", invalidRequest, "invalid_api_key"
	case wit.CodeNotFound:
		f.Type, code = invalidRequest, "not_found"
	case wit.CodeForbidden:
		f.Type = "permission_error"
	case wit.CodeTooLarge:
		f.Type, code = invalidRequest, "context_length_exceeded"
	case wit.CodeRateLimited:
		f.Type, code = "rate_limit_error", "rate_limit_exceeded"
	case wit.CodeTimeout:
		code = "timeout"
	}
	if code != "" {
		f.Code = &code
	}
	if field := (*fieldError)(nil); errors.As(err, &field) {
		f.Param = &field.param
	}
	return f
}

// refuse answers with an error. Clients of this API try again by themselves; one that has no use in it is told so, since each
// try is a run.
func refuse(w http.ResponseWriter, err error) {
	e := endpoint.Said(err)
	if !e.Retryable && !e.Code.Transient() {
		w.Header().Set("X-Should-Retry", "false")
	}
	fail(w, endpoint.Status(w.Header(), e), describe(err))
}

func fail(w http.ResponseWriter, status int, f failure) { endpoint.Write(w, status, failed{f}) }
