// Package scram logs an account in by SCRAM (RFC 5802, RFC 7677) over a connection of a channel, in the messages that SASL has. The
// kernel computes what is said, since it has the password.
package scram

import (
	"encoding/base64"
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxSaid bounds what a server says, in base64.
const maxSaid = 4 << 10

// Login is one that goes on, part of an account's state. The zero value is none.
type Login struct {
	// Mechanism is SASL's name for it.
	Mechanism        string
	first, challenge string
	proved           bool // the server has shown that it knows the password
}

// User is who logs in: a name, and the credential that is the password.
type User struct{ Name, Password string }

// Best returns the best mechanism among those that a server offers, or "" when it has no SCRAM.
func Best(offered []string) string {
	for _, name := range []string{"SCRAM-SHA-256", "SCRAM-SHA-1"} {
		if slices.Contains(offered, name) {
			return name
		}
	}
	return ""
}

// Begin returns a login by a mechanism and what it begins with, in base64.
func Begin(host *sdk.Host, u User, mechanism string) (Login, string, error) {
	l := Login{Mechanism: mechanism}
	first, err := l.next(host, u, nil)
	if err != nil {
		return Login{}, "", err
	}
	l.first = first
	return l, encode(first), nil
}

// Hear returns the answer to something that the server says, both in base64: to its challenge the last message, to its outcome
// none. The error is unauthorized when the server does not prove that it knows the password, or says that it is another one.
func (l *Login) Hear(host *sdk.Host, u User, said string) (string, error) {
	text, err := base64.StdEncoding.DecodeString(said)
	switch {
	case err != nil || len(text) == 0 || len(said) > maxSaid || l.first == "":
		return "", wit.NewError(wit.CodeInvalid, "the server says what is no login")
	case l.challenge == "":
		l.challenge = string(text)
		last, err := l.next(host, u, nil)
		return encode(last), err
	}
	outcome := string(text)
	_, err = l.next(host, u, &outcome)
	l.proved = err == nil
	return "", err
}

// Proved reports whether the server has proved that it knows the password. Without that its success is none.
func (l *Login) Proved() bool { return l.proved }

// next is what the kernel makes of what was said so far.
func (l *Login) next(host *sdk.Host, u User, outcome *string) (string, error) {
	login := wit.ScramLogin{Password: u.Password, User: u.Name, Outcome: outcome}
	if l.Mechanism == "SCRAM-SHA-1" {
		login.Hash = wit.ScramHashSHA1
	}
	if l.first != "" {
		login.First = &l.first
	}
	if l.challenge != "" {
		login.Challenge = &l.challenge
	}
	return host.Scram(&login)
}

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// Read reads a login from an account's state.
func Read(v json.Value) Login {
	return Login{v.Get("mechanism").Text(), v.Get("first").Text(), v.Get("challenge").Text(), v.Get("proved").Bool()}
}

// JSON returns it as the state has it, nil for none.
func (l *Login) JSON() wit.JSON {
	if l.Mechanism == "" {
		return nil
	}
	var o json.Sparse
	o.AddText("mechanism", l.Mechanism)
	o.AddText("first", l.first)
	o.AddText("challenge", l.challenge)
	o.AddTrue("proved", l.proved)
	return o.JSON()
}
