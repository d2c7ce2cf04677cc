// Package session owns conversations: their keys, their entries, their history, and the durable queue
// of runs that answer what is said in them.
//
// A session has a key (who talks with which agent, where) and a session id (one history). A reset gives
// the key a new id; the old history stays readable under the old one. History is a space of messages
// ordered by number and is always read in bounded pages, newest first or from a cursor.
//
// A run is one request for an answer. It is unique by its id, waits in its session's queue, is running
// from Start to Finish, and after that stays readable for a month so that the same id is never run
// twice. At most one run of a session is running; Start refuses a second one with CodeConflict.
//
// The functions that take a store.Tx are primitives: they do their part of somebody's transaction and
// announce nothing. Whoever commits calls Changed afterwards. Everything is safe for concurrent use.
//
// The package refuses keys over 256 bytes or with control characters, messages over 4 MiB, queues of
// more than 1,000 runs, a reset or deletion while a run is running, and the deletion of a main session.
package session
