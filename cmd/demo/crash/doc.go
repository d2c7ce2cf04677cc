// Package crash kills a gateway again and again while people talk to it through Telegram, and counts what
// became of every message.
//
// The gateway is the real binary in a process of its own, with a fresh state directory; Telegram is the
// test server of the Telegram plugin, which now and then answers 429, cuts a connection, or delivers an
// update twice. Each message is a sum that no other message asks for, so the offline provider's answer
// says which message it belongs to and whether it is right.
//
// What has to hold: no message is lost, and none is answered twice, except in the send window: Telegram
// took a send, and the gateway was killed before it could write that down. Telegram has no way to tell a
// repeated send from a new one, so the gateway sends again rather than risk that nobody got an answer. For the same reason the
// beginning of an answer may stay beside the answer. A platform that tells of each message once, as signal-cli does, loses what it
// told shortly before a kill and while nobody listened: that is counted apart. Where a platform tells of messages in another order
// than that in which they were written, answers come in the order in which it told of them.
package crash
