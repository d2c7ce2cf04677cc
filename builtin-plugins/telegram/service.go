package telegram

import "github.com/carapace-gateway/carapace/sdk/go/json"

// Telegram tells in messages of their own (the service messages of Message) what happens in a chat. Nobody answers
// them, but whoever is asked next should know. The older names of some fields, which come beside the present ones, say
// the same once more; they are passed over like all that is not known.

// readService notes what happened, and reports whether the field says so.
func (p *post) readService(key string, f json.Value) bool {
	return p.readComings(key, f) || p.readChanges(key, f) || p.readDealings(key, f) || p.readEvent(key)
}

// readComings is readService for people: who came, who went, who is near.
func (p *post) readComings(key string, f json.Value) bool {
	switch key {
	case "new_chat_members":
		p.service = names(f) + " joined"
	case "left_chat_member":
		p.service = readPerson(f).label() + " left"
	case "video_chat_participants_invited":
		p.service = names(f.Get("users")) + " were invited to the video chat"
	case "proximity_alert_triggered":
		p.service = readPerson(f.Get("traveler")).label() + " is near " + readPerson(f.Get("watcher")).label()
	default:
		return false
	}
	return true
}

// readChanges is readService for the chat itself: its name, its topics, and a new id, which a group gets when it
// becomes a supergroup.
func (p *post) readChanges(key string, f json.Value) bool {
	switch key {
	case "new_chat_title":
		p.service = "The chat is now called " + f.Text()
	case "pinned_message":
		pinned := readPost(f)
		p.service = "A message was pinned: " + pinned.gist()
	case "migrate_to_chat_id":
		p.movedTo, p.service = f.Text(), "This group has become a supergroup"
	case "migrate_from_chat_id":
		p.movedFrom, p.service = f.Text(), "This supergroup was a group before"
	case "message_auto_delete_timer_changed":
		p.service = "Messages are now deleted after " + f.Get("message_auto_delete_time").Text() + " seconds"
	case "forum_topic_created":
		p.service = "The topic " + f.Get("name").Text() + " was opened"
	case "forum_topic_edited":
		p.service = "The topic was changed " + f.Get("name").Text()
	default:
		return false
	}
	return true
}

// readDealings is readService for what people give, pay and tick off. Telegram counts money in the smallest unit of
// its currency (SuccessfulPayment, total_amount).
func (p *post) readDealings(key string, f json.Value) bool {
	switch key {
	case "gift":
		p.service = "[gift worth " + f.Get("gift", "star_count").Text() + " stars] " + f.Get("text").Text()
	case "unique_gift":
		p.service = "[gift] " + f.Get("gift", "base_name").Text()
	case "successful_payment", "refunded_payment":
		p.service = "[" + readable(key) + "] " + f.Get("total_amount").Text() + " " + f.Get("currency").Text() + ", in its smallest unit"
	case "checklist_tasks_done":
		p.service = "Tasks of a checklist were ticked off" + tasks(f.Get("checklist_message", "checklist", "tasks"))
	case "checklist_tasks_added":
		p.service = "Tasks were added to a checklist" + tasks(f.Get("tasks"))
	case "connected_website":
		p.service = "Logged in to " + f.Text()
	default:
		return false
	}
	return true
}

// readEvent is readService for what happens without anything more to be said about it than its name.
func (p *post) readEvent(key string) bool {
	switch key {
	case "new_chat_photo", "delete_chat_photo", "group_chat_created", "supergroup_chat_created", "channel_chat_created",
		"chat_owner_left", "chat_owner_changed", "gift_upgrade_sent", "passport_data", "write_access_allowed", "boost_added",
		"chat_background_set", "direct_message_price_changed", "paid_message_price_changed", "poll_option_added",
		"forum_topic_closed", "forum_topic_reopened", "general_forum_topic_hidden", "general_forum_topic_unhidden",
		"giveaway_created", "giveaway_completed", "suggested_post_approved", "suggested_post_approval_failed",
		"suggested_post_declined", "suggested_post_paid", "suggested_post_refunded",
		"video_chat_scheduled", "video_chat_started", "video_chat_ended":
		p.service = "[" + readable(key) + "]"
		return true
	}
	return false
}
