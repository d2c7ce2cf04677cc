package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plugin"
)

// gateway is the one that is attacked. Attacks that go on at the same time share it.
type gateway struct {
	*process.Process
	state string
	log   *journal
	conn  *client.Client // the attackers' own; what is measured has another one
}

// answerWithin is how long the gateway may take to say what it thinks of a plugin, or to answer an attacker. What it
// compiles gets ten seconds of processor time, makes way for everything else, and is given up after five minutes.
const answerWithin = 6 * time.Minute

// ask calls a method, also when the attack is over meanwhile.
func (g *gateway) ask(method string, params, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	return g.conn.Call(ctx, method, params, out)
}

// with drops a plugin, waits until it is in one of these states or has failed, does something, and takes the plugin
// away again.
func (g *gateway) with(name string, put putter, do func(plugin.Status) (string, error), states ...plugin.State) (said string, err error) {
	dir, made := filepath.Join(g.state, "plugins", name), filepath.Join(g.state, "made", name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(dir), 0o700), os.MkdirAll(made, 0o700)); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, g.remove(name, dir)) }()
	// It comes whole: of a half of it the gateway says other things.
	if err := errors.Join(put(made), os.Rename(made, dir)); err != nil {
		return "", err
	}
	s, err := g.await(name, func(s *plugin.Status) bool {
		return s != nil && (s.State == plugin.StateFailed || slices.Contains(states, s.State))
	})
	if err != nil {
		return "", err
	}
	if !slices.Contains(states, s.State) {
		return "", fmt.Errorf("the plugin is %s: %s", s.State, s.Reason)
	}
	return do(*s)
}

// remove takes a plugin away.
func (g *gateway) remove(name, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	_, err := g.await(name, func(s *plugin.Status) bool { return s == nil })
	return err
}

// await asks how a plugin is, nil where there is none, until that is what is waited for.
func (g *gateway) await(name string, done func(*plugin.Status) bool) (*plugin.Status, error) {
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		var list plugin.StatusResult
		if err := g.ask("plugins.status", nil, &list); err != nil {
			return nil, err
		}
		var is *plugin.Status
		if n := slices.IndexFunc(list.Plugins, func(p plugin.Status) bool { return p.ID == name }); n >= 0 {
			is = &list.Plugins[n]
		}
		if done(is) {
			return is, nil
		}
		if time.Since(begin) > answerWithin {
			return nil, fmt.Errorf("the gateway said nothing new of the plugin for %v: %+v", answerWithin, is)
		}
	}
}
