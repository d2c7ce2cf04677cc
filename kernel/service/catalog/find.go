package catalog

import (
	"context"
	"errors"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/wit"
)

// Name says which package is meant: `[registry/]name[@range]`.
type Name struct {
	Registry, ID string
	Range        registry.Range
}

// ParseName reads a name. Errors: CodeInvalid.
func ParseName(text string) (n Name, err error) {
	name, versions, _ := strings.Cut(text, "@")
	if from, id, ok := strings.Cut(name, "/"); ok {
		n.Registry, name = from, id
		if from == "" {
			return n, wit.Errorf(wit.CodeInvalid, "%.100q names no registry before the slash", text)
		}
	}
	if n.ID = name; name == "" || strings.ContainsAny(name, "/ \t") {
		return n, wit.Errorf(wit.CodeInvalid, "%.100q is no name of a package such as weather, weather@^1.2 or home/weather", text)
	}
	n.Range, err = registry.ParseRange(versions)
	return n, err
}

// Found is a version of a package in a registry.
type Found struct {
	Registry string
	Package  *registry.Package
	Version  *registry.Version
	// Unread says of each other registry that might have it why it could not be looked at, by names.
	Unread map[string]string
	source registry.Source
}

// Find chooses a version of a package: the newest in the range that runs here and was not withdrawn. A plugin that is
// installed is looked for in the registry that it came from alone, and is never made older unless that very version is asked
// for.
//
// Errors: CodeInvalid; CodeNotFound, also where no registry is configured; CodeConflict where several registries have the
// name, where what there is does not run here, and for an older one; CodeUnavailable for a registry that cannot be used.
func (s *Service) Find(ctx context.Context, text string) (*Found, error) {
	n, err := ParseName(text)
	if err != nil {
		return nil, err
	}
	installed := s.installed(n.ID)
	sources, err := s.sources(n, installed)
	if err != nil {
		return nil, err
	}
	f, err := s.search(ctx, n.ID, sources)
	if err != nil {
		return nil, err
	}
	if f.Version, err = f.Package.Choose(n.Range, s.Gateway); err != nil {
		return nil, err
	}
	if installed.ID != "" && registry.Older(f.Version.Version, installed.Version) && !n.Range.Exact() {
		return nil, wit.Errorf(wit.CodeConflict, "%s %s is installed, and %s would be older: name that very version, %s@%s, to go back to it", n.ID, installed.Version, f.Version.Version, n.ID, f.Version.Version)
	}
	return f, nil
}

// sources are the registries in which a name may be looked for.
func (s *Service) sources(n Name, installed Installed) ([]registry.Source, error) {
	bound := installed.Registry != ""
	if bound && n.Registry != "" && n.Registry != installed.Registry {
		return nil, wit.Errorf(wit.CodeConflict, "%s came from the registry %s, so no other one may replace it: `carapace plugins remove %s` first, if that is meant", n.ID, installed.Registry, n.ID)
	}
	if bound {
		n.Registry = installed.Registry
	}
	list, err := s.find(n.Registry)
	switch {
	case err != nil && bound:
		return nil, wit.Errorf(wit.CodeNotFound, "%s came from the registry %s, which is not configured any more: name a folder, an archive or a URL instead", n.ID, installed.Registry)
	case err == nil && len(list) == 0:
		return nil, wit.Errorf(wit.CodeNotFound, "no registry is configured in which %s could be looked for: `carapace registries add` adds one, and folders, archives and URLs need none", n.ID)
	}
	return list, err
}

// search finds the one registry that has a package. One that cannot be used is an error only where no other one has it, and is
// named otherwise: it might have been the one that is meant.
func (s *Service) search(ctx context.Context, id string, list []registry.Source) (*Found, error) {
	var found []*Found
	var failed []error
	unread := map[string]string{}
	for n, a := range s.ask(ctx, list, func(x *registry.Index) bool { return x.Find(id) != nil }) {
		src := list[n]
		if a.err != nil {
			unread[src.Name] = a.err.Error()
			failed = append(failed, wit.Errorf(wit.CodeOf(a.err), "registry %s: %w", src.Name, a.err))
		} else if p := a.index.Find(id); p != nil {
			found = append(found, &Found{Registry: src.Name, Package: p, Unread: unread, source: src})
		}
	}
	switch {
	case len(found) > 1:
		return nil, wit.Errorf(wit.CodeConflict, "the registries %s and %s both have %s: say which one is meant, such as %s/%s", found[0].Registry, found[1].Registry, id, found[0].Registry, id)
	case len(found) == 1:
		return found[0], nil
	case len(failed) > 0:
		return nil, wit.Errorf(wit.CodeOf(failed[0]), "%w", errors.Join(failed...))
	}
	return nil, wit.Errorf(wit.CodeNotFound, "no registry has a package %.64q: `carapace plugins search` lists what there is", id)
}

// Fetch returns the archive of what was found, which was checked against the index. Errors: the Fetcher's, and those of
// registry.Version.Check.
func (s *Service) Fetch(ctx context.Context, f *Found) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	answer, err := s.Fetcher.Fetch(ctx, registry.Request{Source: f.source, File: f.Version.File, Limit: f.Version.Size})
	if wit.CodeOf(err) == wit.CodeTooLarge {
		err = wit.Errorf(wit.CodeForbidden, "what came as %s has more than the %d bytes that the signed index says: nothing of it was used", f.Version.File, f.Version.Size)
	}
	if err != nil {
		return nil, err
	}
	return answer.Data, f.Version.Check(f.Package.ID, answer.Data)
}
