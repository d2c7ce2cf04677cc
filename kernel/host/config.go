package host

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// configuration is what the owner configured for a version of a plugin. It is asked anew each time, and keeps nothing.
type configuration struct {
	// section returns an account's section, for "" the plugin's, without secrets.
	section func(account string) (wit.JSON, error)
}

// Get is the guest's. It needs no permission: what it gives is the plugin's own and has no secrets.
func (c configuration) Get(_ context.Context, scope *wit.ConfigScope) (*wit.ConfigSection, error) {
	account := ""
	if scope.Account != nil {
		account = *scope.Account
	}
	value, err := c.section(account)
	if err != nil {
		return nil, err
	}
	return &wit.ConfigSection{Value: value}, nil
}

// url returns the URL in a field of the account's section or, where that has none, of the plugin's; "" where neither
// has. Only a text is taken for one, and a bare host means https. Whether it is a URL at all is for the policy
// that gets it to say.
func (c configuration) url(account, field string) string {
	url := c.text(account, field)
	if url != "" && !strings.Contains(url, "://") {
		url = "https://" + url
	}
	return url
}

// text returns the text in a field of the account's section or, where that has none, of the plugin's; "" where neither has.
func (c configuration) text(account, field string) string {
	for _, section := range []string{account, ""} {
		config, err := c.section(section)
		if err != nil {
			continue // an account that is gone: nothing of it is configured
		}
		var fields map[string]json.RawMessage
		var text string
		if json.Unmarshal(config, &fields) != nil || json.Unmarshal(fields[field], &text) != nil || text == "" {
			continue
		}
		return text
	}
	return ""
}
