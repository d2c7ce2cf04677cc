// Package botapitest is a Telegram Bot API server for tests: it behaves towards a bot as the documented
// service does, and towards a test it is the other side of the conversation.
//
// A bot talks HTTP to it: GET and POST, parameters in the query, in a form, in JSON or in multipart;
// method names in any case; answers in the {ok, result | error_code, description, parameters}
// envelope. Updates wait in one queue until a getUpdates with a higher offset confirms them, or until
// they are older than Config.Retention; what is not confirmed is delivered again. A second getUpdates
// ends the first with 409, as does a webhook. With a webhook set, updates are posted one after the
// other, each again with a growing delay until a 2xx answers it.
//
// A test drives it by Go methods: Say, Edit, React, Press and Inject queue updates; Calls and Sent say
// what the bot did; Fail makes coming calls fail, be cut off before or after they took effect, or
// answer garbage; Redeliver repeats updates; Block and Migrate change the world. Control offers Say, Fail, Sent,
// Calls and Pending over HTTP for a server in a process of its own.
//
// It refuses to be a model of everything: payments, stickers sets, inline mode and games answer
// "method not found".
//
// The parts are Chats (chats, messages, files, limits), Updates (the queue, the poll that waits or the
// webhook), faults and Journal (calls, sent messages, the menu); methods.go, send.go, files.go, updates.go and
// webhook.go hold a function for each method of the API, http.go what is around them.
//
// Sources: core.telegram.org/bots/api, sections and methods by name, for what is documented; the words of
// errors are those that the service answers with.
//
// All methods of a Server may be called from several goroutines. Nothing is written to disk.
package botapitest
