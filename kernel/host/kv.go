package host

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// kv is a plugin's own records. They are in two spaces, the values in one and when each is gone in the other, so that
// keys can be counted and listed without reading values. Each record is in both, which one transaction sees to.
//
// What has expired is as if it were not there, and is removed when room is needed: a timer for each plugin would
// wake the gateway for what nobody misses.
type kv struct {
	store  store.Store
	writes *bucket
	values string // the spaces' names
	expiry string
}

func newKV(plugin string, s store.Store, writes *bucket) kv {
	return kv{store: s, writes: writes, values: "plugin.kv/" + plugin, expiry: "plugin.kv.expiry/" + plugin}
}

// Get is the guest's. A record that is not there is an answer without a value, and no error: to look is how a plugin
// finds out.
func (r kv) Get(ctx context.Context, k *wit.KVKey) (*wit.KVValue, error) {
	out := &wit.KVValue{}
	return out, r.store.View(ctx, func(tx store.Tx) error {
		expiry, err := tx.Get(r.expiry, k.Key)
		if wit.CodeOf(err) == wit.CodeNotFound || expired(expiry) {
			return nil
		}
		if err != nil {
			return err
		}
		value, err := tx.Get(r.values, k.Key)
		if err == nil {
			out.Value = new(string(value))
		}
		return err
	})
}

// Put is the guest's. Replacing a record needs no room, so a plugin that has all it may can still change it.
func (r kv) Put(ctx context.Context, e *wit.KVEntry) (*wit.Done, error) {
	if wait := r.writes.take(); wait > 0 {
		return nil, tooOften("kv", wait)
	}
	expiry := make([]byte, 8)
	if e.TTL > 0 {
		binary.BigEndian.PutUint64(expiry, uint64(time.Now().UnixMilli()+e.TTL))
	}
	return &wit.Done{OK: true}, r.store.Update(ctx, func(tx store.Tx) error {
		_, err := tx.Get(r.expiry, e.Key)
		if wit.CodeOf(err) == wit.CodeNotFound {
			err = r.makeRoom(tx)
		}
		if err != nil {
			return err
		}
		if err := tx.Put(r.expiry, e.Key, expiry); err != nil {
			return err
		}
		return tx.Put(r.values, e.Key, []byte(e.Value))
	})
}

// makeRoom removes what has expired and fails if a further key would be one too many.
func (r kv) makeRoom(tx store.Tx) error {
	count, gone := 0, []string(nil)
	for rec, err := range tx.Scan(r.expiry, store.Range{}) {
		if err != nil {
			return err
		}
		if expired(rec.Value) {
			gone = append(gone, rec.Key)
		} else {
			count++
		}
	}
	for _, key := range gone {
		if err := r.remove(tx, key); err != nil {
			return err
		}
	}
	if count >= wit.LimitKVKeys {
		return wit.Errorf(wit.CodeTooLarge, "kv: this plugin has %d keys, which is all it may have: delete some", count)
	}
	return nil
}

// remove deletes a record from both spaces; one that is not there is no error.
func (r kv) remove(tx store.Tx, key string) error {
	if err := tx.Delete(r.expiry, key); err != nil {
		return err
	}
	return tx.Delete(r.values, key)
}

// Delete is the guest's.
func (r kv) Delete(ctx context.Context, k *wit.KVKey) (*wit.Done, error) {
	if wait := r.writes.take(); wait > 0 {
		return nil, tooOften("kv", wait)
	}
	return &wit.Done{OK: true}, r.store.Update(ctx, func(tx store.Tx) error { return r.remove(tx, k.Key) })
}

// Keys is the guest's. A limit above the contract's bound is cut to it, and 0 is its default.
func (r kv) Keys(ctx context.Context, p *wit.KVPrefix) (*wit.KVKeys, error) {
	limit := int(min(p.Limit, wit.KVPrefixLimitCut))
	if limit == 0 {
		limit = wit.KVPrefixLimitDefault
	}
	out := &wit.KVKeys{}
	return out, r.store.View(ctx, func(tx store.Tx) error {
		for rec, err := range tx.Scan(r.expiry, store.Range{Prefix: p.Prefix}) {
			if err != nil {
				return err
			}
			if !expired(rec.Value) {
				out.Keys = append(out.Keys, rec.Key)
			}
			if len(out.Keys) == limit {
				break
			}
		}
		return nil
	})
}

// expired reads what expiry holds: the time in Unix milliseconds, big-endian, and 0 for a record that stays.
func expired(expiry []byte) bool {
	if len(expiry) != 8 {
		return false
	}
	at := binary.BigEndian.Uint64(expiry)
	return at != 0 && uint64(time.Now().UnixMilli()) >= at
}
