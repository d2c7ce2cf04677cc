// Package life is what becomes of a plugin: a pure function from what it is and what happened to what it
// is then and what has to be done.
//
// A State is all that is known of one plugin's versions; Next takes one Event and returns the new State with
// the Actions that lead there, in the order in which they have to be carried out. There is no lock, no
// clock and no I/O here: whoever carries out the actions reports what came of them as further events. An
// event that does not fit a state (a version that is gone, a plugin that is stopped for good) is ignored, so
// news may come late and in any order.
//
// What holds in every state: at most one version is current, and one is prepared to replace it. A candidate
// is tried at most once until its files change or the owner grants what it lacks. What runs is replaced by
// what is known to run only: verified and compiled. The version before is kept until the next
// replacement or a rollback uses it. Every version that was made is freed once, after it was drained and
// while nobody compiles it.
package life
