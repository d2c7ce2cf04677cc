package rpc

import "errors"

// detailed is an error with data for the client beside its code and message.
type detailed struct {
	error
	details any
}

func (d *detailed) Unwrap() error { return d.error }

// WithDetails adds data that becomes the error frame's details.
func WithDetails(err error, details any) error { return &detailed{err, details} }

// DetailsOf returns what WithDetails added, or nil.
func DetailsOf(err error) any {
	if d := (*detailed)(nil); errors.As(err, &d) {
		return d.details
	}
	return nil
}

// logged is an error that is in the log.
type logged struct{ error }

func (l *logged) Unwrap() error { return l.error }

// Logged marks an error that was logged where it arose, so that whoever answers the request does not log it again.
func Logged(err error) error { return &logged{err} }

// IsLogged reports whether err is of Logged.
func IsLogged(err error) bool { return errors.As(err, new(*logged)) }
