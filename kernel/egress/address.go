package egress

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// notPublic4 are the IPv4 blocks that are not the public internet.
// The list is made anew for each caller, so nothing in the package can be written to.
func notPublic4() []netip.Prefix {
	return prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")
}

// notPublic6 are the blocks of 2000::/3 that are not the public internet: Teredo and the other
// protocol assignments, documentation, 6to4. All outside 2000::/3 is refused too: loopback,
// v4-compatible, NAT64, unique local, link local, site local, multicast.
func notPublic6() []netip.Prefix {
	return prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
}

// configurable are the blocks that an origin of the owner's configuration may also be in.
// A gateway at home speaks to machines at home; what the owner wrote down is wanted there.
func configurable() []netip.Prefix {
	return prefixes("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
		"::1/128", "fc00::/7", "fe80::/10")
}

// metadata services give away a machine's own credentials; not even the owner's origin is one.
// They are in blocks that configurable has, so they are asked about first.
func metadata() []netip.Prefix {
	return prefixes("169.254.169.254/32", "169.254.170.2/32", "100.100.100.200/32", "fd00:ec2::254/128")
}

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// addresses decides which addresses may be connected to.
type addresses struct {
	public4, public6, owned, never []netip.Prefix
	global                         netip.Prefix
}

func newAddresses() *addresses {
	return &addresses{public4: notPublic4(), public6: notPublic6(), owned: configurable(), never: metadata(),
		global: netip.MustParsePrefix("2000::/3")}
}

// permits reports whether a may be connected to. private widens it by the owner's networks.
// An IPv4 address inside an IPv6 one counts as what it is. One with a zone, which names an interface of this machine, is
// in no block, so it is refused.
func (t *addresses) permits(a netip.Addr, private bool) bool {
	a = a.Unmap()
	in := func(list []netip.Prefix) bool {
		return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	switch {
	case in(t.never):
		return false
	case private && in(t.owned):
		return true
	case a.Is4():
		return !in(t.public4)
	default:
		return t.global.Contains(a) && !in(t.public6)
	}
}

// checkName refuses names that mean this machine or its cloud, whatever they resolve to.
// Their addresses are checked as well; the names are refused because resolvers differ in what they make of them.
func checkName(host string) error {
	for _, name := range []string{"localhost", "localdomain", "internal", "local", "home.arpa", "ip6-localhost", "ip6-loopback",
		"metadata", "metadata.goog", "instance-data"} {
		if host == name || strings.HasSuffix(host, "."+name) {
			return wit.Errorf(wit.CodeForbidden, "http: host %s is on a private network: only a URL that the owner configured may be", host)
		}
	}
	return nil
}
