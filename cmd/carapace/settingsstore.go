package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// settingsStore is where the settings are read and changed.
type settingsStore interface {
	read(context.Context) (settingsText, error)
	// patch lays an object over the settings (RFC 7396), over those with the hash base where that is not empty.
	patch(ctx context.Context, change wit.JSON, base string) (settingsChange, error)
	// replace puts another text in the place of the one with the hash base.
	replace(ctx context.Context, text, base string) (settingsChange, error)
}

// settingsText is the settings without their secrets.
type settingsText struct{ Raw, Hash string }

// settingsChange is what became of a change.
type settingsChange struct {
	Path string `json:"path"`
	// Restart names what is in force only after a restart.
	Restart []string `json:"restart"`
}

// settings are the running gateway's, or the file's where none runs on the state directory.
func (o *options) settings() settingsStore {
	if o.url == "" {
		var unreachable unreachableError
		if _, err := (gateway{state: o.state}).endpoint(); errors.As(err, &unreachable) {
			return settingsFile(o.state.configPath())
		}
	}
	return liveSettings{o}
}

// liveSettings are those of a running gateway.
type liveSettings struct{ o *options }

func (l liveSettings) read(ctx context.Context) (t settingsText, err error) {
	err = l.o.call(ctx, "config.get", nil, &t)
	return t, err
}

func (l liveSettings) patch(ctx context.Context, change wit.JSON, base string) (done settingsChange, err error) {
	err = l.o.call(ctx, "config.patch", system.ConfigPatchParams{Raw: string(change), BaseHash: base}, &done)
	return done, err
}

func (l liveSettings) replace(ctx context.Context, text, base string) (done settingsChange, err error) {
	err = l.o.call(ctx, "config.set", system.ConfigSetParams{Raw: text, BaseHash: base}, &done)
	return done, err
}

// settingsFile is a config file that no gateway has in use.
type settingsFile string

// asWritten shows a section as it is: without a gateway nobody knows which fields of a plugin are secret, and whoever
// can run this command can read the file.
func asWritten(_, _ string, section wit.JSON) wit.JSON { return section }

func (f settingsFile) read(context.Context) (settingsText, error) {
	text, err := config.Read(string(f))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return settingsText{}, err
	}
	d, err := config.ParseDocument(text)
	if err != nil {
		return settingsText{Raw: string(text), Hash: config.Hash(text)}, nil // whoever edits it can mend it
	}
	_, _ = d.Redact(asWritten) // settings that cannot be are shown, and mended, like others
	return settingsText{Raw: string(d.Text()), Hash: config.Hash(text)}, nil
}

func (f settingsFile) patch(_ context.Context, change wit.JSON, base string) (settingsChange, error) {
	return f.edit(base, func(d *config.Document) error { return d.Merge(change) })
}

func (f settingsFile) replace(_ context.Context, text, base string) (settingsChange, error) {
	return f.edit(base, func(d *config.Document) error { return d.Replace([]byte(text)) })
}

func (f settingsFile) edit(base string, change config.Change) (settingsChange, error) {
	_, _, err := config.Edit(string(f), base, func(d *config.Document) error {
		before := *d
		if err := change(d); err != nil {
			return err
		}
		return d.Restore(&before, asWritten)
	})
	return settingsChange{Path: string(f), Restart: []string{}}, err
}

// settingPaths are the paths of the settings that there are, for completion: also where there is no config file, or one
// that cannot be read.
func settingPaths(ctx context.Context, o *options) ([]string, error) {
	paths := config.Paths()
	if now, err := o.settings().read(ctx); err == nil {
		var all any
		_ = json.Unmarshal([]byte(now.Raw), &all) // nothing more is offered then
		paths = append(paths, pathsBelow("", all)...)
	}
	if ids, err := pluginIDs(ctx, o); err == nil {
		for _, id := range ids {
			paths = append(paths, "plugins."+id+".enabled", "plugins."+id+".config")
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

func pathsBelow(prefix string, value any) []string {
	fields, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	var list []string
	for name, v := range fields {
		list = append(append(list, prefix+name), pathsBelow(prefix+name+".", v)...)
	}
	return list
}
