package config

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The database held what was set up by command, beside the file, in versions before this one.
const (
	pluginTable  = store.Table[Plugin]("settings.plugin")
	accountTable = store.Table[Account]("settings.account")
)

// Move brings what the database holds into the file, below what stands there already, and forgets it. A crash in
// between only does it once more. Errors are the store's, and those of Edit.
func (s *Settings) Move(ctx context.Context, db store.Store) error {
	old, keys, err := setUpBefore(ctx, db)
	if err != nil || len(keys) == 0 {
		return err
	}
	patch, err := json.Marshal(old)
	if err != nil {
		return wit.Errorf(wit.CodeInternal, "move the settings: %w", err)
	}
	if _, err := s.Edit(ctx, "", func(d *Document) error {
		said := d.root
		if err := d.Merge(patch); err != nil {
			return err
		}
		return d.Merge(said.json())
	}); err != nil {
		return err
	}
	s.log.Info("what was set up by command stands in the config file now", "file", s.deps.Path)
	return db.Update(ctx, func(tx store.Tx) error {
		for _, key := range keys {
			if err := tx.Delete(key[0], key[1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// setUpBefore reads what the database holds, and where.
func setUpBefore(ctx context.Context, db store.Store) (c Config, keys [][2]string, err error) {
	err = db.View(ctx, func(tx store.Tx) error {
		c, keys = Config{Plugins: map[string]Plugin{}, Channels: map[string]Channel{}}, nil
		for row, err := range pluginTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			c.Plugins[row.Key] = row.Value
			keys = append(keys, [2]string{string(pluginTable), row.Key})
		}
		for row, err := range accountTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			channel, account, _ := strings.Cut(row.Key, "/")
			if c.Channels[channel].Accounts == nil {
				c.Channels[channel] = Channel{Accounts: map[string]Account{}}
			}
			c.Channels[channel].Accounts[account] = row.Value
			keys = append(keys, [2]string{string(accountTable), row.Key})
		}
		return nil
	})
	return c, keys, err
}
