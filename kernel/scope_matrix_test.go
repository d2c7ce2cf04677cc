package kernel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// methodsOf are all methods, by what protocol 3 asks of who calls them. It repeats the method table on purpose: a method that
// is new, or asks for another scope, is a line here that somebody has to look at.
var methodsOf = map[wire.Scope]string{
	wire.ScopeRead: `agent.identity.get agents.files.get agents.files.list agents.list audit.list channels.directory channels.poison.list
		channels.resolve channels.status chat.history chat.message.get chat.metadata chat.startup commands.list cron.get cron.list cron.runs
		cron.status delivery.list diagnostics.lanes environments.list health hooks.status last-heartbeat logs.tail mcp.status
		media.info media.list models.authStatus models.list node.describe node.list plugins.info plugins.inspect plugins.list plugins.search
		plugins.status plugins.trace registries.list sessions.branches.list sessions.describe sessions.export sessions.list
		sessions.load sessions.messages.subscribe sessions.messages.unsubscribe sessions.preview sessions.search
		sessions.subscribe sessions.usage sessions.usage.logs sessions.usage.timeseries skills.status status system-presence
		system.info talk.catalog talk.config talk.status tasks.get tasks.list tools.catalog tools.effective tts.providers tts.status tts.voices usage.cost
		usage.monthly usage.status voicewake.get`,
	wire.ScopeWrite: `agent agent.wait chat.abort chat.send media.upload message.action node.invoke send sessions.abort sessions.send sessions.steer
		talk.mode talk.speak tasks.cancel tts.convert tts.disable tts.enable tts.setProvider tts.setVoice tts.speak
		voicewake.set wake`,
	wire.ScopeApprovals: `approval.get approval.history approval.resolve exec.approval.get exec.approval.grants.list exec.approval.grants.revoke exec.approval.list exec.approval.request
		exec.approval.resolve exec.approval.waitDecision openclaw.approval.list plugin.approval.list plugin.approval.request plugin.approval.resolve
		plugin.approval.waitDecision`,
	wire.ScopePairing: `channels.pairing.allow channels.pairing.approve channels.pairing.approved channels.pairing.dismiss
		channels.pairing.list channels.pairing.revoke device.pair.approve device.pair.list device.pair.reject
		device.pair.remove device.pair.rename device.token.revoke device.token.rotate node.pair.approve node.pair.list node.pair.reject
		node.pair.remove node.pair.request node.pair.verify node.rename`,
	wire.ScopeAdmin: `agents.create agents.delete agents.files.set agents.update backup.create channels.login channels.logout channels.poison.drop
		channels.poison.replay channels.start channels.stop chat.inject config.apply config.get config.patch config.reload
		config.schema config.schema.lookup config.set config.validate device.pair.setupCode device.pair.setupStatus credentials.key credentials.list credentials.revoke
		credentials.set credentials.status cron.add cron.remove cron.run cron.update delivery.drop delivery.release doctor
		encryption.set encryption.status exec.approvals.get exec.approvals.node.get exec.approvals.node.set exec.approvals.set
		mcp.login mcp.test media.delete media.fetch models.authLogout models.authSetApiKey models.probe models.pull models.test plugins.call plugins.configure plugins.credentials plugins.grant
		plugins.insist plugins.install plugins.preview plugins.revoke plugins.revokeGrant plugins.rollback plugins.setEnabled plugins.uninstall
		plugins.update poll registries.login registries.refresh sessions.archive sessions.archive.delete sessions.archives sessions.branches.switch
		sessions.compact sessions.create sessions.delete sessions.export_user sessions.fork sessions.import sessions.patch sessions.patchMany
		sessions.purge_user sessions.rename sessions.reset sessions.resolve sessions.restore sessions.rewind sessions.switch set-heartbeats
		system-event wizard.cancel wizard.next wizard.start wizard.status`,
	wire.ScopeNode: `node.event node.invoke.result`,
}

// otherIn4 are the methods of which protocol 4 asks something else.
var otherIn4 = map[string]wire.Scope{
	"config.get": wire.ScopeRead, "config.schema": wire.ScopeRead, "config.schema.lookup": wire.ScopeRead, "sessions.resolve": wire.ScopeRead, "health": wire.ScopeNone,
	"poll": wire.ScopeWrite, "talk.mode": wire.ScopeTalk, "talk.speak": wire.ScopeTalk, "sessions.create": wire.ScopeWrite, "sessions.fork": wire.ScopeWrite, "sessions.patch": wire.ScopeWrite, "sessions.patchMany": wire.ScopeWrite,
}

// reach are the scopes that somebody with a scope may use: admin all of an operator's, write also read, the others themselves.
var reach = map[wire.Scope][]wire.Scope{
	"":                  {},
	wire.ScopeRead:      {wire.ScopeRead},
	wire.ScopeWrite:     {wire.ScopeRead, wire.ScopeWrite},
	wire.ScopeApprovals: {wire.ScopeApprovals},
	wire.ScopePairing:   {wire.ScopePairing},
	wire.ScopeAdmin:     {wire.ScopeRead, wire.ScopeWrite, wire.ScopeApprovals, wire.ScopePairing, wire.ScopeTalk, wire.ScopeAdmin},
	wire.ScopeNode:      {wire.ScopeNode},
}

// TestScopeMatrix calls every method, in both protocols, with each scope and as a node: who may gets as far as the parameters,
// which are wrong, and who may not is refused before.
func TestScopeMatrix(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	want := map[string]wire.Scope{}
	for scope, names := range methodsOf {
		for _, name := range strings.Fields(names) {
			want[name] = scope
		}
	}
	for name := range k.Document().Methods {
		if _, known := want[name]; !known && name != "connect" {
			t.Errorf("%s stands in no scope of this test", name)
		}
	}
	for _, protocol := range []int{3, 4} {
		for granted, reaches := range reach {
			t.Run(fmt.Sprintf("protocol %d/%s", protocol, granted), func(t *testing.T) {
				calls, c := 0, (*client.Client)(nil)
				for name, scope := range want {
					if other, ok := otherIn4[name]; ok && protocol == 4 {
						scope = other
					}
					if calls%40 == 0 { // each may ask for so much at a time
						c = scoped(t, k, protocol, granted)
					}
					calls++
					may := scope == wire.ScopeNone || slices.Contains(reaches, scope)
					// It is a list, and so fits no method.
					err := c.Call(t.Context(), name, []int{1}, nil)
					if got := wit.CodeOf(err); may && got != wit.CodeInvalid || !may && got != wit.CodeForbidden {
						t.Errorf("%s, which needs %s: %v", name, scope, err)
					}
				}
			})
		}
	}
}

// scoped is a connection with one scope, or none, or that of a node.
func scoped(t *testing.T, k *kerneltest.Kernel, protocol int, granted wire.Scope) *client.Client {
	t.Helper()
	o := client.Options{Token: kerneltest.Token, MinProtocol: protocol, MaxProtocol: protocol, Scopes: []wire.Scope{granted}}
	switch granted {
	case wire.ScopeNode:
		return joinNode(t, k, client.Options{MinProtocol: protocol, MaxProtocol: protocol}).Client
	case "":
		o.Scopes = []wire.Scope{wire.ScopeTalkSecrets}
	}
	c, err := k.TryDial(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
