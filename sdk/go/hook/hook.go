// Package hook is for plugins that are asked at named moments. The manifest says which, with what
// priority and deadline, and whether the kernel goes on without an answer. What each hook may
// modify or cancel, HookName's methods say.
package hook
