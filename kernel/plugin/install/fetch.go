package install

import (
	"context"
	"encoding/base64"

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/wit"
)

// Source is where an archive is to be had: one of its fields.
type Source struct {
	// Archive is the archive itself, in base64.
	Archive string `json:"archive,omitempty" rpc:"min=1"`
	// URL is an https address of an archive.
	URL string `json:"url,omitempty" rpc:"min=1,max=2048"`
	// Name is what the registries call it, and Range the versions that will do, such as ^1.2; the latest when left out.
	Name  string `json:"name,omitempty" rpc:"min=1,max=128"`
	Range string `json:"range,omitempty" rpc:"min=1,max=128"`
	// Update is the id of an installed plugin: the archive is where that one was from.
	Update string `json:"update,omitempty" rpc:"min=1,max=64"`
}

// fetch reads an archive, and checks that it is one for this gateway. Errors: CodeInvalid for what is none, or none for this
// gateway, or not said in one way; those of where it should come from.
func (i *Installer) fetch(ctx context.Context, s Source) (a arrival, err error) {
	if err := s.check(); err != nil {
		return a, err
	}
	if a.origin, err = i.origin(s); err != nil {
		return a, err
	}
	if a.data, a.unread, err = i.data(ctx, s.Archive, &a.origin); err != nil {
		return a, err
	}
	if a.Package, err = archive.Read(a.data); err != nil {
		return a, err
	}
	if err := i.Plugins.Check(a.Package); err != nil {
		return a, err
	}
	if a.digest = a.Digest(); s.Update != "" && a.Manifest.ID != s.Update {
		return a, wit.Errorf(wit.CodeConflict, "what is there now is plugin %s, and not %s", a.Manifest.ID, s.Update)
	}
	return a, nil
}

func (s Source) check() error {
	n := 0
	for _, said := range []string{s.Archive, s.URL, s.Name, s.Update} {
		if said != "" {
			n++
		}
	}
	if n != 1 || s.Range != "" && s.Name == "" {
		return wit.NewError(wit.CodeInvalid, "say where the plugin is in one way: archive, url, name (with a range, if need be) or update")
	}
	return nil
}

// origin is where an archive is looked for. Errors: CodeNotFound for an update of no plugin, CodeConflict where nobody knows the place of one.
func (i *Installer) origin(s Source) (depot.Origin, error) {
	if s.Update == "" {
		return depot.Origin{URL: s.URL, Name: s.Name, Range: s.Range}, nil
	}
	now, there := i.current(s.Update)
	if !there {
		return depot.Origin{}, i.noOrigin(s.Update)
	}
	o := now.Origin
	if o.Registry = ""; o == (depot.Origin{}) {
		return o, wit.Errorf(wit.CodeConflict, "plugin %s was installed from a file, so nobody knows where the next one is: get its next file, and `carapace plugins install` that", s.Update)
	}
	return o, nil
}

// noOrigin says why a plugin that was not installed has no update.
func (i *Installer) noOrigin(id string) error {
	is, err := i.Plugins.Info(id)
	switch {
	case err != nil:
		return wit.Errorf(wit.CodeNotFound, "there is no plugin %s: `carapace plugins list` shows which there are", id)
	case is.Origin == plugin.OriginFolder:
		return wit.Errorf(wit.CodeConflict, "plugin %s was not installed, but put into a folder by hand: what is new goes into %s", id, is.Path)
	default:
		return wit.Errorf(wit.CodeConflict, "plugin %s was not installed: it comes with the gateway, and is renewed with it", id)
	}
}

// data reads an archive from where it is, and completes its origin. unread are the registries that might have it too, and why they
// could not be looked at.
func (i *Installer) data(ctx context.Context, text string, o *depot.Origin) (data []byte, unread map[string]string, err error) {
	switch {
	case o.URL != "":
		data, err = i.Fetch(ctx, o.URL, archive.MaxArchive)
		return data, nil, err
	case o.Name == "":
		if data, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, nil, wit.NewError(wit.CodeInvalid, "archive: this is not base64")
		}
		return data, nil, nil
	case i.Finder == nil:
		return nil, nil, wit.Errorf(wit.CodeNotFound, "%.100s is looked for in registries, and none is configured: name a folder, an archive or an https address", o.Name)
	}
	found, err := i.Finder.Find(ctx, o.Name, o.Range)
	o.Registry = found.Registry
	return found.Archive, found.Unread, err
}
