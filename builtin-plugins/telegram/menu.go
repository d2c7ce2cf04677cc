package telegram

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/menu"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// scope is for whom a menu is (BotCommandScope): what is set for the last of them that somebody is in is what they see
// ("Determining list of commands"), so the first one holds for all others.
type scope struct {
	kind     string
	commands []menu.Command
}

// scopesOf are the menus of an account: for everybody the commands that the owner has named, of which Telegram takes those without
// a hyphen (BotCommand); where the owner has named none, those of the gateway, in groups for members only what members may give.
func scopesOf(s settings) []scope {
	if s.commands.Exists() {
		return []scope{{"default", menu.ReadPlain(s.commands)}, {"all_private_chats", nil}, {"all_chat_administrators", nil}}
	}
	return []scope{{"default", menu.Shared()}, {"all_private_chats", menu.Default()}, {"all_chat_administrators", menu.Default()}}
}

// list is a scope's commands as Telegram has them.
func (s scope) list() wit.JSON {
	list := json.Array{}
	for _, c := range s.commands {
		list = list.Object(func(o json.Object) json.Object { return o.Text("command", c.Name).Text("description", c.About) })
	}
	return list.JSON()
}

// printOf is short for all menus of an account; "" where there is none.
func printOf(scopes []scope) string {
	var told []string
	some := false
	for _, s := range scopes {
		some = some || len(s.commands) > 0
		told = append(told, s.kind, string(s.list()))
	}
	if !some {
		return ""
	}
	return menu.Print(told...)
}

// offerMenu has Telegram list the commands, unless it has been told the same before.
func offerMenu(a *answer) {
	scopes := scopesOf(a.Settings)
	if printOf(scopes) != a.State.menu {
		setMenu(a, scopes, 0)
	}
}

// setMenu tells Telegram of one scope (setMyCommands; deleteMyCommands where nothing is listed). One comes after the other, so that
// all are known to be set when the last one is.
func setMenu(a *answer, scopes []scope, i int) {
	method, params := "deleteMyCommands", json.Object{}.Object("scope", func(o json.Object) json.Object { return o.Text("type", scopes[i].kind) })
	if len(scopes[i].commands) > 0 {
		method, params = "setMyCommands", params.Raw("commands", scopes[i].list())
	}
	a.requestOneOf(requestMenu, strconv.Itoa(i), method, params)
}

// menuSet goes on with the next scope. What Telegram refuses does no harm: it is told again at the next start.
func menuSet(a *answer, which string, r result) {
	if err := r.err(); err != nil {
		a.Host.Warn("telegram: the menu of commands was not set: " + err.Error())
		return
	}
	scopes := scopesOf(a.Settings)
	if i, err := strconv.Atoi(which); err == nil && i >= 0 && i+1 < len(scopes) {
		setMenu(a, scopes, i+1)
		return
	}
	a.State.menu = printOf(scopes)
}
