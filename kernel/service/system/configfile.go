package system

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// ConfigResult is the config file as clients may see it: a secret in it is shown as [redacted], and written back
// like that it stays what it is.
type ConfigResult struct {
	Path   string         `json:"path"`
	Exists bool           `json:"exists"`
	Raw    string         `json:"raw"`
	Parsed *config.Config `json:"parsed"`
	// Valid is false while something is wrong with the file as somebody left it: Issues says what, Raw and Hash are the file's,
	// and Config is what is in force meanwhile. Where that is about sections of plugins and accounts alone, all else in the file
	// is in force, and those are off in Config. Raw is empty where it is no JSON and the client may not change it.
	Valid  bool           `json:"valid"`
	Config *config.Config `json:"config"`
	// Hash names the text, for baseHash of config.set and config.patch.
	Hash         string        `json:"hash"`
	Issues       []ConfigIssue `json:"issues"`
	Warnings     []ConfigIssue `json:"warnings"`
	LegacyIssues []ConfigIssue `json:"legacyIssues"`
}

// ConfigIssue is something that is wrong with the settings.
type ConfigIssue struct {
	// Path is of the setting, where one alone is meant.
	Path    string `json:"path"`
	Message string `json:"message"`
}

// issueOf is what an error says of the settings.
func issueOf(err error) ConfigIssue {
	i := ConfigIssue{Message: err.Error()}
	if f := config.FaultOf(err); f != nil {
		i.Path = strings.Join(f.Path, ".")
	}
	return i
}

// faultsOf are what is wrong with sections of plugins, channels and accounts in the file, for which they are off.
func faultsOf(settings *config.Settings) []ConfigIssue {
	list := []ConfigIssue{}
	for _, f := range settings.Faults() {
		list = append(list, issueOf(f))
	}
	return list
}

// configFile shows the config file and changes it.
type configFile struct {
	settings *config.Settings
	plugins  Plugins
}

func (f *configFile) get(ctx context.Context, _ rpc.None) (ConfigResult, error) {
	_, exists, hash := f.settings.Text()
	d := f.settings.Document()
	shown, err := d.Redact(f.plugins.ShowConfig)
	if err != nil {
		return ConfigResult{}, err
	}
	r := ConfigResult{
		Path: f.settings.Path(), Exists: exists, Raw: string(d.Text()), Parsed: shown, Config: shown, Hash: hash,
		Issues: faultsOf(f.settings), Warnings: append(unusable(f.plugins, f.settings.Config()), strangers(f.plugins, f.settings.Config(), false)...), LegacyIssues: []ConfigIssue{},
	}
	r.Valid = len(r.Issues) == 0
	if text, problem := f.settings.Problem(); problem != nil {
		r.Valid, r.Issues = false, []ConfigIssue{issueOf(problem)}
		r.Raw, r.Hash = f.refused(ctx, text), config.Hash(text)
	}
	return r, nil
}

// refused is a text of the settings that cannot be used, as clients may see it. In one that is no JSON nobody knows
// where a secret stands: what is one in the settings in force is not shown, and who may not change them sees nothing.
func (f *configFile) refused(ctx context.Context, text []byte) string {
	if d, err := config.ParseDocument(text); err == nil {
		_, _ = d.Redact(f.plugins.ShowConfig) // it is known that they are no settings
		return string(d.Text())
	}
	if rpc.Require(ctx, wire.ScopeAdmin, "config.get") != nil {
		return ""
	}
	return f.settings.Document().RedactText(string(text), f.plugins.ShowConfig)
}

// ConfigSetParams are a whole new text for the config file.
type ConfigSetParams struct {
	Raw string `json:"raw" rpc:"required,min=1,max=4194304"`
	// BaseHash is the hash of the text that the new one was made from. It is needed once there is a file.
	BaseHash string `json:"baseHash,omitempty" rpc:"min=1,max=128"`
}

// ConfigApplyParams are those of config.set, with what other gateways do after the restart that they need.
type ConfigApplyParams struct {
	ConfigSetParams
	afterRestart
}

// afterRestart is whom another gateway tells after the restart that a change of its settings takes. Here what can be
// changed is in force at once, so it is accepted and unused.
type afterRestart struct {
	SessionKey      string        `json:"sessionKey,omitempty" rpc:"max=512"`
	DeliveryContext *DeliveryHint `json:"deliveryContext,omitempty"`
	Note            string        `json:"note,omitempty" rpc:"max=4096"`
	RestartDelayMs  int64         `json:"restartDelayMs,omitempty" rpc:"min=0"`
}

// DeliveryHint is a conversation; it is accepted and unused.
type DeliveryHint struct {
	Channel   string `json:"channel,omitempty" rpc:"max=64"`
	To        string `json:"to,omitempty" rpc:"max=512"`
	AccountID string `json:"accountId,omitempty" rpc:"max=128"`
	ThreadID  any    `json:"threadId,omitempty"`
}

// ConfigPatchParams are a change of the config file.
type ConfigPatchParams struct {
	// Raw is an object that is laid over the file, field by field; null takes a field away, and a list is replaced as a
	// whole (RFC 7396).
	Raw string `json:"raw" rpc:"required,min=1,max=4194304"`
	// BaseHash refuses the change when the file has another hash by now.
	BaseHash string `json:"baseHash,omitempty" rpc:"min=1,max=128"`
	// ReplacePaths are lists that may get shorter. Here each list is replaced as a whole, so it is unused.
	ReplacePaths []string `json:"replacePaths,omitempty" rpc:"max=256"`
	afterRestart
}

// ConfigChangeResult says what the settings are now.
type ConfigChangeResult struct {
	OK     bool           `json:"ok"`
	Path   string         `json:"path"`
	Config *config.Config `json:"config"`
	Hash   string         `json:"hash"`
	// Restart names the settings that changed and are in force only after a restart of the gateway.
	Restart []string `json:"restart"`
}

func (f *configFile) set(ctx context.Context, p ConfigSetParams) (ConfigChangeResult, error) {
	if _, exists, _ := f.settings.Text(); exists && p.BaseHash == "" {
		return ConfigChangeResult{}, wit.NewError(wit.CodeInvalid, "config base hash required; re-run config.get and retry")
	}
	return f.change(ctx, p.BaseHash, whole(restored(f.settings, f.plugins, func(d *config.Document) error { return d.Replace([]byte(p.Raw)) })))
}

func (f *configFile) apply(ctx context.Context, p ConfigApplyParams) (ConfigChangeResult, error) {
	return f.set(ctx, p.ConfigSetParams)
}

func (f *configFile) patch(ctx context.Context, p ConfigPatchParams) (ConfigChangeResult, error) {
	return f.change(ctx, p.BaseHash, restored(f.settings, f.plugins, func(d *config.Document) error { return d.Merge(wit.JSON(p.Raw)) }))
}

func (f *configFile) change(ctx context.Context, base string, change config.Change) (ConfigChangeResult, error) {
	restart, err := f.settings.Edit(ctx, base, f.checked(change))
	if err != nil {
		return ConfigChangeResult{}, err
	}
	f.plugins.Settle()
	_, _, hash := f.settings.Text()
	shown, err := f.settings.Document().Redact(f.plugins.ShowConfig)
	return ConfigChangeResult{OK: err == nil, Path: f.settings.Path(), Config: shown, Hash: hash, Restart: restart}, err
}

// whole is a change by who says all of the settings: nothing may be wrong in them. Who says some of them cannot be told of
// sections of others that were wrong before.
func whole(change config.Change) config.Change {
	return func(d *config.Document) error {
		before := *d
		if err := change(d); err != nil {
			return err
		}
		if f := d.Overlooked(&before); f != nil {
			return wit.Errorf(wit.CodeInvalid, "this would replace a section that is off because of a mistake: mend it in the text of the file first, or leave the section out: %w", f)
		}
		_, err := d.Config()
		return err
	}
}

// restored is a change by who saw the settings without their secrets: the marks that stand for them stay what they were.
func restored(settings *config.Settings, plugins Plugins, change config.Change) config.Change {
	return func(d *config.Document) error {
		before := *d
		if d.Broken() {
			before = *settings.Document() // see configFile.refused
		}
		if err := change(d); err != nil {
			return err
		}
		return d.Restore(&before, plugins.ShowConfig)
	}
}

// checked is a change that is refused when it makes a section of a plugin unusable that was not so before.
func (f *configFile) checked(change config.Change) config.Change {
	return func(d *config.Document) error {
		before := *d
		if err := change(d); err != nil {
			return err
		}
		c, _, err := d.Usable()
		if err != nil {
			return nil // whoever calls the change finds the same, and knows more of it
		}
		now, _, err := before.Usable()
		if err != nil || before.Broken() {
			now = f.settings.Config()
		}
		known := append(unusable(f.plugins, now), strangers(f.plugins, now, true)...)
		for _, problem := range append(unusable(f.plugins, c), strangers(f.plugins, c, true)...) {
			if !slices.Contains(known, problem) {
				return wit.NewError(wit.CodeInvalid, problem.Message)
			}
		}
		return nil
	}
}

// patch writes a change of the settings as JSON.
func patch(change any) (wit.JSON, error) {
	b, err := json.Marshal(change)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "write the settings: %w", err)
	}
	return b, nil
}
