package translate

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// platform says how the settings of a channel are called here.
type platform struct {
	// plugin is the channel's; settings and secrets are its fields by the other gateway's names.
	plugin            string
	settings, secrets map[string]string
	// needs are the fields here without which an account is none.
	needs []string
}

// platforms are the channels that both have, by what the other gateway calls them. A name with a dot is a field of a field.
func platforms() map[string]platform {
	same := func(names ...string) map[string]string {
		m := map[string]string{}
		for _, name := range names {
			m[name] = name
		}
		return m
	}
	return map[string]platform{
		"telegram": {"telegram", same("webhookUrl", "apiRoot", "linkPreview"), same("botToken", "webhookSecret"), []string{"botToken"}},
		"discord":  {"discord", map[string]string{"allowBots": "bots"}, map[string]string{"token": "botToken"}, []string{"botToken"}},
		"slack":    {"slack", same("allowBots"), same("botToken", "appToken", "signingSecret"), []string{"botToken"}},
		"signal":   {"signal", map[string]string{"account": "account", "httpUrl": "url"}, nil, []string{"account"}},
		"matrix":   {"matrix", same("homeserver"), same("accessToken"), []string{"homeserver", "accessToken"}},
		"mattermost": {"mattermost", map[string]string{"baseUrl": "serverUrl"}, map[string]string{"botToken": "token"},
			[]string{"serverUrl", "token"}},
		"msteams": {"teams", same("appId", "tenantId"), map[string]string{"appPassword": "appSecret"}, []string{"appId", "tenantId", "appSecret"}},
		"irc":     {"irc", map[string]string{"host": "server", "nick": "nick", "channels": "channels"}, nil, []string{"server", "nick"}},
	}
}

// readChannels translates the accounts of the channels.
func (t *translation) readChannels(all section) {
	delete(all, "defaults")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		channel := all.section(name)
		p, ok := platforms()[name]
		if !ok {
			t.left("channels.%s: %s", name, otherChannel(name))
			continue
		}
		accounts := channel.section("accounts")
		delete(channel, "defaultAccount") // the first is, by its name
		if len(accounts) == 0 || p.complete(channel) {
			t.account("channels."+name, "default", name, p, maps.Clone(channel))
		}
		for _, id := range slices.Sorted(maps.Keys(accounts)) {
			own := accounts.section(id)
			t.account("channels."+name+".accounts."+id, strings.ToLower(id), name, p, own.over(channel))
		}
	}
}

func otherChannel(name string) string {
	if name == "whatsapp" {
		return "a linked phone has no like here: the plugin whatsapp speaks Meta's own API, see docs/whatsapp.md"
	}
	return "no plugin of this gateway is like it; carapace plugins search may find one"
}

// complete reports whether a section has a credential, or where it has none all it needs.
func (p platform) complete(s section) bool {
	for theirs := range p.secrets {
		if _, ok := s[theirs]; ok {
			return true
		}
	}
	_, file := s["tokenFile"]
	return file || len(p.secrets) == 0 && len(s) > 0
}

// account translates one account.
func (t *translation) account(place, id, channel string, p platform, s section) {
	out := Setup{Place: place, Setup: system.Setup{ID: p.plugin, Account: id, Secrets: map[string]string{}}}
	config := map[string]any{}
	enabled := true
	s.take("enabled", &enabled)
	out.Enabled = &enabled
	if path := s.text("tokenFile"); path != "" {
		if token, err := file.Read(path, 4096); err == nil {
			out.Secrets["botToken"] = strings.TrimSpace(string(token))
			out.Fields = append(out.Fields, "tokenFile")
		} else {
			t.left("%s.tokenFile: the file cannot be read", place)
		}
	}
	for _, theirs := range slices.Sorted(maps.Keys(p.secrets)) {
		if raw, ok := s[theirs]; ok {
			delete(s, theirs)
			if value, err := t.resolve(raw); err != nil {
				t.left("%s.%s: %s; carapace setup %s asks for it", place, theirs, err, p.plugin)
			} else if value != "" {
				out.Secrets[p.secrets[theirs]], out.Fields = value, append(out.Fields, theirs)
			}
		}
	}
	for _, theirs := range slices.Sorted(maps.Keys(p.settings)) {
		var value any
		if s.take(theirs, &value) {
			config[p.settings[theirs]], out.Fields = value, append(out.Fields, theirs)
		}
	}
	for _, need := range p.needs {
		if _, secret := out.Secrets[need]; !secret && config[need] == nil {
			t.left("%s: it has no %s, without which there is no account: carapace setup %s", place, need, p.plugin)
			return
		}
	}
	t.modes(p.plugin, config, s)
	t.access(place, channel, &out, s)
	if len(config) > 0 {
		out.Config, _ = json.Marshal(config) // it was read as JSON
	}
	if len(s) > 0 {
		t.left("%s: nothing here is like %s", place, s.names())
	}
	t.plan.Setups = append(t.plan.Setups, out)
}

// modes says how events come, where both can choose.
func (t *translation) modes(plugin string, config map[string]any, s section) {
	mode := s.text("mode")
	switch {
	case plugin == "telegram" && config["webhookUrl"] != nil:
		config["mode"] = "webhook"
	case plugin == "slack" && mode == "http":
		config["mode"] = "events"
	}
	delete(s, "webhookPath") // this gateway has its own
}

// access translates who may talk to the account.
func (t *translation) access(place, channel string, out *Setup, s section) {
	a := system.Access{}
	dm := s.section("dm")
	for _, from := range []section{dm, s} { // the older form first, so that the newer one wins
		for _, name := range []string{"policy", "dmPolicy"} {
			if name == "policy" && len(dm) == 0 {
				continue
			}
			if policy := from.text(name); policy != "" {
				a.DMPolicy = policy
				out.Fields = append(out.Fields, name)
			}
		}
		if list := from.texts("allowFrom"); list != nil {
			a.AllowFrom = list
			out.Fields = append(out.Fields, "allowFrom")
		}
	}
	talks := true
	if dm.take("enabled", &talks); !talks {
		a.DMPolicy = "disabled"
	}
	if a.DMPolicy == "" || a.DMPolicy == "pairing" || a.DMPolicy == "allowlist" {
		if list := t.paired(channel); len(list) > 0 {
			a.AllowFrom = append(a.AllowFrom, list...)
			out.Fields = append(out.Fields, "paired people")
		}
	}
	if len(dm) > 0 {
		t.left("%s.dm: nothing here is like %s", place, dm.names())
	}
	t.groups(place, out, &a, s)
	out.Access = &a
}

// groups translates in which groups the account answers. There a group may name who in it may speak, and here all in it may: such
// groups stay closed.
func (t *translation) groups(place string, out *Setup, a *system.Access, s section) {
	policy, speakers, groups := s.text("groupPolicy"), s.texts("groupAllowFrom"), s.section("groups")
	switch {
	case policy == "open" || policy == "disabled":
		a.GroupPolicy = policy
		out.Fields = append(out.Fields, "groupPolicy")
	case len(groups) == 0:
	case slices.Contains(speakers, "*"):
		a.GroupPolicy, a.Groups = "allowlist", slices.Sorted(maps.Keys(groups))
		out.Fields = append(out.Fields, "groupPolicy", "groups")
	default:
		t.left("%s.groups: they stay closed, since only some in them might speak there, and all may here; carapace setup %s opens them", place, out.ID)
		return
	}
	if policy == "disabled" || len(groups) == 0 {
		return
	}
	mention, said := false, true
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		one, wants := groups.section(name), true
		said = one.take("requireMention", &wants) && said
		mention = mention || wants
		if len(one) > 0 {
			t.left("%s.groups.%s: nothing here is like %s", place, name, one.names())
		}
	}
	if said && !mention {
		a.RequireMention = &mention
		out.Fields = append(out.Fields, "requireMention")
	}
}

// paired are those who were let in to a channel by a code.
func (t *translation) paired(channel string) (list []string) {
	kept, err := readObject(filepath.Join(t.folder, "credentials", channel+"-allowFrom.json"))
	if err != nil {
		return nil // nobody was
	}
	return slices.DeleteFunc(kept.texts("allowFrom"), func(id string) bool { return id == "" || id == "*" })
}
