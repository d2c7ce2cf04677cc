package node

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Commands that the apps and hosts of this protocol family know, by what they touch.
func canvas() []string {
	return []string{
		"canvas.present", "canvas.hide", "canvas.navigate", "canvas.eval", "canvas.snapshot", "canvas.a2ui.push", "canvas.a2ui.pushJSONL", "canvas.a2ui.reset",
	}
}

func senses() []string {
	return []string{"camera.list", "camera.snap", "camera.clip", "screen.record", "screen.snapshot", "location.get"}
}

func personal() []string {
	return []string{
		"device.info", "device.status", "contacts.search", "calendar.events", "reminders.list", "photos.latest", "motion.activity",
		"motion.pedometer", "notifications.list", "system.notify",
	}
}

func host() []string {
	return []string{
		"system.run", "system.run.prepare", "system.which", "system.notify", "system.execApprovals.get", "system.execApprovals.set",
		"browser.proxy", "browser.proxy.upload.v1", "fs.listDir", "terminal.upload", "mcp.tools.call.v1", "screen.snapshot",
	}
}

// usual are the commands that nodes of a platform may be asked for unless the owner says otherwise. A platform that is
// not known has those that look and run nothing.
func usual(platform, family string) []string {
	switch kindOf(platform, family) {
	case "ios", "watchos":
		return slices.Concat(canvas(), senses(), personal())
	case "android":
		return slices.Concat(canvas(), senses(), personal(), []string{
			"sms.send", "notifications.actions", "device.permissions", "device.health", "device.apps", "callLog.search",
		})
	case "macos":
		return slices.Concat(canvas(), senses(), personal(), host(), []string{"device.apps"})
	case "linux", "windows":
		return host()
	default:
		return []string{"camera.list", "location.get", "system.notify"}
	}
}

// kindOf reads a platform as clients write it: "iOS 18.1", "darwin", "win32"; or the family of the device.
func kindOf(platform, family string) string {
	p := strings.ToLower(strings.TrimSpace(platform))
	for _, e := range [][2]string{{"ios", "ios"}, {"ipados", "ios"}, {"watchos", "watchos"}, {"android", "android"}, {"mac", "macos"}, {"darwin", "macos"}, {"win", "windows"}, {"linux", "linux"}} {
		if strings.HasPrefix(p, e[0]) {
			return e[1]
		}
	}
	f := strings.ToLower(family)
	for _, e := range [][2]string{{"iphone", "ios"}, {"ipad", "ios"}, {"android", "android"}, {"mac", "macos"}, {"windows", "windows"}, {"linux", "linux"}} {
		if strings.Contains(f, e[0]) {
			return e[1]
		}
	}
	return ""
}

// allowed reports whether nodes of a platform may be asked for a command.
func (r Rules) allowed(command, platform, family string) bool {
	if slices.Contains(r.Deny, command) {
		return false
	}
	return slices.Contains(r.Allow, command) || slices.Contains(usual(platform, family), command)
}

// barrier is why a node cannot be asked for a command: reason is for programs, and hint says what to do.
type barrier struct{ reason, hint string }

// barrierOf checks a command against what the node declares and the owner has approved. The zero value is none.
func (r Rules) barrierOf(command string, p *peer, approved *Surface) barrier {
	client := p.caller.Client
	switch {
	case !slices.Contains(p.declared.Commands, command):
		return barrier{"command not declared by node", "`carapace nodes describe` lists what it offers"}
	case !r.allowed(command, client.Platform, client.DeviceFamily):
		return barrier{"command not allowlisted", "name it in gateway.nodes.allowCommands of the config file, and not in denyCommands"}
	case approved == nil || !slices.Contains(approved.Commands, command):
		return barrier{"command not approved", "`carapace nodes pending` shows the request, and `carapace nodes approve` grants it"}
	}
	area, _, _ := strings.Cut(command, ".")
	for _, name := range permissionsOf(command, area) {
		if granted, said := p.declared.Permissions[name]; said && !granted {
			return barrier{"permission missing: " + name, "grant it in the settings of the node's own system"}
		}
	}
	if slices.Contains([]string{"camera", "screen", "location", "sms"}, area) && !slices.Contains(p.declared.Caps, area) {
		return barrier{"capability missing: " + area, "turn it on in the node's app"}
	}
	return barrier{}
}

// permissionsOf are the names under which nodes say whether their system permits a command.
func permissionsOf(command, area string) []string {
	switch {
	case command == "system.run" || command == "system.run.prepare":
		return []string{"exec"}
	case command == "system.notify" || area == "notifications":
		return []string{"notification", "notifications"}
	case area == "screen":
		return []string{"screen", "screenRecording"}
	case area == "fs" || area == "terminal":
		return []string{"filesystem"}
	}
	return []string{area}
}

// invokeScope is what a caller needs to ask for a command: those that reach into the node's files, its browser or its own
// rules are for admins.
func invokeScope(command string) wire.Scope {
	switch command {
	case "browser.proxy", "browser.proxy.upload.v1", "fs.listDir", "terminal.upload", "system.execApprovals.get", "system.execApprovals.set":
		return wire.ScopeAdmin
	}
	return wire.ScopeWrite
}

// approveScopes are what an approver needs beside the right to pair: nobody hands out more than he may ask for himself,
// and programs are run at an admin's word only.
func approveScopes(s Surface) []wire.Scope {
	need := []wire.Scope{wire.ScopePairing}
	if len(s.Commands) == 0 {
		return need
	}
	runs := func(c string) bool {
		return invokeScope(c) == wire.ScopeAdmin || strings.HasPrefix(c, "system.run") || c == "system.which"
	}
	if slices.ContainsFunc(s.Commands, runs) {
		return append(need, wire.ScopeAdmin)
	}
	return append(need, wire.ScopeWrite)
}
