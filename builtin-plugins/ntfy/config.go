package ntfy

import (
	"cmp"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its token, which only the kernel sees. plugin.json says what each field means.
type settings struct {
	server   string // without a slash at its end
	topics   []topic
	title    string
	priority int64
	buttons  bool
	token    bool // there is one
}

// topic is one that people write to, and the one that answers go to.
type topic struct{ in, out string }

const (
	defaultServer = "https://ntfy.sh"
	tokenName     = "token"
	usualPriority = 3 // which a message has that says none ("Message priority")
)

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(host *sdk.Host, account string, config wit.JSON) (settings, error) {
	v := json.Value{}
	if len(config) > 0 {
		var err error
		if v, err = json.Parse(config); err != nil {
			return settings{}, err
		}
	}
	token, err := host.HasCredential(tokenName, account)
	if err != nil {
		return settings{}, err
	}
	s := settings{server: strings.TrimRight(v.Get("server").Text(), "/"), title: v.Get("title").Text(), priority: cmp.Or(v.Get("priority").Int(), usualPriority), token: token, buttons: !token}
	if s.server == "" {
		s.server = defaultServer
	}
	if b := v.Get("buttons"); b.Exists() {
		s.buttons = b.Bool()
	}
	for item := range strings.SplitSeq(v.Get("topic").Text(), ",") {
		in, out, other := strings.Cut(strings.TrimSpace(item), ">")
		if !other {
			out = in
		}
		if !isTopic(in) || !isTopic(out) {
			s.topics = nil // no other is read either, so that the owner looks why
			return s, nil
		}
		s.topics = append(s.topics, topic{in, out})
	}
	return s, nil
}

// isTopic reports whether a server takes it as a topic's name.
func isTopic(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// outOf is the topic that answers to a topic go to: its own, where people do not write to it.
func (s settings) outOf(in string) string {
	for _, t := range s.topics {
		if t.in == in {
			return t.out
		}
	}
	return in
}

// reads reports whether people write to a topic.
func (s settings) reads(name string) bool {
	for _, t := range s.topics {
		if t.in == name {
			return true
		}
	}
	return false
}

// all are the topics that are read, as addresses have them.
func (s settings) all() string {
	names := make([]string, 0, len(s.topics))
	for _, t := range s.topics {
		names = append(names, t.in)
	}
	return strings.Join(names, ",")
}

// headers are those of every request. The kernel fills the token in.
func (s settings) headers() []wit.Header {
	if !s.token {
		return nil
	}
	return []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:" + tokenName + "}}"}}
}
