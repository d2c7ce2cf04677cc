// Package run owns the durable queue of runs: each is one request for an answer in a session, taken from its
// queue to exactly one end, done, failed or aborted, whatever happens to the process meanwhile.
//
// A run is unique by its id, waits in its session's queue, is running from Start to Finish, and after that
// stays readable for a month so that the same id is never run twice. Sessions are served in parallel (eight
// at a time unless told otherwise), the runs of one session in the order of their arrival, at most one at a
// time; urgent ones do not wait. Who asks for much takes turns with everybody else: a place goes to the asker
// who holds the fewest, and then to who has waited longest. A run that nothing stands before and no file has to be got ready for
// begins in the transaction that queues it. A session is claimed while its runs are executed; a run whose claim is lost is left
// where it is. A session that waits for a place has neither claim nor goroutine.
//
// What a run does is its Executor's business; this package decides what an outcome means. A run whose end is
// recorded is over. One that the end of the process interrupts is left as it is and taken up by the next
// Run, after its last recorded step. One whose store failed rests and is tried again. One that was stopped is
// marked so before its context ends, so that a crash in between does not bring it back. A run survives 25
// interruptions and is given up at the next. One whose record is damaged fails, and the record is set aside.
// Nothing here knows models, tools or the protocol of clients.
//
// The functions that take a store.Tx are primitives: they do their part of somebody's transaction and
// announce nothing. The package refuses ids over 256 bytes, texts over 1 MiB and queues of more than 1,000
// runs. A Service is safe for concurrent use.
package run
