package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

func (s *Service) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("plugins.search", wire.ScopeRead, s.Search).Fails(wire.AgentTimeout).
			Doc("Lists the packages of the registries, by words."),
		rpc.New("plugins.insist", wire.ScopeAdmin, s.insist).Audited().Fails(wire.NotFound, wire.Conflict).
			Doc("Lets a version of a plugin run that its registry has withdrawn, or takes that back."),
		rpc.New("registries.list", wire.ScopeRead, func(context.Context, rpc.None) (RegistriesResult, error) {
			return s.registries(s.Sources()), nil
		}).Doc("Lists the configured registries and how they are."),
		rpc.New("registries.login", wire.ScopeAdmin, s.Logins.keep).Audited().Doc("Keeps the name and password with which artifacts are read from a host, encrypted."),
		rpc.New("registries.refresh", wire.ScopeAdmin, s.refreshNow).Fails(wire.NotFound, wire.AgentTimeout).Emits("registries.changed").
			Doc("Reads the registries' indexes now."),
	}
}

// SearchParams are words.
type SearchParams struct {
	// Query is words, all of which a package is about: its id, name, description, keywords or kinds. All packages when empty.
	Query string `json:"query,omitempty" rpc:"max=200"`
	// Limit is 50 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=500"`
}

// SearchResult is what there is.
type SearchResult struct {
	Packages []PackageRow `json:"packages"`
	// Incomplete says of a registry why it cannot be used now. What was known of it is listed.
	Incomplete []string `json:"incomplete,omitempty"`
}

// PackageRow is a package of a registry.
type PackageRow struct {
	Registry    string   `json:"registry"`
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Keywords    []string `json:"keywords,omitempty"`
	License     string   `json:"license,omitempty"`
	Homepage    string   `json:"homepage,omitempty"`
	Support     string   `json:"support,omitempty"`
	// Installed is the version that is installed, if it came from this registry.
	Installed string `json:"installed,omitempty"`
	// Versions are the newest first.
	Versions []VersionRow `json:"versions"`
}

// VersionRow is a version of a package.
type VersionRow struct {
	Version string `json:"version"`
	// Digest is that of the content, which an installation can be pinned to.
	Digest      string           `json:"digest"`
	Size        int64            `json:"size"`
	Signers     []archive.Signer `json:"signers,omitempty"`
	Kinds       []string         `json:"kinds"`
	Permissions []string         `json:"permissions"`
	Host        string           `json:"host,omitempty"`
	Maturity    string           `json:"maturity,omitempty"`
	Changelog   string           `json:"changelog,omitempty"`
	Published   int64            `json:"published"`
	// Withdrawn is why it was.
	Withdrawn string `json:"withdrawn,omitempty"`
	// Unfit is why it does not run here.
	Unfit string `json:"unfit,omitempty"`
}

const defaultLimit = 50

// Search is the method plugins.search: it lists packages, as far as is known of each registry now. One that was just added is read
// first.
func (s *Service) Search(ctx context.Context, in SearchParams) (SearchResult, error) {
	s.ask(ctx, s.unread(), func(*registry.Index) bool { return false })
	out := SearchResult{Packages: []PackageRow{}}
	limit, words := in.Limit, strings.Fields(in.Query)
	if limit == 0 {
		limit = defaultLimit
	}
	for _, src := range s.Sources() {
		h := s.shelf(src)
		if problem := h.trouble(); problem != nil {
			out.Incomplete = append(out.Incomplete, src.Name+": "+problem.Error())
		}
		if h.index == nil {
			continue
		}
		for i := range h.index.Packages {
			if p := &h.index.Packages[i]; len(out.Packages) < limit && p.Matches(words) {
				out.Packages = append(out.Packages, s.row(src.Name, p))
			}
		}
	}
	return out, nil
}

// unread are the registries that nobody has read so far: they have just been added.
func (s *Service) unread() []registry.Source {
	return slices.DeleteFunc(s.Sources(), func(src registry.Source) bool {
		h := s.shelf(src)
		return h.index != nil || h.problem != nil
	})
}

func (s *Service) row(from string, p *registry.Package) PackageRow {
	r := PackageRow{Registry: from, ID: p.ID, Name: p.Name, Description: p.Description, Keywords: p.Keywords, License: p.License, Homepage: p.Homepage, Support: p.Support}
	if i := s.installed(p.ID); i.Registry == from {
		r.Installed = i.Version
	}
	for i := range p.Versions {
		v := &p.Versions[i]
		row := VersionRow{Version: v.Version, Digest: v.Content, Size: v.Size, Signers: v.Signers, Kinds: append([]string{}, v.Kinds...),
			Permissions: append([]string{}, v.Permissions.Names()...), Host: v.Host, Maturity: v.Maturity, Changelog: v.Changelog, Published: v.Published}
		if v.Withdrawn != nil {
			row.Withdrawn = v.Withdrawn.Reason
		}
		if err := s.Gateway.Runs(v); err != nil {
			row.Unfit = err.Error()
		}
		r.Versions = append(r.Versions, row)
	}
	return r
}

// InsistParams name a plugin whose version is withdrawn.
type InsistParams struct {
	ID string `json:"id" rpc:"required,min=1,max=64"`
	// Insist is true for one that is to run all the same.
	Insist bool `json:"insist"`
}

// InsistResult is the version that it is about.
type InsistResult struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	// Withdrawn is why it was.
	Withdrawn string `json:"withdrawn"`
	// Instead is an earlier version that runs where this one does not; absent where none does.
	Instead string `json:"instead,omitempty"`
}

func (s *Service) insist(ctx context.Context, in InsistParams) (InsistResult, error) {
	i := s.installed(in.ID)
	if i.ID == "" {
		return InsistResult{}, wit.Errorf(wit.CodeNotFound, "there is no plugin %s that was installed", in.ID)
	}
	reason, _ := s.Ledger.withdrawn(i)
	if reason == "" {
		return InsistResult{}, wit.Errorf(wit.CodeConflict, "%s %s is not withdrawn: nothing keeps it from running", i.ID, i.Version)
	}
	if err := s.Ledger.insist(ctx, i, in.Insist); err != nil {
		return InsistResult{}, err
	}
	s.Barred([]string{i.ID})
	out := InsistResult{ID: i.ID, Version: i.Version, Withdrawn: reason}
	if !in.Insist {
		out.Instead = s.installed(in.ID).Runs
	}
	return out, nil
}

// notices says which plugins their registries have withdrawn.
func (s *Service) notices() []string { return append(s.insisted(), s.stopped()...) }

// insisted says which of them run because their owner insists.
func (s *Service) insisted() []string {
	return s.withdrawn(true, func(Installed) string { return "runs because you insist" })
}

func (s *Service) stopped() []string {
	return s.withdrawn(false, func(i Installed) string {
		if i.Runs != "" {
			return "does not run: " + i.Runs + " runs in its place"
		}
		return "does not run"
	})
}

func (s *Service) withdrawn(insisted bool, says func(Installed) string) (lines []string) {
	for _, i := range s.Installed() {
		if reason, on := s.Ledger.withdrawn(i); reason != "" && on == insisted {
			lines = append(lines, fmt.Sprintf("%s %s was withdrawn (%s) and %s", i.ID, i.Version, reason, says(i)))
		}
	}
	return lines
}

// RegistriesResult lists registries, by name.
type RegistriesResult struct {
	Registries []RegistryRow `json:"registries"`
}

// RegistryRow is a configured registry and how it is.
type RegistryRow struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	// Key is what its index has to be signed by.
	Key archive.Signer `json:"key"`
	// Title is what it calls itself.
	Title string `json:"title,omitempty"`
	// Sequence, Time and Expires are those of the last good index, and Packages how many it lists; absent where none is known.
	Sequence int64 `json:"sequence,omitempty"`
	Time     int64 `json:"time,omitempty"`
	Expires  int64 `json:"expires,omitempty"`
	Packages int   `json:"packages"`
	// FetchedAt is when that was last said to be its index, in Unix milliseconds.
	FetchedAt int64 `json:"fetchedAt,omitempty"`
	// Problem is why the last look brought no good index.
	Problem string `json:"problem,omitempty"`
}

// RefreshParams name a registry; all when left out.
type RefreshParams struct {
	Name string `json:"name,omitempty" rpc:"min=1,max=64"`
}

// refreshNow reads registries. What is wrong with one stands in its row.
func (s *Service) refreshNow(ctx context.Context, in RefreshParams) (RegistriesResult, error) {
	list, err := s.find(in.Name)
	if err != nil {
		return RegistriesResult{}, err
	}
	s.refreshAll(ctx, list)
	return s.registries(list), ctx.Err()
}

func (s *Service) registries(list []registry.Source) RegistriesResult {
	out := RegistriesResult{Registries: []RegistryRow{}}
	for _, src := range list {
		h := s.shelf(src)
		row := RegistryRow{Name: src.Name, URL: src.URL, Key: src.Key, FetchedAt: h.Fetched, Problem: text(h.trouble())}
		if x := h.index; x != nil {
			row.Title, row.Sequence, row.Time, row.Expires, row.Packages = x.Name, x.Sequence, x.Time, x.Expires, len(x.Packages)
		}
		out.Registries = append(out.Registries, row)
	}
	return out
}
