// Package zuliptest is a Zulip server for tests, as zulip.com/api documents it (names in comments are titles of its pages):
// event queues, messages in channels and direct ones, edits, deletions, moves, reactions, typing, files, the list of emoji, and
// the limits of a server. It is driven by Go methods and notes what clients did; faults can be put in the way of its calls.
//
// It checks what it is sent as strictly as the real one: logins, ids, narrows, types, names of emoji. The real client library
// of the vendor works with it (.ci/zulip).
package zuliptest
