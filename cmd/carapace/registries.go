package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/catalog"
)

// newRegistries looks after where packages are looked for by name.
func newRegistries(o *options) *cobra.Command {
	c := &cobra.Command{
		Use: "registries", Short: "Say where plugins are looked for by name", Args: known, RunE: help,
		Long: "Look after the registries in which `carapace plugins search` and `carapace plugins install NAME` look. Each is an address and the key\n" +
			"that its index has to be signed by; they stand in the settings.",
	}
	var key string
	add := o.client(&cobra.Command{
		Use: "add NAME URL", Short: "Add a registry", Args: takes("NAME", "URL"),
		Long:    "Add a registry: https, a folder's absolute path, or http on this machine. Its publisher says which key signs its index.",
		Example: "  carapace registries add home https://plugins.example.org/stable --key ed25519:…",
		RunE: func(c *cobra.Command, args []string) error {
			return putSetting(c.Context(), o, []string{"registries", args[0]}, map[string]string{"url": args[1], "key": key})
		},
	})
	add.Flags().StringVar(&key, "key", "", "the public key of the registry")
	var user, from string
	login := o.client(&cobra.Command{
		Use: "login HOST", Short: "Say who reads artifacts from a host (oci://HOST/…)", Args: takes("HOST"),
		Long: "Keep the name and password with which artifacts are read from a host, encrypted. `carapace credentials revoke @oci --account HOST`\n" +
			"forgets them.",
		Example: "  carapace registries login registry.example.org --user ann --password env:REGISTRY_PASSWORD",
		RunE: func(c *cobra.Command, args []string) error {
			if user == "" || from == "" {
				return usageError{errors.New("who is it? give --user NAME and --password env:VARIABLE, or --password - for standard input")}
			}
			password, err := readSecret(o.in, from)
			if err != nil {
				return usageError{fmt.Errorf("--password: %w", err)}
			}
			params := catalog.LoginParams{Host: args[0], Username: user, Password: password}
			return act(o, "registries.login", fixed(params), "kept")(c, args)
		},
	})
	login.Flags().StringVar(&user, "user", "", "the name")
	login.Flags().StringVar(&from, "password", "", "where the password is: env:VARIABLE, or - for standard input")
	refreshed := func(args []string) any {
		if len(args) == 0 {
			return catalog.RefreshParams{}
		}
		return catalog.RefreshParams{Name: args[0]}
	}
	c.AddCommand(add, login,
		o.client(&cobra.Command{
			Use: "list", Short: "List the registries and how they are", Example: "  carapace registries list", Args: takes(),
			RunE: show(o, "registries.list", fixed(nil), printRegistries),
		}),
		o.client(&cobra.Command{
			Use: "refresh [NAME]", Short: "Read the registries' indexes now", Example: "  carapace registries refresh", Args: takes("[NAME]"),
			ValidArgsFunction: o.complete(registryNames),
			RunE:              show(o, "registries.refresh", refreshed, printRegistries),
		}),
		o.client(&cobra.Command{
			Use: "remove NAME", Short: "Remove a registry", Example: "  carapace registries remove home", Args: takes("NAME"),
			Long:              "Remove a registry. What was installed from it stays, and belongs to it: no other registry replaces it.",
			ValidArgsFunction: o.complete(registryNames),
			RunE: func(c *cobra.Command, args []string) error {
				return unsetSetting(c.Context(), o, "registries."+args[0])
			},
		}),
	)
	return c
}

func registryNames(ctx context.Context, o *options) (names []string, err error) {
	var list catalog.RegistriesResult
	err = o.call(ctx, "registries.list", nil, &list)
	for _, r := range list.Registries {
		names = append(names, r.Name)
	}
	return names, err
}

func printRegistries(w io.Writer, list catalog.RegistriesResult) error {
	var rows [][]string
	for _, r := range list.Registries {
		number, until := "-", "-"
		if r.Sequence > 0 {
			number, until = fmt.Sprint(r.Sequence), time.UnixMilli(r.Expires).UTC().Format(time.DateOnly)
		}
		rows = append(rows, []string{r.Name, r.URL, fmt.Sprint(r.Packages), number, until, ago(r.FetchedAt), r.Problem})
	}
	return listed(w, "REGISTRY URL PACKAGES INDEX EXPIRES READ PROBLEM", rows, "no registry is configured: `carapace registries add` adds one")
}

// newSearch lists what the registries have.
func newSearch(o *options) *cobra.Command {
	query := func(args []string) any { return catalog.SearchParams{Query: strings.Join(args, " ")} }
	return o.client(&cobra.Command{
		Use: "search [WORD]...", Short: "Look for plugins in the registries", Args: cobra.ArbitraryArgs,
		Long:    "List the packages of the registries that are about all of the words: by id, name, description, keywords or kinds.",
		Example: "  carapace plugins search weather\n  carapace plugins search channel chat --json",
		RunE:    show(o, "plugins.search", query, printPackages),
	})
}

// printPackages writes one line for each package, with the newest version that runs here and was not withdrawn, or why there is
// none, and behind them one for each other version that was withdrawn.
func printPackages(w io.Writer, found catalog.SearchResult) error {
	var rows [][]string
	var withdrawn []string
	for _, p := range found.Packages {
		name := p.Registry + "/" + p.ID
		n := max(0, slices.IndexFunc(p.Versions, func(v catalog.VersionRow) bool { return v.Withdrawn == "" && v.Unfit == "" }))
		shown := p.Versions[n]
		why := shown.Unfit
		if shown.Withdrawn != "" {
			why = takenBack(shown)
		}
		for _, v := range slices.Delete(slices.Clone(p.Versions), n, n+1) {
			if v.Withdrawn != "" {
				withdrawn = append(withdrawn, name+" "+takenBack(v))
			}
		}
		rows = append(rows, []string{name, shown.Version, orDash(p.Installed), orDash(strings.Join(shown.Kinds, ",")), orDash(shown.Maturity), orDash(why), p.Description})
	}
	if err := listed(w, "PACKAGE VERSION INSTALLED KINDS MATURITY PROBLEM DESCRIPTION", rows, "nothing was found: `carapace registries list` shows where was looked"); err != nil {
		return err
	}
	for _, line := range slices.Concat(withdrawn, found.Incomplete) {
		fmt.Fprintln(w, "! "+plain.Line(line))
	}
	return nil
}

// takenBack says of a version that it was withdrawn, and why.
func takenBack(v catalog.VersionRow) string { return v.Version + " is withdrawn: " + v.Withdrawn }

// newInsist lets what was withdrawn run.
func newInsist(o *options) *cobra.Command {
	var no bool
	c := &cobra.Command{
		Use: "insist PLUGIN", Short: "Let a version of a plugin run that was withdrawn", Args: takes("PLUGIN"),
		Long: "Let the installed version of a plugin run that its registry has withdrawn, or with --no stop it again:\n" +
			"the latest earlier one that has run and was not withdrawn runs in its place, if one is kept.",
		Example:           "  carapace plugins insist weather\n  carapace plugins insist weather --no",
		ValidArgsFunction: o.complete(pluginIDs),
	}
	c.Flags().BoolVar(&no, "no", false, "take that back")
	c.RunE = aPlugin.of(show(o, "plugins.insist", func(args []string) any { return catalog.InsistParams{ID: args[0], Insist: !no} }, func(w io.Writer, r catalog.InsistResult) error {
		does := "runs although it was withdrawn"
		switch {
		case r.Instead != "":
			does = "is stopped, and " + r.Instead + " runs in its place: it was withdrawn: " + r.Withdrawn
		case no:
			does = "is stopped: it was withdrawn: " + r.Withdrawn
		}
		_, err := fmt.Fprintln(w, plain.Line(r.ID+" "+r.Version+" "+does))
		return err
	}))
	return o.client(c)
}
