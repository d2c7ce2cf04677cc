// Package ntfytest is an ntfy server for tests (docs.ntfy.sh; names of sections in comments are those of its pages "Publish" and
// "Subscribe via API"): messages are published as text, as JSON or with a file, and told over websockets, as a stream of JSON
// lines, and to who polls, with those of the cache since a time or a message.
//
// A test publishes as a person does in the app, taps buttons, and sees what a program has published. It can have requests fail, break
// connections, have a message come twice, and be a server of before sequence ids.
package ntfytest
