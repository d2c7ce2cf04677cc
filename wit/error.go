package wit

import "errors"

// Error messages are for the owner: they say what happened and what to do next. Code, not text, is
// what programs look at.
func (e *Error) Error() string {
	if e.Message == "" {
		return string(e.Code)
	}
	return e.Message
}

// Is makes errors.Is(err, &Error{Code: c}) match by code alone.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Message == "" && t.Code == e.Code
}

// NewError returns an error with a code. Codes that pass on their own (rate_limited, unavailable,
// timeout) are marked retryable.
func NewError(code Code, message string) *Error {
	return &Error{Code: code, Message: message, Retryable: code.Transient()}
}

// Transient reports whether the same request may succeed later without anybody changing anything.
func (c Code) Transient() bool {
	return c == CodeRateLimited || c == CodeUnavailable || c == CodeTimeout
}

// CodeOf returns the code of the first *Error in err's chain, "" for nil, and CodeInternal for an
// error that carries none.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// AsError returns err as an *Error. An error without a code becomes CodeInternal, and its text is
// kept, since only the caller knows whether it may be shown.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Message: err.Error()}
}
