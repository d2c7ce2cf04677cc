package main

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/session"
)

// pluginIDs lists the plugins, for completion.
func pluginIDs(ctx context.Context, o *options) ([]string, error) {
	var list plugin.StatusResult
	err := o.call(ctx, "plugins.status", nil, &list)
	var ids []string
	for _, p := range list.Plugins {
		ids = append(ids, p.ID)
	}
	return ids, err
}

// sessionKeys lists the sessions, for completion.
func sessionKeys(ctx context.Context, o *options) ([]string, error) {
	var list session.ListResult
	err := o.call(ctx, "sessions.list", session.ListParams{}, &list)
	keys := []string{"main"}
	for _, s := range list.Sessions {
		keys = append(keys, string(s.Key))
	}
	return keys, err
}
