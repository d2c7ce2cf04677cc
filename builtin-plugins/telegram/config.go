package telegram

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets, which only the kernel sees.
type settings struct {
	root       string
	webhook    bool
	webhookURL string
	plain      bool
	noPreview  bool
}

const defaultRoot = "https://api.telegram.org"

func readSettings(config wit.JSON) (settings, error) {
	s := settings{root: defaultRoot}
	if len(config) == 0 {
		return s, nil
	}
	v, err := json.Parse(config)
	if err != nil {
		return s, err
	}
	if root := v.Get("apiRoot").Text(); root != "" {
		s.root = strings.TrimRight(root, "/")
	}
	s.webhook = v.Get("mode").Text() == "webhook"
	s.webhookURL = v.Get("webhookUrl").Text()
	s.plain = v.Get("parseMode").Text() == "plain"
	preview := v.Get("linkPreview")
	s.noPreview = preview.Exists() && !preview.Bool()
	return s, nil
}

const token = "{{credential:botToken}}"

// request describes a call of a Bot API method with JSON parameters.
func (s settings) request(id, method string, params json.Object) wit.HTTPRequest {
	return wit.HTTPRequest{
		ID:      id,
		Method:  "POST",
		URL:     s.root + "/bot" + token + "/" + method,
		Headers: []wit.Header{{Name: "Content-Type", Value: "application/json"}},
		Text:    new(string(params.JSON())),
	}
}

// download describes fetching a file by the path that getFile gave.
func (s settings) download(path string) *wit.HTTPRequest {
	return &wit.HTTPRequest{URL: s.root + "/file/bot" + token + "/" + escapePath(path), Timeout: 120_000}
}

// escapePath escapes what would end a URL's path, and braces, which could name a credential.
func escapePath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23", " ", "%20", "{", "%7B").Replace(path)
}
