package system

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// ConfigResult is the config file as clients may see it: raw is made from the settings without
// secrets, not from the file.
type ConfigResult struct {
	Path         string         `json:"path"`
	Exists       bool           `json:"exists"`
	Raw          string         `json:"raw"`
	Parsed       *config.Config `json:"parsed"`
	Valid        bool           `json:"valid"`
	Config       *config.Config `json:"config"`
	Hash         string         `json:"hash"`
	Issues       []string       `json:"issues"`
	Warnings     []string       `json:"warnings"`
	LegacyIssues []string       `json:"legacyIssues"`
}

// configFile shows the config file.
type configFile struct {
	path     string
	settings *config.Settings
	plugins  Plugins
}

func (f configFile) get(context.Context, rpc.None) (ConfigResult, error) {
	shown := f.settings.File().Redacted(f.plugins.ShowConfig)
	raw, err := json.MarshalIndent(shown, "", "  ")
	if err != nil {
		return ConfigResult{}, wit.Errorf(wit.CodeInternal, "show the settings: %w", err)
	}
	sum := sha256.Sum256(raw)
	return ConfigResult{
		Path: f.path, Exists: !bytes.Equal(raw, []byte("{}")), Raw: string(raw), Parsed: shown, Valid: true, Config: shown,
		Hash: hex.EncodeToString(sum[:]), Issues: []string{}, Warnings: []string{}, LegacyIssues: []string{},
	}, nil
}
