package registry

import (
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/carapace-gateway/carapace/wit"
)

// Range selects versions.
type Range struct {
	text    string
	allowed *semver.Constraints // nil allows all releases
	exact   *semver.Version     // the only one that is allowed, if there is only one
}

// ParseRange reads a range: `1.2.3` is that version alone, `^1.2`, `~1.2.3`, `>=1.2 <2`, `1.x`, and several with `||`
// between. Empty is every release. A pre-release is selected only by a range that names one. Errors: CodeInvalid.
func ParseRange(text string) (Range, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Range{}, nil
	}
	if exact, err := semver.StrictNewVersion(strings.TrimPrefix(text, "=")); err == nil {
		return Range{text: text, exact: exact}, nil
	}
	allowed, err := semver.NewConstraint(text)
	if err != nil || len(text) > maxText {
		return Range{}, wit.Errorf(wit.CodeInvalid, "%.80q is not a range of versions such as 1.2.3, ^1.2, ~1.2.3, 1.x or >=1.2 <2", text)
	}
	return Range{text: text, allowed: allowed}, nil
}

// Exact reports whether the range is one version.
func (r Range) Exact() bool { return r.exact != nil }

// Allows reports whether a version is in the range; what is no version is not.
func (r Range) Allows(version string) bool {
	v, err := semver.StrictNewVersion(version)
	switch {
	case err != nil:
		return false
	case r.exact != nil:
		return v.Equal(r.exact)
	case r.allowed == nil:
		return v.Prerelease() == ""
	}
	return r.allowed.Check(v)
}

// Gateway is who is to run a package.
type Gateway struct {
	// Version is the gateway's; one that is not SemVer runs whatever range of hosts a package names.
	Version string
	// ABI is the contract's version.
	ABI uint32
}

// Runs says why a gateway does not run a version: CodeConflict, or nil.
func (g Gateway) Runs(v *Version) error {
	if v.ABI != g.ABI {
		return wit.Errorf(wit.CodeConflict, "%s is built against contract version %d, and this gateway speaks %d", v.Version, v.ABI, g.ABI)
	}
	wanted, err := semver.NewConstraint(v.Host)
	have, none := semver.NewVersion(g.Version)
	if v.Host == "" || none != nil {
		return nil
	}
	// A pre-release of this gateway counts as the release that it leads to, as for manifests.
	release, _ := have.SetPrerelease("")
	if err != nil || !wanted.Check(&release) {
		return wit.Errorf(wit.CodeConflict, "%s wants a gateway %.80s, and this is %s", v.Version, v.Host, g.Version)
	}
	return nil
}

// Choose returns the newest version in the range that the gateway runs and that nobody has withdrawn. Errors, which say
// what there is instead: CodeNotFound, and CodeConflict where what is in the range does not run here or was withdrawn.
func (p *Package) Choose(r Range, g Gateway) (*Version, error) {
	var why error
	for i := range p.Versions {
		v := &p.Versions[i]
		if !r.Allows(v.Version) {
			continue
		}
		err := g.Runs(v)
		if v.Withdrawn != nil {
			err = wit.Errorf(wit.CodeConflict, "%s was withdrawn: %s", v.Version, v.Withdrawn.Reason)
		}
		if err == nil {
			return v, nil
		}
		if why == nil {
			why = err
		}
	}
	if why != nil {
		return nil, wit.Errorf(wit.CodeConflict, "no version of %s that can be installed: %w", p.ID, why)
	}
	wanted := "no release of " + p.ID
	if r.text != "" {
		wanted = "no version " + r.text + " of " + p.ID
	}
	return nil, wit.Errorf(wit.CodeNotFound, "%s; there are %s", wanted, p.some())
}

// some names the newest versions.
func (p *Package) some() string {
	var names []string
	for _, v := range p.Versions[:min(len(p.Versions), 5)] {
		names = append(names, v.Version)
	}
	return strings.Join(names, ", ")
}

// Older reports whether version a is older than b. What is no version is older than any, so that it never counts as newer.
func Older(a, b string) bool {
	left, err := semver.StrictNewVersion(a)
	if err != nil {
		return true
	}
	right, err := semver.StrictNewVersion(b)
	return err == nil && left.LessThan(right)
}
