// Package runtime runs plugins: it meters, compiles, caches and instantiates WebAssembly modules
// and calls their exports. It is the only package that knows the WASM engine (wazero).
//
// It owns machine code, linear memories and everything that a guest can reach without asking a
// service: Extism's host functions, a clock, random numbers and a log. It knows no permission, no
// manifest and no network: what a plugin may do beyond computing is the set of functions that its
// Spec hands in.
//
// A Module is loaded when a plugin is listed, which costs nothing, and compiled on first use or
// when asked. A Pool calls one plugin's exports on instances of a module; several plugins may share
// one module. An instance serves one call at a time, so what a call sees is never mixed with
// another's, and calls of one pool run in parallel up to its limit, in no particular order; the
// rest wait in the order in which they came, until their context ends.
//
// A guest that runs too long, asks for too much memory, recurses without end, traps or exits costs
// its own call and its own instance, never the plugin, never the process: guests are metered (see
// package meter), their memories live outside Go's heap under a cap, and every length that they
// pass is checked before anything is allocated. Errors carry codes: timeout past the deadline,
// unavailable for a trap, too_large for an answer over its bound, not_found for a missing export,
// invalid for a module that cannot be accepted, and whatever code the guest itself gave.
//
// All exported methods are safe for concurrent use.
package runtime
