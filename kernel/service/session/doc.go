// Package session owns conversations: their keys, their entries, their history, and where their answers go.
//
// A session has a key (who talks with which agent, where) and a session id (one history). A reset gives
// the key a new id; the old history stays readable under the old one. History is a space of messages
// ordered by number and is always read in bounded pages, newest first or from a cursor.
//
// What answers in a session are runs, which package run owns. An entry remembers how the last one went, through
// RunStarted and RunEnded, and so is what refuses a second running one with CodeConflict; what waits is asked
// of a Queue.
//
// The functions that take a store.Tx are primitives: they do their part of somebody's transaction and
// announce nothing. Whoever commits calls Changed afterwards, except that of a run only the begin and the end are
// announced: not that a channel has queued it, and not its steps. Everything is safe for concurrent use.
//
// The package refuses keys over 256 bytes or with control characters, messages over 4 MiB, a reset or deletion
// while a run is running, and the deletion of a main session.
package session
