// Package chattest is an assistant without a gateway, for tests: sessions, runs, the agent and its face on a store
// in memory, with a model, tools and hooks that do what the test says. It is made for synctest bubbles.
package chattest
