// Package endpoint is what the services share that answer programs over HTTP: who may call, how a body is read within its
// bounds, how an answer is written in JSON or as a stream of server-sent events, and which status an error has; and the tools that two of them offer.
//
// It keeps nothing and is safe for concurrent use; a Stream belongs to the goroutine of its request.
package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Admission says who makes a request. Errors: CodeUnauthorized without the right token; CodeForbidden for a page of another
// origin.
type Admission func(*http.Request) (*rpc.Caller, error)

// ScopedAdmission is Admission for what paired devices may ask for too, if they have a scope. Errors: as Admission's;
// CodeForbidden for a device that lacks it.
type ScopedAdmission func(*http.Request, wire.Scope) (*rpc.Caller, error)

// Tools are what can be called over HTTP.
type Tools interface {
	// List has those that an agent may use.
	List(agent string) []wit.ToolDefinition
	// Session reads a session as clients write it. Errors: CodeInvalid.
	Session(text string) (session.Key, error)
	// Invoke calls a tool as a model's call is made. Errors: as agent.Service's.
	Invoke(ctx context.Context, at wit.HookContext, name string, args wit.JSON) (*wit.ToolOutput, error)
}

// Allows reports whether a request has one of the methods. It has answered with 405 where it has not.
func Allows(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) {
		return true
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	return false
}

// Body reads the whole body of a request, and lets its answer take as long as it likes. Errors: CodeInvalid; CodeTooLarge for
// a body over the route's bound.
func Body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return nil, wit.Errorf(wit.CodeTooLarge, "the body may have %d bytes", large.Limit)
	}
	if err != nil {
		return nil, wit.NewError(wit.CodeInvalid, "the body did not arrive in time and whole: send it again")
	}
	// The time was for the body. If it went on, it would end the request while its answer is made.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // not every writer can
	return body, nil
}

// Decode reads the body of a request as one JSON value. Fields that into does not have are passed over. Errors: as Body's.
func Decode(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := Body(w, r)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return wit.NewError(wit.CodeInvalid, "the request has no body: send a JSON object")
	}
	return Read(body, into)
}

// Read reads a body that has arrived, or a part of one. Errors: CodeInvalid.
func Read(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return unreadable(err)
	}
	return nil
}

// unreadable says what is wrong with a body.
func unreadable(err error) error {
	if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) && kind.Field != "" {
		return wit.Errorf(wit.CodeInvalid, "%s cannot be a JSON %s", kind.Field, kind.Value)
	}
	if e := (*wit.Error)(nil); errors.As(err, &e) {
		return e
	}
	return wit.NewError(wit.CodeInvalid, "the body is not a JSON object of this request")
}

// Write answers in JSON. Who asked may be gone, which can be told to nobody.
func Write(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}

// Status is the HTTP status of an error, and says in the header when to come back where that is known, and how to log in.
func Status(h http.Header, e *wit.Error) int {
	if e.RetryAfter != nil && *e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt((*e.RetryAfter+999)/1000, 10))
	}
	switch e.Code {
	case wit.CodeInvalid:
		return http.StatusBadRequest
	case wit.CodeUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
		return http.StatusUnauthorized
	case wit.CodeForbidden:
		return http.StatusForbidden
	case wit.CodeNotFound:
		return http.StatusNotFound
	case wit.CodeConflict:
		return http.StatusConflict
	case wit.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case wit.CodeRateLimited:
		return http.StatusTooManyRequests
	case wit.CodeTimeout:
		return http.StatusGatewayTimeout
	case wit.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Said is an error as a caller hears of it: one without a code is internal, and the log's alone.
func Said(err error) *wit.Error {
	e := wit.AsError(err)
	if e.Code == wit.CodeInternal {
		return &wit.Error{Code: e.Code, Message: "internal error: the gateway's log says more"}
	}
	return e
}
