package discord

import "github.com/carapace-gateway/carapace/sdk/go/json"

// service is what has happened in a channel, in words, of a message that nobody has said (Message Types). Nobody is answered
// for it, but whoever is asked next should know.
func service(kind messageKind, who person, d json.Value, content string) string {
	name := who.label()
	switch kind {
	case 1:
		return name + " added " + mentioned(d)
	case 2:
		return name + " removed " + mentioned(d)
	case 3:
		return name + " started a call"
	case 4:
		return name + " changed the name: " + content
	case 5:
		return name + " changed the picture"
	case 6:
		return name + " pinned a message"
	case 7:
		return name + " joined the server"
	case 8, 9, 10, 11:
		return name + " boosted the server"
	case 12:
		return name + " follows " + content + " from here"
	case 18:
		return name + " opened a thread: " + content
	case 24:
		return "[a message was stopped by moderation]"
	case 27, 28, 29, 31:
		return name + ": the stage has changed " + content
	case kindPollResult:
		return "[a poll has ended]" + pollResult(d)
	}
	if content != "" {
		return content
	}
	return "[something happened that cannot be read here: message type " + d.Get("type").Text() + "]"
}

// mentioned are the people that a message is about.
func mentioned(d json.Value) string {
	names := ""
	for user := range d.Get("mentions").Items() {
		if names != "" {
			names += ", "
		}
		names += readUser(user).label()
	}
	if names == "" {
		return "somebody"
	}
	return names
}

// pollResult says what most have chosen, and how many they are ("Poll Result Embed Fields"). Where several answers have as many votes, none
// is named.
func pollResult(d json.Value) string {
	fields := map[string]string{}
	for embed := range d.Get("embeds").Items() {
		for field := range embed.Get("fields").Items() {
			fields[field.Get("name").Text()] = field.Get("value").Text()
		}
	}
	question, winner, votes, total := fields["poll_question_text"], fields["victor_answer_text"], fields["victor_answer_votes"], fields["total_votes"]
	switch {
	case question == "":
		return ""
	case total == "0":
		return " " + question + ": nobody voted"
	case winner == "":
		winner = "no answer won"
	}
	if votes != "" && total != "" {
		winner += " (" + votes + " of " + total + " votes)"
	}
	return " " + question + ": " + winner
}
