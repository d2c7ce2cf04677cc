// Package teamstest is a server of the Bot Connector for tests: it behaves towards a bot as Microsoft documents, and towards a
// test it is the people in an organisation's chats, teams and channels.
//
// A bot gets a token at /{tenant}/oauth2/v2.0/token by its client's secret and talks HTTP to /teams/v3/conversations. What people do is
// posted to the bot's endpoint as activities, each with a token that is signed by a key which /openid
// leads to, in the order in which it happened, and again with a growing pause until a 2xx answers it. (The real connector gives up at
// some time.) An invoke is answered in the same call.
//
// A test drives it by Go methods: Say, Edit, Delete, React, Choose and Accept have people do things, Sent says what the bot did, Fail
// makes coming calls fail, be cut off before or after they took effect, or be late; Repeat has activities come twice. Nothing is
// written to disk, and all methods of a Server may be called from several goroutines.
//
// Sources: learn.microsoft.com, "Bot Connector API reference", "Bot Connector authentication" and the pages of the Microsoft Teams
// platform, by name in comments.
package teamstest
