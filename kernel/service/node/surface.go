package node

import (
	"maps"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// Surface is what a node can do: as it declares it, or as the owner has approved it. Lists are sorted.
type Surface struct {
	Caps     []string `json:"caps" rpc:"max=256"`
	Commands []string `json:"commands" rpc:"max=512"`
	// Permissions say what the node's own system lets it do.
	Permissions map[string]bool `json:"permissions,omitempty" rpc:"max=512"`
}

// declared is what a node says at connect, within bounds.
func declared(c *rpc.Caller) Surface {
	return surface(c.Caps, c.Offer.Commands, c.Offer.Permissions)
}

func surface(caps, commands []string, permissions map[string]bool) Surface {
	s := Surface{Caps: names(caps), Commands: names(commands)}
	for _, name := range names(slices.Collect(maps.Keys(permissions))) {
		if s.Permissions == nil {
			s.Permissions = map[string]bool{}
		}
		s.Permissions[name] = permissions[name]
	}
	return s
}

// names sorts what can be a name and is there once. There are at most maxCommands.
func names(list []string) []string {
	plain := func(r rune) bool { return r > ' ' && r < 0x7f }
	kept := slices.DeleteFunc(slices.Clone(list), func(n string) bool {
		return n == "" || len(n) > maxName || strings.IndexFunc(n, func(r rune) bool { return !plain(r) }) >= 0
	})
	slices.Sort(kept)
	kept = slices.Compact(kept)
	return append([]string{}, kept[:min(len(kept), maxCommands)]...)
}

// covers reports whether everything that other has is in s.
func (s Surface) covers(other Surface) bool {
	for _, c := range other.Caps {
		if !slices.Contains(s.Caps, c) {
			return false
		}
	}
	for _, c := range other.Commands {
		if !slices.Contains(s.Commands, c) {
			return false
		}
	}
	return true
}

// plus is both together; of a permission the newer word counts.
func (s Surface) plus(other Surface) Surface {
	permissions := maps.Clone(s.Permissions)
	if permissions == nil {
		permissions = map[string]bool{}
	}
	maps.Copy(permissions, other.Permissions)
	return surface(slices.Concat(s.Caps, other.Caps), slices.Concat(s.Commands, other.Commands), permissions)
}

// equal reports whether both are the same.
func (s Surface) equal(other Surface) bool {
	return slices.Equal(s.Caps, other.Caps) && slices.Equal(s.Commands, other.Commands) && maps.Equal(s.Permissions, other.Permissions)
}
