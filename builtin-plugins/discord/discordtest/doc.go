// Package discordtest is a Discord server for tests: it behaves towards a bot as the documented service does, and
// towards a test it is the other side of the conversation.
//
// A bot finds the gateway at GET /gateway/bot, connects to it by websocket, identifies or resumes, and sends heartbeats;
// events have sequence numbers, and what a session missed while it was not connected is said again when it is resumed. It speaks the
// REST API below /api/v10 (and other versions, which differ in nothing that is here): channels, messages with files,
// edits, reactions, typing, direct chats, threads, commands and interactions; with the errors that Discord has, by
// their codes, and its rate limits. A nonce that is enforced makes one message, however often it is sent.
//
// A test drives it by Go methods: Say, Edit, Delete, React, Type, Press and Command make events; Calls and Sent say what
// the bot did; Fail makes coming calls fail, be cut off before or after they took effect; Drop, CloseWith, Reconnect,
// Invalidate, Mute and Repeat are what can happen to the gateway.
//
// It is one bot's, and it is no model of everything: voice, members' lists, permissions in detail, sharding and
// compression are not there.
//
// Sources: docs.discord.com/developers, sections by name; the words of errors are those that the service answers with.
//
// All methods of a Server may be called from several goroutines. Nothing is written to disk.
package discordtest
