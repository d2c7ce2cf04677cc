// Package chat is what clients see of conversations: the methods that ask for answers, stop them and read
// histories, and the events chat and agent that show an answer while it is made.
//
// It decides what clients see and nothing else: run queues and stops, agent answers. Parameters are the union
// of protocols 3 and 4; what this gateway does not do is taken without effect.
//
// Events of one run come in order: lifecycle start, deltas and tools, lifecycle end, the chat's final. Those of
// the agent stream are numbered from 1. At most one delta of the chat is published in 150 ms. Events are not
// repeated after a restart; clients read the history then.
//
// A page of history has at most 1,000 messages and about 6 MiB; a client may attach 16 pictures of 6 MiB. A
// Service and a Writer are safe for concurrent use.
package chat
