package sdk

import (
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// KVGet returns what is kept under key; ok is false when nothing is. Permission `kv`, like all of KV.
func (h *Host) KVGet(key string) (value string, ok bool, err error) {
	var found wit.KVValue
	if err := call(h, kvGet, &wit.KVKey{Key: key}, &found); err != nil || found.Value == nil {
		return "", false, err
	}
	return *found.Value, true, nil
}

// KVPut keeps value under key, for ttl or, when that is 0, until it is deleted.
func (h *Host) KVPut(key, value string, ttl time.Duration) error {
	return call(h, kvPut, &wit.KVEntry{Key: key, Value: value, TTL: ttl.Milliseconds()}, &wit.Done{})
}

// KVDelete forgets key. Forgetting what is not there is no error.
func (h *Host) KVDelete(key string) error {
	return call(h, kvDelete, &wit.KVKey{Key: key}, &wit.Done{})
}

// KVKeys returns the keys that begin with prefix, in order, at most limit of them:
// wit.KVPrefixLimitDefault when limit is 0, and never more than wit.KVPrefixLimitCut.
func (h *Host) KVKeys(prefix string, limit int) ([]string, error) {
	var found wit.KVKeys
	err := call(h, kvKeys, &wit.KVPrefix{Prefix: prefix, Limit: uint32(max(limit, 0))}, &found)
	return found.Keys, err
}
