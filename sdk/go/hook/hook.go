// Package hook is for plugins that are asked at named moments. The manifest says which, with what
// priority and deadline, and whether the kernel goes on without an answer. Which hooks may modify or
// cancel is the kernel's table.
package hook
