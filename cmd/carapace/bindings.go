package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/config"
)

// newBind lets an agent answer in some conversations.
func newBind(o *options) *cobra.Command {
	peer := ""
	c := o.client(&cobra.Command{
		Use: "bind AGENT CHANNEL[/ACCOUNT]", Short: "Let an agent answer on a channel, or in one conversation", Args: takes("AGENT", "CHANNEL"),
		Example: "  carapace agents bind ops telegram/work\n  carapace agents bind ops telegram --peer group:-100123",
		RunE: func(c *cobra.Command, args []string) error {
			match, err := matchOf(args[1], peer)
			if err != nil {
				return usageError{err}
			}
			return o.rebind(c.Context(), func(list []config.Binding) ([]config.Binding, error) {
				return append(without(list, match), config.Binding{AgentID: config.AgentID(args[0]), Match: match}), nil
			})
		},
	})
	peerFlag(c, &peer)
	return c
}

// newUnbind lets the default agent answer there again.
func newUnbind(o *options) *cobra.Command {
	peer := ""
	c := o.client(&cobra.Command{
		Use: "unbind CHANNEL[/ACCOUNT]", Short: "Take a binding away", Args: takes("CHANNEL"), Example: "  carapace agents unbind telegram/work",
		RunE: func(c *cobra.Command, args []string) error {
			match, err := matchOf(args[0], peer)
			if err != nil {
				return usageError{err}
			}
			return o.rebind(c.Context(), func(list []config.Binding) ([]config.Binding, error) {
				left := without(list, match)
				return left, (kind{"binding of", "agents list"}).unless(len(left) < len(list), bindingPlace(match))
			})
		},
	})
	peerFlag(c, &peer)
	return c
}

func peerFlag(c *cobra.Command, peer *string) {
	c.Flags().StringVar(peer, "peer", "", "with whom: direct, group or channel, and the platform's id after a colon for one conversation")
}

// without are the bindings that are not of a match.
func without(list []config.Binding, match config.BindingMatch) []config.Binding {
	return slices.DeleteFunc(slices.Clone(list), func(b config.Binding) bool { return b.Match == match })
}

// rebind changes the bindings that the settings have now. Where somebody else changes these meanwhile it is refused.
func (o *options) rebind(ctx context.Context, change func([]config.Binding) ([]config.Binding, error)) error {
	now, list, err := readBindings(ctx, o)
	if err != nil {
		return err
	}
	if list == nil && strings.Contains(now.Raw, "$include") {
		return errors.New("the bindings may stand in a file that the config file includes: change them there")
	}
	if list, err = change(list); err != nil {
		return err
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	patch, err := nested([]string{"bindings"}, text)
	if err != nil {
		return err
	}
	done, err := o.settings().patch(ctx, patch, now.Hash)
	if err != nil {
		return err
	}
	return o.printChange(done)
}

// matchOf reads which conversations are meant: a channel, an account of it, and with whom.
func matchOf(where, peer string) (m config.BindingMatch, err error) {
	m.Channel, m.AccountID, _ = strings.Cut(where, "/")
	m.Peer.Kind, m.Peer.ID, _ = strings.Cut(peer, ":")
	switch m.Peer.Kind {
	case "", "direct", "group", "channel":
		return m, nil
	case "dm":
		m.Peer.Kind = "direct"
		return m, nil
	}
	return m, fmt.Errorf("--peer cannot be %.100q: it begins with direct, group or channel", peer)
}

// bindingPlace is what matchOf reads.
func bindingPlace(m config.BindingMatch) string {
	text := m.Channel
	if m.AccountID != "" {
		text += "/" + m.AccountID
	}
	if m.Peer.Kind != "" {
		text += " " + m.Peer.Kind
	}
	if m.Peer.ID != "" {
		text += ":" + m.Peer.ID
	}
	return text
}
