package whatsapp

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/menu"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxCommands bounds a menu ("Conversational components", Commands).
const maxCommands = 30

// menu is what people see who type a slash: the commands that the owner has named, of which Meta takes those without a hyphen, or
// those that the gateway understands.
func (s settings) menu() []menu.Command {
	if !s.commands.Exists() {
		return menu.Default()
	}
	commands := menu.ReadPlain(s.commands)
	return commands[:min(len(commands), maxCommands)]
}

// list is a menu as Meta has it.
func list(commands []menu.Command) wit.JSON {
	all := json.Array{}
	for _, c := range commands {
		all = all.Object(func(o json.Object) json.Object {
			return o.Text("command_name", c.Name).Text("command_description", c.About)
		})
	}
	return all.JSON()
}

// menuPrint is short for the number's menu; "" where there is none.
func (s settings) menuPrint() string {
	commands := s.menu()
	if len(commands) == 0 {
		return ""
	}
	return menu.Print(s.phone, string(list(commands)))
}

// offerMenu has WhatsApp list the commands, once after each start, unless it has been told the same before. Without any, and before
// it was ever told of some, what the owner may have set in the WhatsApp Manager is left alone.
func offerMenu(a *answer) {
	if a.State.offered == a.State.generation {
		return
	}
	a.State.offered = a.State.generation
	if a.Settings.menuPrint() == a.State.menu {
		return
	}
	r := a.Settings.post("conversational_automation", json.Object{}.Raw("commands", list(a.Settings.menu())))
	r.ID = account.RequestID(requestMenu, a.State.generation, "")
	a.Request(*r)
}

// menuSet notes what WhatsApp lists. What it refuses does no harm: it is told again at the next start.
func menuSet(a *answer, response *wit.HTTPResponse) {
	if err := decode(response).err(); err != nil {
		a.Host.Warn("whatsapp: the menu of commands was not set, for which the token needs the right whatsapp_business_management: " + err.Error())
		return
	}
	a.State.menu = a.Settings.menuPrint()
}
