package host

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// A plugin's values are in one space and their expiry in another, so that keys can be counted and
// listed without reading values.
func (g *Guest) kvSpace() string  { return "plugin.kv/" + g.ID }
func (g *Guest) kvExpiry() string { return "plugin.kv.expiry/" + g.ID }

func (g *Guest) kvGet(ctx context.Context, k *wit.KVKey) (*wit.KVValue, error) {
	out := &wit.KVValue{}
	return out, g.host.deps.Store.View(ctx, func(tx store.Tx) error {
		expiry, err := tx.Get(g.kvExpiry(), k.Key)
		if wit.CodeOf(err) == wit.CodeNotFound || err == nil && expired(expiry) {
			return nil
		}
		if err != nil {
			return err
		}
		value, err := tx.Get(g.kvSpace(), k.Key)
		if err == nil {
			out.Value = new(string(value))
		}
		return err
	})
}

func (g *Guest) kvPut(ctx context.Context, e *wit.KVEntry) (*wit.Done, error) {
	expiry := make([]byte, 8)
	if e.TTL > 0 {
		binary.BigEndian.PutUint64(expiry, uint64(time.Now().UnixMilli()+e.TTL))
	}
	return &wit.Done{OK: true}, g.host.deps.Store.Update(ctx, func(tx store.Tx) error {
		_, err := tx.Get(g.kvExpiry(), e.Key)
		if wit.CodeOf(err) == wit.CodeNotFound {
			err = g.makeRoom(tx)
		}
		if err != nil {
			return err
		}
		if err := tx.Put(g.kvExpiry(), e.Key, expiry); err != nil {
			return err
		}
		return tx.Put(g.kvSpace(), e.Key, []byte(e.Value))
	})
}

// makeRoom removes what has expired and fails if a further key would be one too many.
func (g *Guest) makeRoom(tx store.Tx) error {
	count, gone := 0, []string(nil)
	for rec, err := range tx.Scan(g.kvExpiry(), store.Range{}) {
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
		if err := g.remove(tx, key); err != nil {
			return err
		}
	}
	if count >= wit.LimitKVKeys {
		return wit.Errorf(wit.CodeTooLarge, "kv: this plugin has %d keys, which is all it may have: delete some", count)
	}
	return nil
}

func (g *Guest) remove(tx store.Tx, key string) error {
	if err := tx.Delete(g.kvExpiry(), key); err != nil {
		return err
	}
	return tx.Delete(g.kvSpace(), key)
}

func (g *Guest) kvDelete(ctx context.Context, k *wit.KVKey) (*wit.Done, error) {
	return &wit.Done{OK: true}, g.host.deps.Store.Update(ctx, func(tx store.Tx) error { return g.remove(tx, k.Key) })
}

func (g *Guest) kvKeys(ctx context.Context, p *wit.KVPrefix) (*wit.KVKeys, error) {
	limit := int(min(p.Limit, wit.KVPrefixLimitCut))
	if limit == 0 {
		limit = wit.KVPrefixLimitDefault
	}
	out := &wit.KVKeys{}
	return out, g.host.deps.Store.View(ctx, func(tx store.Tx) error {
		for rec, err := range tx.Scan(g.kvExpiry(), store.Range{Prefix: p.Prefix}) {
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

func expired(expiry []byte) bool {
	if len(expiry) != 8 {
		return false
	}
	at := binary.BigEndian.Uint64(expiry)
	return at != 0 && uint64(time.Now().UnixMilli()) >= at
}
