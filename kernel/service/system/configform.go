package system

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// ConfigSchema is what a page needs to show the settings as a form.
type ConfigSchema struct {
	// Schema is a JSON Schema (draft 7) of the whole config file, with the sections of the plugins that there are.
	Schema wit.JSON `json:"schema"`
	// UIHints say how each setting is shown, by its path. In a path, * stands for any name of the owner's, and for any item
	// of a list.
	UIHints map[string]config.Hint `json:"uiHints"`
	Version string                 `json:"version"`
	// GeneratedAt is in RFC 3339.
	GeneratedAt string `json:"generatedAt"`
}

// configForm describes the settings. It keeps the form until a plugin says something else of its section.
type configForm struct {
	version string
	plugins Plugins
	last    atomic.Pointer[formOf]
}

// formOf is a form and what it was made of.
type formOf struct {
	*config.Form
	sections []config.FormSection
	made     time.Time
}

// form describes the settings as they are now.
func (f *configForm) form() (*formOf, error) {
	sections := f.plugins.Sections()
	if last := f.last.Load(); last != nil && slices.EqualFunc(last.sections, sections, sameSection) {
		return last, nil
	}
	form, err := config.NewForm(sections)
	if err != nil {
		return nil, err
	}
	made := &formOf{form, sections, time.Now()}
	f.last.Store(made)
	return made, nil
}

func sameSection(a, b config.FormSection) bool {
	return a.ID == b.ID && a.Channel == b.Channel && bytes.Equal(a.Schema, b.Schema)
}

func (f *configForm) schema(context.Context, rpc.None) (ConfigSchema, error) {
	form, err := f.form()
	if err != nil {
		return ConfigSchema{}, err
	}
	return ConfigSchema{form.Schema, form.Hints, f.version, form.made.UTC().Format(time.RFC3339)}, nil
}

// schemaBasis is what an answer of schema is made of: the form.
func (f *configForm) schemaBasis(context.Context, rpc.None) (of any, ok bool) {
	form, err := f.form()
	return form, err == nil
}

// ConfigLookupParams name a setting.
type ConfigLookupParams struct {
	// Path is names with dots between; "." is the settings as a whole.
	Path string `json:"path" rpc:"required,min=1,max=1024"`
}

// ConfigPlace is one setting and what stands below it.
type ConfigPlace struct {
	Path   string   `json:"path"`
	Schema wit.JSON `json:"schema"`
	// ReloadKind is hot for what is in force at once, restart otherwise.
	ReloadKind string `json:"reloadKind,omitempty"`
	// HintPath is the path of the hint among those of config.schema.
	HintPath string        `json:"hintPath,omitempty"`
	Hint     *config.Hint  `json:"hint,omitempty"`
	Children []ConfigChild `json:"children"`
}

// ConfigChild is a setting below another one.
type ConfigChild struct {
	// Key is the field's name; * is any name of the owner's, or any item of a list.
	Key  string `json:"key"`
	Path string `json:"path"`
	// Type is JSON Schema's.
	Type        any          `json:"type,omitempty"`
	Required    bool         `json:"required"`
	HasChildren bool         `json:"hasChildren"`
	ReloadKind  string       `json:"reloadKind,omitempty"`
	HintPath    string       `json:"hintPath,omitempty"`
	Hint        *config.Hint `json:"hint,omitempty"`
}

func (f *configForm) lookup(_ context.Context, p ConfigLookupParams) (ConfigPlace, error) {
	form, err := f.form()
	if err != nil {
		return ConfigPlace{}, err
	}
	at, err := form.Find(p.Path)
	if err != nil {
		return ConfigPlace{}, err
	}
	place := ConfigPlace{
		Path: at.Path, Schema: at.Schema, ReloadKind: reloadKind(at.Path), HintPath: at.HintPath, Hint: at.Hint, Children: []ConfigChild{},
	}
	for _, c := range at.Children {
		place.Children = append(place.Children, ConfigChild{
			Key: c.Key, Path: c.Path, Type: c.Type, Required: c.Required, HasChildren: c.HasChildren, ReloadKind: reloadKind(c.Path),
			HintPath: c.HintPath, Hint: c.Hint,
		})
	}
	return place, nil
}

// reloadKind says when a change of a setting is in force; nothing of those of which some are at once and some are not.
func reloadKind(path string) string {
	switch {
	case path == "" || path == "gateway" || path == "log" || path == "agent":
		return ""
	case config.Live(path):
		return "hot"
	}
	return "restart"
}

// ConfigValidateParams are settings that are only to be looked at: a text, or the settings themselves.
type ConfigValidateParams struct {
	Raw    string   `json:"raw,omitempty" rpc:"min=1,max=4194304"`
	Config wit.JSON `json:"config,omitempty"`
}

// ConfigValidateResult says whether settings can be used.
type ConfigValidateResult struct {
	OK     bool          `json:"ok"`
	Valid  bool          `json:"valid"`
	Issues []ConfigIssue `json:"issues"`
	// Warnings are sections that their plugins cannot use: these plugins would not work, and all else would.
	Warnings []ConfigIssue `json:"warnings"`
}

// validate looks at settings without putting them in force.
func (f *configFile) validate(_ context.Context, p ConfigValidateParams) (ConfigValidateResult, error) {
	text := []byte(p.Raw)
	if (p.Raw == "") == (len(p.Config) == 0) {
		return ConfigValidateResult{}, wit.NewError(wit.CodeInvalid, "give the settings to look at: one of raw and config")
	}
	if p.Raw == "" {
		text = p.Config
	}
	d := f.settings.Document()
	err := restored(f.settings, f.plugins, func(d *config.Document) error { return d.Replace(text) })(d)
	if err == nil {
		var c *config.Config
		if c, err = f.settings.Check(d.Text()); err == nil {
			return ConfigValidateResult{OK: true, Valid: true, Issues: []ConfigIssue{}, Warnings: append(unusable(f.plugins, c), strangers(f.plugins, c, false)...)}, nil
		}
	}
	return ConfigValidateResult{OK: true, Issues: []ConfigIssue{issueOf(err)}, Warnings: []ConfigIssue{}}, nil
}

// ConfigReloadResult says what a look at the config file found.
type ConfigReloadResult struct {
	OK bool `json:"ok"`
	// Mode is hot where the file had something new, off where all of it was in force.
	Mode string `json:"mode"`
	// Restart names the settings that changed and are in force only after a restart of the gateway.
	Restart []string `json:"restart"`
	// Warnings are sections that cannot be used: those whom they are about do not run, and all else is in force.
	Warnings []ConfigIssue `json:"warnings"`
}

// reload puts the file in force as it is now. Errors: CodeInvalid for a file that cannot be used.
func (f *configFile) reload(context.Context, rpc.None) (ConfigReloadResult, error) {
	news, restart, err := f.settings.Reload()
	if err != nil {
		return ConfigReloadResult{}, err
	}
	f.plugins.Settle()
	r := ConfigReloadResult{OK: true, Mode: "off", Restart: append([]string{}, restart...), Warnings: wrongIn(f.plugins, f.settings)}
	if news {
		r.Mode = "hot"
	}
	return r, nil
}
