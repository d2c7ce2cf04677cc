// Package agent answers: it makes of a run a reply, out of the history, the hooks, a provider's stream and the
// tools.
//
// A run is durable at every step. Its start and the user's message are one transaction; each request of
// the model for tools, and each tool's result, is recorded when it is there; the reply, the end of the
// run and what is to be delivered are one transaction again, and only then announced. A run that an earlier
// process left goes on after its last recorded step. A tool call that was begun and not recorded is made
// again if the tool only reads; otherwise the model is told that its outcome is unknown.
//
// What comes with a question is fetched, and recordings are transcribed by a plugin, before the run begins: their words are recorded
// with the message. Pictures and texts of people are shown to the model, the newest within bounds; all else is named. What a model
// makes beside words is kept while it comes, is a part of the answer, and is shown with what the user says next.
//
// Text commands are answered without the model. A failure of the store leaves a run where it is; a failure of
// the provider is retried while nothing of the answer was shown, then it ends the run, visibly. What happens is
// told to an Observer, in order, and not again after a restart.
//
// What a provider or tool sends is bounded: 4 MiB an event, 8 MiB a body that is none, without its files, which have 16 MiB each; 64 KiB a
// tool's result; 25 rounds of tools a run.
//
// Service executes runs, Intake queues what channels accept, Models knows what can answer. All three are safe
// for concurrent use; what belongs to one run belongs to the goroutine that executes it.
package agent
