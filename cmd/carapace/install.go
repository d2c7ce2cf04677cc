package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/oci"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/plugin/install"
	"github.com/carapace-gateway/carapace/wit"
)

// consent is how an owner says that a plugin is the one that is meant.
type consent struct {
	yes, older, otherSigner bool
	digest                  string
}

func (y *consent) flags(c *cobra.Command) {
	c.Flags().BoolVar(&y.yes, "yes", false, "do not ask: with --digest, or for what is signed by somebody whom you trust")
	c.Flags().StringVar(&y.digest, "digest", "", "the plugin that is meant, as sha256:…")
	c.Flags().BoolVar(&y.otherSigner, "other-signer", false, "also where it is not signed by who signed the installed version")
}

// newInstall installs a plugin, or another version of it.
func newInstall(o *options) *cobra.Command {
	var y consent
	c := &cobra.Command{
		Use: "install SOURCE", Short: "Install a plugin: from a folder, an archive, an address or a registry", Args: takes("SOURCE"),
		Long: "Install a plugin from a folder (which is built first), an archive (.carapace), an https address of one, or a registry by its name, " +
			"with a range of versions if need be. It shows who signed it, what it asks for and why, and what it will be able to reach, and asks.",
		Example: "  carapace plugins install weather-1.0.0.carapace\n  carapace plugins install https://example.org/weather-1.0.0.carapace\n" +
			"  carapace plugins install weather@^1.2\n  carapace plugins install ./weather --yes --digest sha256:…",
		RunE: func(c *cobra.Command, args []string) error {
			s, err := o.source(c.Context(), args[0])
			if err != nil {
				return err
			}
			return orHere(args[0], s, o.install(c.Context(), s, y))
		},
	}
	y.flags(c)
	c.Flags().BoolVar(&y.older, "older", false, "also where it is older than the installed version")
	return o.client(c)
}

// newUpdate installs newer versions from where plugins were installed from.
func newUpdate(o *options) *cobra.Command {
	var y consent
	c := &cobra.Command{
		Use: "update [PLUGIN]", Short: "Install what is newer where a plugin was installed from", Args: takes("[PLUGIN]"),
		Long:              "Look where an installed plugin is from, or all of them, and install what is newer there. It shows what it is and asks, as install does.",
		Example:           "  carapace plugins update\n  carapace plugins update weather",
		ValidArgsFunction: o.complete(pluginIDs),
		RunE: func(c *cobra.Command, args []string) error {
			ids, err := o.updatable(c.Context(), args)
			if err != nil {
				return err
			}
			var failed []error
			for _, id := range ids {
				if err := o.install(c.Context(), install.Source{Update: id}, y); err != nil {
					if len(args) == 0 {
						err = fmt.Errorf("%s: %w", id, err)
					}
					failed = append(failed, err)
				}
			}
			return errors.Join(failed...)
		},
	}
	y.flags(c)
	return o.client(c)
}

// updatable are the plugins that were named, or all that came from somewhere where there may be another one.
func (o *options) updatable(ctx context.Context, named []string) (ids []string, err error) {
	if len(named) > 0 {
		return named, nil
	}
	var list plugin.StatusResult
	if err := o.call(ctx, "plugins.status", nil, &list); err != nil {
		return nil, err
	}
	for _, p := range list.Plugins {
		if p.Origin != plugin.OriginInstalled {
			continue
		}
		var d plugin.Details
		if err := o.call(ctx, "plugins.info", plugin.IDParams{ID: p.ID}, &d); err != nil {
			return nil, err
		}
		if len(d.Versions) > 0 && (d.Versions[0].From.URL != "" || d.Versions[0].From.Name != "") {
			ids = append(ids, p.ID)
		}
	}
	if len(ids) == 0 {
		return nil, o.println("no plugin was installed from an address or a registry")
	}
	return ids, nil
}

// source is what somebody means by a word: an address, a file or folder, or a name. A folder that happens to be here is never taken
// for what a registry has signed under its name.
func (o *options) source(ctx context.Context, word string) (install.Source, error) {
	for _, scheme := range []string{"https://", "http://", oci.Scheme} {
		if strings.HasPrefix(word, scheme) {
			return install.Source{URL: word}, nil
		}
	}
	if !isPath(word) {
		name, versions, _ := strings.Cut(word, "@")
		return install.Source{Name: name, Range: versions}, nil
	}
	info, err := os.Stat(word)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return install.Source{}, wit.Errorf(wit.CodeNotFound, "there is no file or folder %s", word)
	case err != nil:
		return install.Source{}, err
	}
	var data []byte
	if info.IsDir() {
		data, err = o.packed(ctx, word)
	} else {
		data, err = readArchive(word)
	}
	if err == nil && len(data) == 0 {
		return install.Source{}, wit.Errorf(wit.CodeInvalid, "%s is empty: get it once more", word)
	}
	return install.Source{Archive: base64.StdEncoding.EncodeToString(data)}, err
}

// orHere says how to name what is here, where no registry has a name.
func orHere(word string, s install.Source, err error) error {
	if s.Name != "" && wit.CodeOf(err) == wit.CodeNotFound {
		if _, none := os.Stat(word); none == nil {
			return fmt.Errorf("%w; for what is in this folder say ./%s", err, word)
		}
	}
	return err
}

// isPath reports whether a word cannot be a package's name, which has at most one slash: behind its registry.
func isPath(word string) bool {
	name, _, _ := strings.Cut(word, "@")
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") || strings.Contains(name, `\`) || strings.Count(name, "/") > 1 ||
		strings.HasSuffix(word, archive.Extension)
}

// packed builds and packs a folder.
func (o *options) packed(ctx context.Context, folder string) ([]byte, error) {
	project, err := author.Open(folder, version)
	if err != nil {
		return nil, err
	}
	if err := project.Build(ctx, o.err); err != nil {
		return nil, err
	}
	bundler := javaScript().Bundler
	return project.Pack(ctx, &bundler)
}

// install shows a plugin, asks, and installs what was shown.
func (o *options) install(ctx context.Context, s install.Source, y consent) error {
	p, err := o.preview(ctx, s)
	if err != nil {
		return err
	}
	if y.digest != "" && y.digest != p.Digest {
		return wit.Errorf(wit.CodeConflict, "what is there is %s, and not what --digest names: nothing was done", p.Digest)
	}
	if !o.json && (s.Update == "" || !p.Same) {
		printPreview(o.out, p)
	}
	if p.Same {
		return o.installed(ctx, p)
	}
	params := install.Params{Source: s, Digest: y.digest, Older: y.older, OtherSigner: y.otherSigner}
	if s.Update != "" && p.Older {
		return wit.Errorf(wit.CodeConflict, "what is there now is older than what is installed: nothing was done")
	}
	if !y.yes {
		if err := o.confirm(ctx, "install it?"); err != nil {
			return err
		}
		params.Digest = p.Digest // that is what was shown
	}
	var raw json.RawMessage
	if err := o.callHearing(ctx, "plugins.install", params, &raw, o.printStep); err != nil {
		return err
	}
	return printAnswer(o, "plugins.install", raw, printInstalled)
}

// preview asks the gateway what a plugin is. One that it does not take in a message is said to be that before it is sent.
func (o *options) preview(ctx context.Context, s install.Source) (p install.Preview, err error) {
	conn, err := o.dial(ctx)
	if err != nil {
		return p, err
	}
	defer conn.Close()
	if most := conn.Hello().Policy.MaxPayload - roomForFrame; int64(len(s.Archive)) > most {
		return p, wit.Errorf(wit.CodeTooLarge, "the archive has %s, and the gateway takes %s from here: put it at an https address, and install it from there",
			size(int64(base64.StdEncoding.DecodedLen(len(s.Archive)))), size(most/4*3))
	}
	return p, conn.Call(ctx, "plugins.preview", s, &p)
}

// roomForFrame is what a message to the gateway has beside an archive, at most.
const roomForFrame = 64 << 10

// installed says of a plugin that it is there already.
func (o *options) installed(ctx context.Context, p install.Preview) error {
	if !o.json {
		pinned := ""
		if p.Origin.Range != "" {
			pinned = fmt.Sprintf(", of the versions %s that were asked for", plain.Line(p.Origin.Range))
		}
		return o.println(fmt.Sprintf("%s %s is what is installed%s", p.ID, plain.Line(p.Version), pinned))
	}
	var raw json.RawMessage
	if err := o.call(ctx, "plugins.info", plugin.IDParams{ID: p.ID}, &raw); err != nil {
		return err
	}
	return o.printJSON(raw)
}

// printStep writes a line for each step of an installation, to people only.
func (o *options) printStep(e client.Event) {
	var p install.Progress
	if !o.json && e.Name == install.ProgressKind.Name && json.Unmarshal(e.Payload, &p) == nil {
		fmt.Fprintln(o.err, "… "+cmp.Or(steps()[p.Step], plain.Line(string(p.Step))))
	}
}

// steps says of each step of an installation what is done.
func steps() map[install.Step]string {
	return map[install.Step]string{install.StepChecked: "read, and checked", install.StepTried: "tried: it runs", install.StepWritten: "installed", install.StepLive: "live"}
}

// printPreview writes what an owner wants to know before.
func printPreview(w io.Writer, p install.Preview) {
	fmt.Fprintf(w, "%s %s (%s)\n%s\n\n", plain.Line(p.Name), plain.Line(p.Version), p.ID, plain.Line(p.Description))
	signers := "nobody"
	var names []string
	for _, s := range p.Signers {
		names = append(names, strings.TrimSpace(s.Name+" "+string(s.Key)))
	}
	if len(names) > 0 {
		signers = strings.Join(names, ", ")
	}
	for _, line := range [][2]string{
		{"digest", p.Digest}, {"signed by", signers}, {"from", cmp.Or(p.Origin.URL, packageName(p.Origin))},
		{"size", size(p.Bytes)}, {"license", p.License}, {"homepage", p.Homepage}, {"support", p.Support}, {"maturity", string(p.Maturity)}, {"provides", strings.Join(provided(p.Provides), ", ")}, {"replaces", p.Installed},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "%-9s %s\n", line[0], plain.Line(line[1]))
		}
	}
	printList(w, "new", len(p.Changes) > 0)
	for _, change := range p.Changes {
		fmt.Fprintf(w, "  %s  %s\n", plain.Line(change.Version), plain.Line(change.Text))
	}
	printList(w, "asks for", len(p.Permissions) > 0)
	for _, perm := range p.Permissions {
		printPermission(w, perm)
	}
	printList(w, "can", len(p.Reach) > 0)
	for _, can := range p.Reach {
		fmt.Fprintln(w, "  "+plain.Line(can))
	}
	if p.Installed != "" {
		printList(w, "is, uses and asks for beyond what was granted", len(p.Lacking) > 0)
		for _, more := range p.Lacking {
			fmt.Fprintln(w, "  "+plain.Line(more))
		}
	}
	fmt.Fprintln(w)
	for _, warning := range p.Warnings {
		fmt.Fprintln(w, "! "+plain.Line(warning))
	}
}

// packageName is what a package is called with its registry, which the owner may have said or not.
func packageName(o depot.Origin) string {
	if o.Registry == "" || strings.HasPrefix(o.Name, o.Registry+"/") {
		return o.Name
	}
	return o.Registry + "/" + o.Name
}

// printList begins a list, if there is one.
func printList(w io.Writer, head string, there bool) {
	if there {
		fmt.Fprintln(w, "\n"+head)
	}
}

// printInstalled says what became of a plugin that was installed.
func printInstalled(w io.Writer, d plugin.Details) error {
	switch {
	case d.Waiting != nil:
		_, err := fmt.Fprintf(w, "%s %s is installed and waits: it asks for more than was granted; `carapace plugins grant %s` shows what\n", d.ID, plain.Line(d.Waiting.Version), d.ID)
		return err
	case d.Update != nil || d.State == plugin.StateFailed:
		return wit.Errorf(wit.CodeUnavailable, "%s is installed, but it does not run: %s", d.ID, refusal(d.Status))
	}
	_, err := fmt.Fprintf(w, "%s %s is installed (%s)\n", d.ID, plain.Line(d.Version), d.State)
	return err
}

// newRollback goes back to an earlier version.
func newRollback(o *options) *cobra.Command {
	var digest string
	c := &cobra.Command{
		Use: "rollback PLUGIN", Short: "Go back to the version before", Args: takes("PLUGIN"),
		Long:              "Have the version before the current one run again, with what it was granted then, or another one that is kept: `carapace plugins info PLUGIN` lists them.",
		Example:           "  carapace plugins rollback weather\n  carapace plugins rollback weather --digest sha256:…",
		ValidArgsFunction: o.complete(pluginIDs),
	}
	c.RunE = aPlugin.of(show(o, "plugins.rollback", func(args []string) any { return install.RollbackParams{ID: args[0], Digest: digest} }, printBack))
	c.Flags().StringVar(&digest, "digest", "", "the version that is meant")
	return o.client(c)
}

// printBack says which version is wanted now, and why it does not run where it does not.
func printBack(w io.Writer, d plugin.Details) error {
	wanted := d.Version
	for _, v := range d.Versions {
		if v.Wanted {
			wanted = v.Version
		}
	}
	if d.Update != nil && d.Update.Version == wanted || d.State == plugin.StateFailed {
		return wit.Errorf(wit.CodeUnavailable, "%s goes back to %s, but that does not run: %s", d.ID, plain.Line(wanted), refusal(d.Status))
	}
	_, err := fmt.Fprintf(w, "back to %s\n", plain.Line(wanted))
	return err
}

// newRemove takes an installed plugin away.
func newRemove(o *options) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "remove PLUGIN", Short: "Remove an installed plugin", Args: takes("PLUGIN"),
		Long:              "Remove an installed plugin with all its versions. Its settings, its credentials and what it was granted stay, for when it comes back.",
		Example:           "  carapace plugins remove weather\n  carapace plugins remove weather --yes",
		ValidArgsFunction: o.complete(pluginIDs),
		RunE: aPlugin.of(func(c *cobra.Command, args []string) error {
			if !yes {
				var info plugin.Details
				if err := o.call(c.Context(), "plugins.info", plugin.IDParams{ID: args[0]}, &info); err != nil {
					return err
				}
				if err := o.confirm(c.Context(), "remove "+plain.Line(info.Name)+" with all its versions?"); err != nil {
					return err
				}
			}
			return act(o, "plugins.uninstall", func(args []string) any { return plugin.IDParams{ID: args[0]} }, "removed")(c, args)
		}),
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return o.client(c)
}

// newRevokeGrant takes back what a plugin was granted.
func newRevokeGrant(o *options) *cobra.Command {
	return o.client(&cobra.Command{
		Use: "revoke PLUGIN", Short: "Take back what a plugin was granted", Args: takes("PLUGIN"),
		Long:              "Take back all that a plugin was granted: it stops at once, and waits until `carapace plugins grant` says otherwise.",
		Example:           "  carapace plugins revoke weather",
		ValidArgsFunction: o.complete(pluginIDs),
		RunE:              aPlugin.of(act(o, "plugins.revokeGrant", func(args []string) any { return plugin.IDParams{ID: args[0]} }, "taken back: it has stopped")),
	})
}
