// Package googlechattest is a server of the Google Chat API for tests: it behaves towards an app as Google documents, and towards a
// test it is the people in its spaces.
//
// An app gets a token at /token by an assertion that its service account's key signs, and talks HTTP to /v1. What people do is posted to the
// app's endpoint as events, each with a token that is signed by a key of /keys, in the order in which it happened, and again with a
// growing pause until a 2xx answers it. A request id that was used before answers with the message that it made.
//
// A test drives it by Go methods: Say, Do and Choose have people do things, Sent says what the app did, Fail makes coming calls fail, be cut
// off before or after they took effect, or be late; Repeat has events come twice. Nothing is written to disk, and all methods of a Server
// may be called from several goroutines.
//
// Sources: developers.google.com/workspace/chat, pages and resources by name in comments.
package googlechattest
