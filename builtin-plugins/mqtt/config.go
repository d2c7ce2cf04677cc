package mqtt

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets. plugin.json says what each field means.
type settings struct {
	server       string
	client       string
	name         string
	user         string
	patterns     []string
	answerTopic  string
	fileTopic    string
	json         bool
	fields       fields
	presence     string
	retain       bool
	readRetained bool
	keepAlive    int64 // seconds
	maxPacket    int64 // bytes
	version      string
	twice        bool // quality of service 2
}

// fields are the names of what a payload that is JSON has.
type fields struct{ text, id, sender, replyTo, time string }

// Defaults, as plugin.json tells them.
const (
	defaultKeepAlive = 60
	defaultMaxPacket = 256 << 10
)

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{keepAlive: defaultKeepAlive, maxPacket: defaultMaxPacket}
	if len(config) == 0 {
		return s, nil
	}
	v, err := json.Parse(config)
	if err != nil {
		return s, err
	}
	s.server, s.client, s.user = v.Get("server").Text(), v.Get("clientId").Text(), v.Get("user").Text()
	s.name = or(v.Get("name").Text(), s.client)
	s.patterns = v.Get("topics").Texts()
	s.answerTopic, s.fileTopic = v.Get("answerTopic").Text(), v.Get("fileTopic").Text()
	s.presence = v.Get("presenceTopic").Text()
	s.version = v.Get("version").Text()
	s.twice = v.Get("qos").Int() == 2
	s.json = v.Get("format").Text() == "json"
	f := v.Get("fields")
	s.fields = fields{
		text: or(f.Get("text").Text(), "text"), id: or(f.Get("id").Text(), "id"), sender: f.Get("sender").Text(),
		replyTo: or(f.Get("replyTo").Text(), "replyTo"), time: or(f.Get("time").Text(), "time"),
	}
	s.retain, s.readRetained = v.Get("retain").Bool(), v.Get("readRetained").Bool()
	if n := v.Get("keepAlive"); n.Exists() {
		s.keepAlive = n.Int()
	}
	if n := v.Get("maxPacket"); n.Exists() {
		s.maxPacket = n.Int()
	}
	return s, nil
}

// oldVersion is what `version` may be, beside 5.
const oldVersion = "3.1.1"

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
