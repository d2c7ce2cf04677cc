package store

import (
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds that both implementations check before anything is written.
const (
	MaxSpace = 128      // bytes in a space's name
	MaxKey   = 512      // bytes in a key
	MaxValue = 16 << 20 // bytes in a value
)

// checkSpace refuses NUL in a space's name, because the store in memory separates space and key by one.
func checkSpace(space string) error {
	if space == "" || len(space) > MaxSpace || !utf8.ValidString(space) || strings.ContainsRune(space, 0) {
		return wit.Errorf(wit.CodeInvalid, "store: %.40q is not a space's name: use 1 to %d bytes of UTF-8 without NUL", space, MaxSpace)
	}
	return nil
}

// checkKey bounds keys and wants UTF-8, in which order by bytes is order by code points.
func checkKey(space, key string) error {
	if err := checkSpace(space); err != nil {
		return err
	}
	if key == "" || len(key) > MaxKey || !utf8.ValidString(key) {
		return wit.Errorf(wit.CodeInvalid, "store: %.40q is not a key for %s: use 1 to %d bytes of UTF-8", key, space, MaxKey)
	}
	return nil
}

// checkRecord also bounds the value. The bound keeps one record from filling the memory of whoever scans over it. room is
// what a value may have above it, for what sealing adds.
func checkRecord(space, key string, value []byte, room int) error {
	if err := checkKey(space, key); err != nil {
		return err
	}
	if len(value) > MaxValue+room {
		return wit.Errorf(wit.CodeTooLarge, "store: the value of %s/%s has %d bytes, at most %d fit: keep it as a media file instead", space, key, len(value), MaxValue)
	}
	return nil
}

// span turns a range into the half-open interval [lo, hi) of keys; hi "" is open.
func (r Range) span() (lo, hi string) {
	lo, hi = max(r.Prefix, r.From), r.To
	if end := after(r.Prefix); end != "" && (hi == "" || end < hi) {
		hi = end
	}
	return lo, hi
}

// after is the least string above all that have the prefix, or "" if there is none.
func after(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}

func errNotFound(space, key string) error {
	return wit.Errorf(wit.CodeNotFound, "store: there is no %s/%s", space, key)
}

// Named says in words of the caller's what there is not, if that is what err tells; other errors stay as they are.
func Named(err error, format string, args ...any) error {
	if wit.CodeOf(err) != wit.CodeNotFound {
		return err
	}
	return wit.Errorf(wit.CodeNotFound, format, args...)
}

// errConflict is the one error that callers of Insert act on, as errNotFound is of Get.
func errConflict(space, key string) error {
	return wit.Errorf(wit.CodeConflict, "store: %s/%s exists already", space, key)
}

func errReadOnly() error {
	return wit.NewError(wit.CodeInvalid, "store: a View cannot write: use Update")
}

func errEnded() error {
	return wit.NewError(wit.CodeInvalid, "store: the transaction has ended: a Tx is valid only inside its function")
}

func errClosed() error {
	return wit.NewError(wit.CodeUnavailable, "store: it is closed: the gateway is stopping")
}

// ended says why a context is over, coded, or returns nil while it is not.
func ended(err error) error {
	if err == nil {
		return nil
	}
	return wit.Errorf(wit.CodeTimeout, "store: the caller gave up before the commit: %w", err)
}
