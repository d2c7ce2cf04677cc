package mail

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// The credentials: the password, or the access token, which the gateway gets by the refresh token.
const (
	password    = "password"
	accessToken = "accessToken"
)

// The ways of logging in, by their names in SASL. XOAUTH2 is what Gmail and Microsoft 365 have had before RFC 7628.
const (
	plainText   = "PLAIN"
	xoauth2     = "XOAUTH2"
	oauthBearer = "OAUTHBEARER"
)

// credential is what an account logs in with.
func (s *settings) credential() string {
	if s.oauth {
		return accessToken
	}
	return password
}

// mechanism is how an account logs in to a server that offers some ways; "" for none of them.
func (s *settings) mechanism(offers func(mechanism string) bool) string {
	fits := []string{plainText}
	if s.oauth {
		fits = []string{xoauth2, oauthBearer}
	}
	for _, m := range fits {
		if offers(m) {
			return m
		}
	}
	return ""
}

// proof is what an account says to log in, with the credential's place in it. It is said in base64.
func (s *settings) proof(mechanism string) string {
	switch mechanism {
	case xoauth2:
		return "user=" + s.user + "\x01auth=Bearer {{credential:" + accessToken + "}}\x01\x01"
	case oauthBearer:
		return "n,a=" + strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s.user) + ",\x01auth=Bearer {{credential:" + accessToken + "}}\x01\x01"
	}
	return "\x00" + s.user + "\x00{{credential:" + password + "}}"
}

// yield is what is said when the server, before it refuses an access token, tells why.
func yield(mechanism string) string {
	switch mechanism {
	case xoauth2:
		return ""
	case oauthBearer:
		return "AQ=="
	}
	return "*"
}

// lacks is what the owner is told who has given no credential.
func (s *settings) lacks() string {
	if s.oauth {
		return "the mailbox " + s.address + " needs a refresh token: give it with `carapace setup mail --secret refreshToken=env:VARIABLE`"
	}
	return "the mailbox " + s.address + " needs its password: give it with `carapace setup mail`"
}

// notTaken is what the owner is told whose credential a server refuses.
func (s *settings) notTaken() string {
	if s.oauth {
		return "the mail server does not take the access token of " + s.user +
			": see whether the login was for mail and for this user, and whether the mailbox may be used by programs; another refresh token is given with `carapace setup mail`"
	}
	return "the mail server does not take the password of " + s.user + ": give it again with `carapace setup mail`"
}

// renews says to the gateway that a server does not take the account's access token, and reports whether another one is to be had: the
// server may have ended it before its time.
func (s *settings) renews(host *sdk.Host, account string) bool {
	if !s.oauth {
		return false
	}
	again, err := host.CredentialRefused(accessToken, account)
	return again && err == nil
}

// renewed is what the owner reads meanwhile.
const renewed = "the mail server has not taken the access token: another one is tried"

// errRenewed is of what is worth trying again with another token.
func errRenewed() error {
	return &wit.Error{Code: wit.CodeUnavailable, Message: renewed, Retryable: true, RetryAfter: new(int64(renewPause))}
}

// errNoToken is of a server that takes passwords alone.
func errNoToken() error {
	return wit.NewError(wit.CodeUnauthorized, "the mail server takes no access tokens (XOAUTH2 or OAUTHBEARER): set `auth` to password, and give one")
}
