// Package whatsapptest is a server of WhatsApp's Cloud API for tests: it behaves towards a business number's program as
// Meta documents, and towards a test it is the people who write to the number.
//
// A program talks HTTP to it, with a bearer token: GET /v/{number}, POST /v/{number}/messages, /media and
// /conversational_automation, GET /v/{media} and the address that this tells, which holds for five minutes. Errors are those of the page "Error codes". What people write,
// and what becomes of what was sent to them, is posted to the number's webhook, signed, in the order in which it
// happened, what has gathered in one call, and again with a growing pause until a 2xx answers it.
//
// Who has not written for 24 hours gets nothing but templates: the message is taken, and its status is failed with 131047.
// Somebody who was never heard of has no WhatsApp: failed with 131026.
//
// A test drives it by Go methods: Say and Write have people write, Sent and Calls say what the program did, Fail makes
// coming calls fail, be cut off before or after they took effect, or be late; Repeat has calls of the webhook come
// twice. Nothing is written to disk, and all methods of a Server may be called from several goroutines.
//
// Sources: developers.facebook.com/documentation/business-messaging/whatsapp, pages by name in comments.
package whatsapptest
