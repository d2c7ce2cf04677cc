package mattermost

import (
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/emoji"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// What people can choose at a post are buttons, where the server can reach the gateway: it calls the account's webhook when one is
// pressed. Where it cannot, they are numbers in the text, which stand below the post as emoji, to be chosen by setting them too.

// hasButtons reports whether a post with actions has buttons: for those the owner has set an address and a token.
func (c *chat) hasButtons(actions []wit.ActionRow) bool {
	if c.settings.gateway == "" || len(actions) == 0 {
		return false
	}
	if c.callable == nil {
		has, err := c.host.HasCredential("callbackToken", c.account)
		c.callable = new(err == nil && has)
	}
	return *c.callable
}

// styleOf is Mattermost's word for how a button looks ("Message buttons", style).
func styleOf(style wit.ActionStyle) string {
	if style == wit.ActionStylePrimary || style == wit.ActionStyleDanger {
		return string(style) // which are its words too
	}
	return ""
}

// buttons are an attachment of a post for each row ("Message buttons"). The context of one is known to the server alone, and comes back
// when it is pressed; its token proves that it was the server which called.
func (c *chat) buttons(rows []wit.ActionRow) wit.JSON {
	url := c.settings.gateway + "/plugins/mattermost/" + c.account + "/"
	list := json.Array{}
	for i, row := range rows {
		actions := json.Array{}
		for j, action := range row.Actions {
			context := json.Object{}.Credential("token", "callbackToken").Raw("value", inert(action.Value)).JSON()
			o := json.Object{}.Text("id", "a"+strconv.Itoa(i)+"x"+strconv.Itoa(j)).Text("type", "button").Raw("name", inert(action.Label)).
				Raw("integration", json.Object{}.Raw("url", inert(url)).Raw("context", context).JSON())
			if style := styleOf(action.Style); style != "" {
				o = o.Text("style", style)
			}
			actions = actions.Add(o.JSON())
		}
		list = list.Add(json.Object{}.Raw("actions", actions.JSON()).JSON())
	}
	return list.JSON()
}

// worded is a text with what can be chosen in words, where there are no buttons.
func (c *chat) worded(text string, actions []wit.ActionRow) string {
	if c.hasButtons(actions) || len(actions) == 0 {
		return text
	}
	n := 0
	lines := text + "\n"
	for _, row := range actions {
		for _, action := range row.Actions {
			lines += "\n" + numberEmoji(n) + " " + action.Label
			n++
		}
	}
	return lines
}

// numbers are the names of the emoji that stand for what can be chosen.
var numbers = [...]string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "keycap_ten"}

func numberEmoji(n int) string {
	if n < len(numbers) {
		return emoji.Of(numbers[n])
	}
	return strconv.Itoa(n+1) + "."
}

// keepOffer is how long a number can be chosen.
const keepOffer = 7 * 24 * time.Hour

func offerKey(account, id string) string { return "offer/" + account + "/" + id }

// offer sets the numbers at a post that stand for what can be chosen there, and remembers what that is. What fails takes nothing
// away: people can set them themselves.
func (c *chat) offer(id string, actions []wit.ActionRow) {
	if c.hasButtons(actions) || len(actions) == 0 {
		return
	}
	list, n := json.Array{}, 0
	for _, row := range actions {
		for _, action := range row.Actions {
			list = list.Add(json.Text(action.Value))
			n++
		}
	}
	if err := c.host.KVPut(offerKey(c.account, id), string(list.JSON()), keepOffer); err != nil {
		c.host.Warn("mattermost: what can be chosen cannot be remembered: " + err.Error())
	}
	for _, name := range numbers[:min(n, len(numbers))] {
		if r := c.setEmoji(id, name); !r.ok {
			c.host.Warn("mattermost: a number cannot be set at a post: " + r.err().Error())
			return
		}
	}
}

// withdraw takes the numbers of a post away, where it has some.
func (c *chat) withdraw(id string) {
	key := offerKey(c.account, id)
	stored, ok, err := c.host.KVGet(key)
	if err != nil || !ok {
		return
	}
	if err := c.host.KVDelete(key); err != nil {
		c.host.Warn("mattermost: what can no longer be chosen cannot be forgotten: " + err.Error())
	}
	v, _ := json.ParseText(stored)
	for i := range v.Texts() {
		if i < len(numbers) {
			_ = c.unsetEmoji(id, numbers[i])
		}
	}
}

// chosenBy is the value of what a number stands for at a post, "" for nothing.
func chosenBy(a *answer, id, name string) string {
	for i, number := range numbers {
		if number != name {
			continue
		}
		stored, ok, err := a.Host.KVGet(offerKey(a.Account, id))
		if err != nil || !ok {
			return ""
		}
		v, _ := json.ParseText(stored)
		if values := v.Texts(); i < len(values) {
			return values[i]
		}
	}
	return ""
}
