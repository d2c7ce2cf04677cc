// Package wizard leads clients through a first run, or through connecting a chat account, step by step: it asks as `carapace setup`
// does at a terminal, for the same fields, and what is answered is kept and tried by the same call.
//
// A wizard belongs to nobody in particular and is known by its id, which is not to be guessed. It lives in memory for half an hour
// after its last step; what a plugin was told by then stays, and the rest is forgotten, credentials too. Everything is safe for
// concurrent use.
package wizard
