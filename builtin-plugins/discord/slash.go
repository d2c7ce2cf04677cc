package discord

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/menu"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// askCommand is the command whose text is said as it is.
const askCommand = "ask"

// commandsOf are the commands that Discord is to list when somebody types a slash: those that the owner has named or, without any,
// /ask and what the gateway understands (Application Command Structure).
func commandsOf(s settings) []menu.Command {
	if s.commands.Exists() {
		return menu.Read(s.commands)
	}
	return append([]menu.Command{{Name: askCommand, About: "Ask the assistant"}}, menu.Default()...)
}

// Types and contexts of commands.
const (
	optionString = 3
	inGuilds     = "[0,1]" // in servers, and in direct chats with the bot (Interaction Context Types)
)

// describe describes a command to Discord: each takes a text, which only /ask needs.
func describe(c menu.Command) wit.JSON {
	option := json.Object{}.Int("type", optionString).Text("name", "text").Text("description", "What you want to say").Bool("required", c.Name == askCommand)
	return json.Object{}.Text("name", c.Name).Text("description", c.About).Int("type", 1).
		Raw("options", json.Array{}.Add(option.JSON()).JSON()).Raw("contexts", wit.JSON(inGuilds)).JSON()
}

// registerCommands has Discord list the commands, in place of those that it lists; not those that it was told already (Bulk
// Overwrite Global Application Commands).
func registerCommands(a *answer, application string) {
	commands, list := commandsOf(a.Settings), json.Array{}
	for _, c := range commands {
		list = list.Add(describe(c))
	}
	body := list.JSON()
	print := menu.Print(string(body), application)
	if print == a.State.commands || !isID(application) || len(commands) == 0 && a.State.commands == "" {
		return
	}
	a.request(requestCommands, print, "PUT", "/applications/"+application+"/commands", body)
}

// commandsRegistered notes what Discord lists now. Should it have refused, it is told at the next session.
func commandsRegistered(a *answer, print string, r result) {
	if err := r.err(); err != nil {
		a.Host.Warn("discord: the commands were not registered: " + err.Error())
		return
	}
	a.State.commands = print
}
