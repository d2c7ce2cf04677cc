// Package linetest is LINE's Messaging API for tests: with one Official Account, people who write to it, groups that it is in, and a
// webhook that is called with what they do. It behaves as the platform's reference says (names in comments are those of its
// sections): stateless tokens of the channel's id and secret, reply tokens that are good once and for a minute, pushes that are
// known by their retry key, and calls that are signed and made again until they are taken.
package linetest
