// Package runtime runs plugins: it meters, compiles, caches and instantiates WebAssembly modules and calls their
// exports. It and the packages below it are the only ones that know the WASM engine (wazero).
//
// It owns machine code, linear memories and everything that a guest can reach without asking a service: Extism's
// host functions, a clock, random numbers and a log. It knows no permission, no manifest and no network: what a
// plugin may do beyond computing is the set of functions that its Spec hands in.
//
// It is a stack. Each layer knows those below it, never those above, and what it needs from above it is given
// when it is made:
//
//	Engine     makes and closes all of it        registry (what is in use), jobs (compilations), budget (memory)
//	Module     one file of code                  code (comes and goes), compiler, imports; packages cache and meter
//	Pool       one plugin's instances            counters
//	instance   a guest and its memories          linker; packages memory and exchange; env, http, user, bulk, wasi
//	call       what an instance is doing         console; plugin (what all calls of a pool share), clock
//
// The life of one call:
//
//  1. Pool.Call takes an idle instance, or the right to make one, or waits its turn.
//  2. To make one, code.acquire finds the machine code; the first who asks starts the compiler, which looks in
//     the cache, then in the seed, and then checks the imports, meters and compiles.
//  3. The budget grants room for the instance, once idle ones of others have made way; linker.instance links guest,
//     exchange module and host functions. What an instance takes later is asked for there too.
//  4. instance.serve begins a call, resets the exchange memory and puts the input there.
//  5. The guest runs. Every 65,536 steps it calls tick, which looks every 50 µs and stops it when its deadline, its
//     caller or its pool has ended: call.stop panics, and wazero unwinds the guest. A script is interrupted before that,
//     so that it can be said where it was.
//  6. It calls host functions; those that leave the process run in call.host, with a context that ends with the
//     call, outside of the time that the guest is charged for.
//  7. instance.serve copies the output, or makes an error with a code of what the guest reported or died of.
//  8. The pool counts what the call cost, and parks the instance, hands it to the one who waits longest, or
//     discards it.
//
// A Module is loaded when a plugin is listed, which costs nothing, and compiled on first use or when asked.
// Several plugins may share one. An instance serves one call at a time, so what a call sees is never mixed with
// another's, and calls of one pool run in parallel up to its limit, in no particular order; the rest wait in the
// order in which they came, until their context ends.
//
// A guest that runs too long, asks for too much memory, recurses without end, traps or exits costs its own call
// and its own instance, never the plugin, never the process: guests are metered, their memories live outside Go's
// heap under a cap, and every length that they pass is checked before anything is allocated. Errors carry codes:
// timeout past the deadline, unavailable for a trap, too_large for an answer over its bound, not_found for a
// missing export, conflict for a plugin that waits for itself, invalid for a module that cannot be accepted, and
// whatever code the guest itself gave.
//
// All exported methods are safe for concurrent use.
package runtime
