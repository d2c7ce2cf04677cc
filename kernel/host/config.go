package host

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/setting"
	"github.com/carapace-gateway/carapace/wit"
)

// configuration is what the owner configured for a version of a plugin. It is asked anew each time, and keeps nothing.
type configuration struct {
	// section returns what the owner wrote in an account's section, for "" in the plugin's, without secrets. A default is no
	// part of it: the manifest must not widen what the owner permits.
	section func(account string) (wit.JSON, error)
	// filled returns the section with the schema's defaults, as the guest gets it.
	filled func(account string) (wit.JSON, error)
	// schema is that of a section, nil without one.
	schema wit.JSON
}

// setting returns what text does or, where the owner has set nothing, the field's default. It is for texts that are told to
// somebody, and does not widen what the plugin may reach.
func (c configuration) setting(account, field string) string {
	if text := c.text(account, field); text != "" {
		return text
	}
	var schema struct {
		Properties map[string]struct{ Default json.RawMessage }
	}
	var text string
	_ = json.Unmarshal(c.schema, &schema) // there may be none
	_ = json.Unmarshal(schema.Properties[field].Default, &text)
	return text
}

// Get is the guest's. It needs no permission: what it gives is the plugin's own and has no secrets.
func (c configuration) Get(_ context.Context, scope *wit.ConfigScope) (*wit.ConfigSection, error) {
	account := ""
	if scope.Account != nil {
		account = *scope.Account
	}
	value, err := c.filled(account)
	if err != nil {
		return nil, err
	}
	return &wit.ConfigSection{Value: value}, nil
}

// maxURLs bounds those of one field that count.
const maxURLs = 64

// urls returns the URLs in a field of the account's section or, where that has none, of the plugin's: a text, or a list of
// them. Settings in one are filled in, and a bare host means https. Whether it is a URL at all is for the policy that gets it to say.
func (c configuration) urls(account, field string) (urls []string) {
	texts := c.texts(account, field)
	for _, text := range texts[:min(len(texts), maxURLs)] {
		url, _ := setting.Address(text, func(name string) string { return c.setting(account, name) })
		if url == "" {
			continue
		}
		if !strings.Contains(url, "://") {
			url = "https://" + url
		}
		urls = append(urls, url)
	}
	return urls
}

// text returns the text in a field of the account's section or, where that has none, of the plugin's; "" where neither has.
func (c configuration) text(account, field string) string {
	if texts := c.texts(account, field); len(texts) == 1 {
		return texts[0]
	}
	return ""
}

// texts returns the text in a field, or those in its list, that are not empty: the account's section's or, where that has
// none, the plugin's.
func (c configuration) texts(account, field string) (texts []string) {
	for _, section := range []string{account, ""} {
		config, err := c.section(section)
		if err != nil {
			continue // an account that is gone: nothing of it is configured
		}
		var fields map[string]json.RawMessage
		if json.Unmarshal(config, &fields) != nil {
			continue
		}
		var text string
		if json.Unmarshal(fields[field], &text) == nil {
			texts = []string{text}
		} else if json.Unmarshal(fields[field], &texts) != nil {
			texts = nil
		}
		texts = slices.DeleteFunc(texts, func(s string) bool { return s == "" })
		if len(texts) > 0 {
			return texts
		}
	}
	return nil
}
