package xmpp

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/menu"
	"github.com/carapace-gateway/carapace/wit"
)

// Programs list what a bot understands in a menu, and run what is picked there (XEP-0050). Here that is what the gateway understands,
// each done at once, as if its text had been said in the chat, where the answer comes.

// command is the one whose node an element names.
func command(n *node) (menu.Command, bool) {
	all := menu.Default()
	i := slices.IndexFunc(all, func(c menu.Command) bool { return c.Name == n.get("node") })
	if i < 0 {
		return menu.Command{}, false
	}
	return all[i], true
}

// itemsOf answers what there is below a node: the commands below theirs, else nothing.
func itemsOf(n, query *node) string {
	var b strings.Builder
	if query.get("node") == nsCommands {
		for _, c := range menu.Default() {
			b.WriteString(tag("item", "", "jid", n.get("to"), "node", c.Name, "name", "/"+c.Name+": "+c.About))
		}
	}
	return tag("query", b.String(), "xmlns", nsItems, "node", query.get("node"))
}

// infoOf answers what a node is, "" where there is none.
func infoOf(query *node) string {
	inside := ""
	if c, ok := command(query); ok {
		inside = tag("identity", "", "category", "automation", "type", "command-node", "name", "/"+c.Name+": "+c.About) + tag("feature", "", "var", nsCommands)
	} else if query.get("node") == nsCommands {
		inside = tag("identity", "", "category", "automation", "type", "command-list", "name", "Commands")
	} else {
		return ""
	}
	return tag("query", inside, "xmlns", nsInfo, "node", query.get("node"))
}

// run runs a command, and returns the answer to the question n that asked for it; "" where there is no such command.
func (t *turn) run(n, asked *node) string {
	c, ok := command(asked)
	if !ok || !isJID(n.get("from")) {
		return ""
	}
	if asked.get("action") == "cancel" {
		return done(asked, n.get("id"), "canceled", "")
	}
	where, who := t.direct(n.get("from"))
	if where.ID == t.State.own() || t.State.place(bare(n.get("from"))) != nil && resource(n.get("from")) == "" {
		return ""
	}
	t.Message(&wit.Message{
		ID: t.idOf(n.get("id"), ""), Kind: wit.MessageKindText, Conversation: where, Sender: who, Text: "/" + c.Name, Mentioned: true, Time: t.Now,
	})
	return done(asked, n.get("id"), "completed", leaf("note", "The answer comes in the chat.", "type", "info"))
}

// done says what has become of a command. The question's id serves as the session's, which has just this one.
func done(asked *node, id, status, inside string) string {
	session := asked.get("sessionid")
	if session == "" {
		session = id
	}
	return tag("command", inside, "xmlns", nsCommands, "node", asked.get("node"), "sessionid", session, "status", status)
}
