package twilio

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets, which only the kernel sees. plugin.json says what each field
// means.
type settings struct {
	root     string // of the API, without a slash at its end
	account  string
	key      string // the SID of an API key, "" for none
	from     string
	webhook  string // with a slash at its end, "" where it is not known
	interval int64  // between polls, in milliseconds
}

const (
	defaultRoot     = "https://api.twilio.com"
	defaultInterval = 60
)

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	v := json.Value{}
	if len(config) > 0 {
		var err error
		if v, err = json.Parse(config); err != nil {
			return settings{}, err
		}
	}
	s := settings{
		root: strings.TrimRight(v.Get("apiRoot").Text(), "/"), account: v.Get("accountSid").Text(), key: v.Get("apiKeySid").Text(),
		from: v.Get("from").Text(), webhook: v.Get("webhook").Text(), interval: v.Get("pollInterval").Int() * 1000,
	}
	if s.root == "" {
		s.root = defaultRoot
	}
	if s.interval == 0 {
		s.interval = defaultInterval * 1000
	}
	return s, nil
}

// service reports whether messages go through a messaging service, which chooses the number.
func (s settings) service() bool { return strings.HasPrefix(s.from, "MG") }

// messages is the address of the account's messages.
func (s settings) messages() string {
	return s.root + "/2010-04-01/Accounts/" + s.account + "/Messages"
}

// login is that of every request: the account's, or an API key's.
func (s settings) login() *wit.BasicLogin {
	if s.key != "" {
		return &wit.BasicLogin{User: s.key, Password: "apiKeySecret"}
	}
	return &wit.BasicLogin{User: s.account, Password: "authToken"}
}

// number is a telephone number as Twilio writes it, with a + (E.164). Short codes and names have none.
func number(text string) string {
	digits := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return text
		}
		digits++
	}
	if digits >= 7 {
		return "+" + text
	}
	return text
}
