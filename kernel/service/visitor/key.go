package visitor

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// maxPart keeps a key within the store's 512 bytes.
const maxPart = 120

// visitKey is the key of a visit, and with a slash behind it what those of its entries begin with.
func visitKey(channel, account, visitor string) string {
	return accountKey(channel, account) + visitor
}

// accountKey is what the keys of an account's visits begin with.
func accountKey(channel, account string) string { return part(channel) + "/" + part(account) + "/" }

// accountOf is the accountKey of a visit's key.
func accountOf(at string) string { return at[:strings.LastIndexByte(at, '/')+1] }

// part writes a text so that it has no slash. What is too long goes in by its hash.
func part(s string) string {
	if e := url.PathEscape(s); len(e) <= maxPart {
		return e
	}
	return "%%" + digest(s)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
