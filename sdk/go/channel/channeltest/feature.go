package channeltest

import (
	"slices"
	"testing"
)

// Feature is something that people can do on a platform: a row of the table in docs/channels.md.
type Feature string

// The features. In is what people do and the assistant learns of, Out what the assistant does.
const (
	TextIn       Feature = "text in"
	TextOut      Feature = "text out"
	Markup       Feature = "bold, code, links, tables"
	LongText     Feature = "long texts in pieces"
	RepliesIn    Feature = "replies in"
	RepliesOut   Feature = "replies out"
	Threads      Feature = "threads"
	EditsIn      Feature = "edits in"
	EditsOut     Feature = "edits out"
	DeletionsIn  Feature = "deletions in"
	DeletionsOut Feature = "deletions out"
	ReactionsIn  Feature = "reactions in"
	ReactionsOut Feature = "reactions out"
	Unreactions  Feature = "reactions taken back"
	TypingIn     Feature = "typing in"
	TypingOut    Feature = "typing out"
	MediaIn      Feature = "files in"
	MediaOut     Feature = "files out"
	Direct       Feature = "direct chats"
	Groups       Feature = "groups"
	Mentions     Feature = "knows when it is addressed"
	Accounts     Feature = "several accounts"
	Commands     Feature = "commands or menus"
	Buttons      Feature = "buttons"
	Polls        Feature = "polls"
	Directory    Feature = "finds people and groups by name"
	Moves        Feature = "follows a conversation that moves"
	Login        Feature = "login or QR code"
	Health       Feature = "says what is wrong with its token"
	Limits       Feature = "keeps to the platform's pace"
	Streaming    Feature = "shows a long answer while it is written"
	Refusals     Feature = "tries another way when refused"
	Outages      Feature = "outlives outages without loss"
	Upgrades     Feature = "upgrades under traffic without a loss"
)

// Features returns all of them, in the order of the table.
func Features() []Feature {
	return []Feature{
		TextIn, TextOut, Markup, LongText, RepliesIn, RepliesOut, Threads, EditsIn, EditsOut, DeletionsIn, DeletionsOut,
		ReactionsIn, Unreactions, ReactionsOut, TypingIn, TypingOut, MediaIn, MediaOut, Direct, Groups, Mentions, Accounts, Commands, Buttons,
		Polls, Directory, Moves, Login, Health, Limits, Refusals, Streaming, Outages, Upgrades,
	}
}

// Proves says that the test that calls it proves features of the channel in whose folder it stands. The table of
// docs/channels.md is made of these calls, which name the features by their constants.
func Proves(t testing.TB, features ...Feature) {
	t.Helper()
	for _, f := range features {
		if !slices.Contains(Features(), f) {
			t.Errorf("there is no feature %q", f)
		}
	}
}
