// Package kernel puts the gateway together: New wires the parts, Run starts them in a listed order and
// stops them in reverse. It is the one place where every part is known; the parts know each other only
// by the small interfaces that they declare, which ports.go fills.
//
// What is there is four things, opened in this order: the state (state.go), the platform that runs plugins
// (platform.go), the system services (listed in kernel.go, made in services.go), and the door for clients
// (door.go). A service is a value: its methods, events and routes, how it runs, what it checks and counts.
//
// One request, end to end. A client's frame arrives in gateway and is decoded by wire; auth has said
// at connect who the client is; rpc finds the method's row, checks the scope and the parameters, and
// calls the service that owns the row. For chat.send that is chat: it queues a run (run, session, store) and
// answers with its id. agent executes the run: history, hooks (hook), the provider's plugin turns
// the conversation into an HTTP request (plugin, runtime) that egress makes under the plugin's
// permission, and what comes back into deltas; a tool call goes to a tool's plugin; the
// answer, the end of the run and the message to be delivered are one transaction (store). delivery
// hands the message to the channel's plugin; deltas, finals and deliveries go up as events (event) and
// out to every entitled connection (gateway).
//
// A message from a chat platform is an event of an account, which one goroutine owns (channel); what its
// plugin makes of it is committed with the platform's cursor and the queued run in one transaction (inbox),
// and then goes the same way.
//
// Nothing here is global: two kernels live in one process without knowing of each other.
package kernel
