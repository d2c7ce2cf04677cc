//go:build !wasip1

package wit

import (
	"errors"
	"fmt"
	"time"
)

// Errorf is NewError with a formatted message. An *Error wrapped with %w passes on whether it is
// retryable and after how long, but not its code. Guests, where fmt costs a megabyte, use NewError.
func Errorf(code Code, format string, args ...any) error {
	wrapped := fmt.Errorf(format, args...)
	e := NewError(code, wrapped.Error())
	if inner := (*Error)(nil); errors.As(wrapped, &inner) {
		e.Retryable, e.RetryAfter = inner.Retryable, inner.RetryAfter
	}
	return &wrappedError{coded: e, cause: errors.Unwrap(wrapped)}
}

// ErrorAfter is Errorf of what passes by itself, a limit above all: the same request may succeed after wait. Less than a
// millisecond is one, since 0 would say at once.
func ErrorAfter(code Code, wait time.Duration, format string, args ...any) error {
	e := NewError(code, "")
	e.RetryAfter = new(max(int64((wait+time.Millisecond-1)/time.Millisecond), 1))
	wrapped := fmt.Errorf(format, args...)
	e.Message = wrapped.Error()
	return &wrappedError{coded: e, cause: errors.Unwrap(wrapped)}
}

// wrappedError keeps the cause reachable for errors.Is without making it part of what crosses a
// boundary.
type wrappedError struct {
	coded *Error
	cause error
}

func (e *wrappedError) Error() string { return e.coded.Error() }

func (e *wrappedError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.coded}
	}
	return []error{e.coded, e.cause}
}
