package telegram

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// People post more than texts and files. A model that is told nothing of it would answer as if nobody had said
// anything, so each kind becomes a line of text, or a few.

// readContent takes a field that was posted and is neither a text nor a file, and reports whether it is one.
func (p *post) readContent(key string, f json.Value) bool {
	switch key {
	case "poll":
		p.content = "[poll] " + f.Get("question").Text() + options(f.Get("options"))
	case "dice":
		p.content = f.Get("emoji").Text() + " " + f.Get("value").Text()
	case "game":
		p.content = "[game] " + titled(f)
	case "checklist":
		p.content = "[checklist] " + f.Get("title").Text() + tasks(f.Get("tasks"))
	case "story":
		p.content = "[story of " + readPerson(f.Get("chat")).label() + "]"
	case "invoice":
		p.content = "[invoice] " + titled(f)
	case "paid_media":
		p.content = "[pictures or videos for " + f.Get("star_count").Text() + " stars]"
	case "giveaway":
		p.content = "[giveaway for " + f.Get("winner_count").Text() + " winners] " + f.Get("prize_description").Text()
	case "giveaway_winners":
		p.content = "[giveaway won by " + names(f.Get("winners")) + "] " + f.Get("prize_description").Text()
	case "web_app_data":
		p.content = "[" + f.Get("button_text").Text() + "] " + f.Get("data").Text()
	case "users_shared":
		p.content = "[shared: " + names(f.Get("users")) + "]"
	case "chat_shared":
		p.content = "[shared: the chat " + f.Get("title").Text() + " (" + f.Get("chat_id").Text() + ")]"
	default:
		return false
	}
	p.content = strings.TrimSpace(p.content)
	return true
}

// titled is what has a title and a description, such as a game (Game) or something to be paid (Invoice).
func titled(f json.Value) string {
	if about := f.Get("description").Text(); about != "" {
		return f.Get("title").Text() + ": " + about
	}
	return f.Get("title").Text()
}

// options are the answers that a poll offers (PollOption), one a line.
func options(list json.Value) string {
	lines := ""
	for option := range list.Items() {
		lines += "\n- " + option.Get("text").Text()
	}
	return lines
}

// tasks are those of a checklist (ChecklistTask), one a line; done are those that somebody has ticked off.
func tasks(list json.Value) string {
	lines := ""
	for task := range list.Items() {
		box := "\n☐ "
		if task.Get("completion_date").Int() > 0 {
			box = "\n☑ "
		}
		lines += box + task.Get("text").Text()
	}
	return lines
}

// names are those of a list of people (User, SharedUser), in one line.
func names(list json.Value) string {
	var out []string
	for who := range list.Items() {
		out = append(out, readPerson(who).label())
	}
	return strings.Join(out, ", ")
}

// readUnknown notes a field that the plugin does not know, should it be all that the post consists of. Telegram
// describes new kinds of content by an object or a list; other new fields say something about what is known.
func (p *post) readUnknown(key string, f json.Value) {
	if f.IsObject() || f.IsArray() {
		p.unknown = append(p.unknown, key)
	}
}

// somethingElse says that there is something which cannot be read: of a kind that is newer than this plugin, or
// that Telegram does not show to bots.
func (p *post) somethingElse() string {
	for _, key := range p.unknown {
		switch key {
		case "via_bot", "sender_business_bot", "direct_messages_topic", "reply_markup", "link_preview_options", "suggested_post_info",
			"forward_from", "forward_from_chat":
		default:
			return "[a message of a kind that cannot be read here: " + readable(key) + "]"
		}
	}
	return "[a message that Telegram does not show to bots]"
}
