// Package nextcloudtest is a Nextcloud with its app Talk for tests, as nextcloud-talk.readthedocs.io documents it (names in comments are
// titles of its chapters): conversations, messages with their long polls, replies, edits, deletions, reactions, read markers, and files
// over WebDAV that are shared with conversations. It is driven by Go methods and notes what clients did; faults can be put in the way
// of its calls.
package nextcloudtest
