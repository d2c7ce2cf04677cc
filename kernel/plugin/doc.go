// Package plugin owns the plugins of a kernel: it finds them, checks them, grants what they may ask for,
// calls them, and replaces one version by the next while calls go on.
//
// A Registry reads packages (a folder with plugin.json and code) from its sources: the built-ins in the
// binary, the folder in the state directory, further folders. A later source replaces an earlier one's
// plugin of the same id, and gives it back when it is gone. What cannot be read, verified, compiled or is
// not granted is rejected with its reason, and what ran before goes on.
//
// States are installed (the manifest is good) → verified (the code has what the manifest says) → ready
// (it has been compiled) → draining → stopped, or failed with a reason; each change is an event. Load reads
// manifests only: nothing is verified before its first use, nothing compiled before Warm or a call. What
// follows from what is package life's; the keeper tells it what happened and carries out what it says, one
// thing after the other, on the goroutine of Run. Compilations and drains go on beside it.
//
// Services call plugins through handles: Channel, Provider, Tool, Hook. A handle may be kept for ever; each
// call goes to the version that is current when it begins and ends on that version, however often the
// plugin is replaced meanwhile. Finding it waits for nobody. A swap is one atomic pointer; the old version takes
// no new calls, finishes its own within a bound, and is closed. Calls run concurrently and in no particular
// order.
//
// Answers of plugins are foreign bytes: they are bounded and checked before a service sees them. Errors
// carry codes; a trap, a missing plugin or a stopped one is unavailable.
package plugin
