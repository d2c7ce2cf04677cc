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
	case 46:
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

// pollResult says what most have chosen (Poll Results, in an embed).
func pollResult(d json.Value) string {
	question, winner := "", ""
	for embed := range d.Get("embeds").Items() {
		for field := range embed.Get("fields").Items() {
			switch field.Get("name").Text() {
			case "poll_question_text":
				question = field.Get("value").Text()
			case "victor_answer_text":
				winner = field.Get("value").Text()
			}
		}
	}
	if question == "" {
		return ""
	}
	if winner == "" {
		winner = "no answer won"
	}
	return " " + question + ": " + winner
}
