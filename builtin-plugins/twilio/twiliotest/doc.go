// Package twiliotest is Twilio's API for tests, as much of it as SMS and MMS need (www.twilio.com/docs/messaging; names of pages in
// comments are those): messages are created and listed, people's messages and what becomes of the account's are told by signed
// calls, once, as Twilio does, and files are kept.
//
// It can have requests fail, lose a call of the webhook, make it twice, and let a message not be delivered.
package twiliotest
