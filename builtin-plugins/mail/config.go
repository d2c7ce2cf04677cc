package mail

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its password. plugin.json says what each field means.
type settings struct {
	address, name, user string
	imap, smtp          string
	folder, authserv    string
	pollSeconds         int64
	replyAll            bool
	oauth               bool // an access token logs in, and no password
}

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{}
	if len(config) == 0 {
		config = wit.JSON("{}")
	}
	v, err := json.Parse(config)
	if err != nil {
		return s, err
	}
	s = settings{
		address: v.Get("address").Text(), name: v.Get("name").Text(), user: v.Get("user").Text(), imap: v.Get("imap").Text(),
		smtp: v.Get("smtp").Text(), folder: v.Get("folder").Text(), authserv: v.Get("authserv").Text(), pollSeconds: v.Get("pollSeconds").Int(),
		replyAll: v.Get("replyAll").Bool(), oauth: v.Get("auth").Text() == "oauth",
	}
	if s.user == "" {
		s.user = s.address
	}
	if s.folder == "" {
		s.folder = "INBOX"
	}
	if s.pollSeconds == 0 {
		s.pollSeconds = 60
	}
	return s, nil
}
