package typo_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/typo"
)

func TestNear(t *testing.T) {
	fields := []string{"enabled", "dmPolicy", "allowFrom", "port", "model", "accounts", "config", "töne"}
	for written, meant := range map[string]string{
		"enabledd": "enabled", "enbaled": "enabled", "dmPolcy": "dmPolicy", "dmpolicy": "dmPolicy", "DMPOLICY": "dmPolicy", "prot": "port", "acounts": "accounts",
		"confg": "config", "modle": "model", "tone": "töne", "": "", "x": "", "token": "", "botToken": "", "sort": "port", strings.Repeat("enabled", 1000): "",
	} {
		if got := typo.Near(written, fields); got != meant {
			t.Errorf("%.20q: %q, want %q", written, got, meant)
		}
	}
	if got := typo.Near("ab", nil); got != "" {
		t.Error(got)
	}
}
