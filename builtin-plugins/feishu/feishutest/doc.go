// Package feishutest is the Open Platform of Feishu for tests: with one app that is a bot, with people who write to it, groups that it
// is in, and an address that is called with what they do. It behaves as the platform's documentation says (names in
// comments are those of pages there): tokens of the app's id and secret, messages that are known by their uuid, cards that can
// be changed, and calls that are encrypted, signed, and made again until they are taken.
package feishutest
