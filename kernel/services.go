package kernel

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/registry/remote"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/approval"
	"github.com/carapace-gateway/carapace/kernel/service/approval/policy"
	"github.com/carapace-gateway/carapace/kernel/service/background"
	"github.com/carapace-gateway/carapace/kernel/service/catalog"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/directory"
	"github.com/carapace-gateway/carapace/kernel/service/heartbeat"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/inlet"
	"github.com/carapace-gateway/carapace/kernel/service/mcp"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/node"
	"github.com/carapace-gateway/carapace/kernel/service/openai"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/service/task"
	"github.com/carapace-gateway/carapace/kernel/service/toolbox"
	"github.com/carapace-gateway/carapace/kernel/service/tts"
	"github.com/carapace-gateway/carapace/kernel/service/usage"
	"github.com/carapace-gateway/carapace/kernel/service/webhook"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// maker makes a service from what the wiring holds so far. The value is asked for once all are made. An
// optional service can be left out: what others ask of it has a stand-in.
type maker struct {
	name     string
	optional bool
	make     func() (value func() service.Service)
}

// wiring holds what the services have for each other. A service takes from it what was made before it; what it
// asks of one that is made later goes through a view (ports.go), which looks when it is asked.
type wiring struct {
	*Kernel
	hooks     *hook.Hooks // nil asks nobody
	sessions  *session.Service
	speech    *tts.Service    // nil says nothing aloud
	queue     *delivery.Queue // nil where nothing is delivered
	outbox    message.Outbox  // that is the queue, or nowhere
	confirmer message.Confirmer
	asked     *question.Book
	movers    []func(store.Tx, message.Move) error // who acts when a conversation has another id
	models    *agent.Models
	approvals *approval.Service
	nodes     *node.Service // nil where the service is left out
	agents    *agent.Service
	watch     *agent.Watch // of answers while they are written
	runs      *run.Service
	letters   *inbox.Service
	channels  *channel.Service // nil while there are none
	contacts  *directory.Service
	packages  *catalog.Service // nil looks for nothing in registries
	overview  *system.Service
	proofs    *proof.Checker     // of webhooks
	beats     *heartbeat.Service // nil never wakes
	meter     *usage.Service     // nil counts nothing
	presence  *gateway.Presence
}

// newWiring holds what is there before any service: what plugins ask services for that are made later goes through it.
func newWiring(k *Kernel) *wiring {
	w := &wiring{
		Kernel: k, outbox: message.Nowhere{}, asked: question.NewBook(message.Nowhere{}, nil), presence: gateway.NewPresence(k.o.Version),
	}
	w.proofs = proof.New(k.state.db, func() string { return k.settings.Config().Gateway.PublicURL })
	if !slices.Contains(k.o.Without, "delivery") {
		w.queue = delivery.NewQueue()
		w.outbox, w.confirmer, w.movers = w.queue, w.queue, append(w.movers, w.queue.Moved)
		w.asked = question.NewBook(w.queue, w.queue.Shown)
	}
	return w
}

// openServices makes the services. Errors: CodeInvalid for one that cannot be left out.
func (k *Kernel) openServices(context.Context) error {
	w := k.wired
	list := w.services()
	for _, name := range k.o.Without {
		if !slices.ContainsFunc(list, func(m maker) bool { return m.name == name && m.optional }) {
			return wit.Errorf(wit.CodeInvalid, "service %s cannot be left out: %s can", name, strings.Join(optional(list), ", "))
		}
	}
	var values []func() service.Service
	for _, m := range list {
		if !slices.Contains(k.o.Without, m.name) {
			values = append(values, m.make())
		}
	}
	for _, value := range values {
		k.services = append(k.services, value())
	}
	k.hooks, k.door.health = w.hooks, w.overview
	return nil
}

// moved tells the inbox, which is made after delivery, of a conversation's new id.
func (w *wiring) moved(ctx context.Context, m message.Move) error { return w.letters.Moved(ctx, m) }

// answers refuses a session or an agent that a client names where there is no such agent.
func (w *wiring) answers(sessionKey, agent string) error {
	_, err := w.sessionSettings().Find(sessionKey, agent)
	return err
}

// resolve says whom a name means. The directory is made after those who ask it, or left out: then every name is an id.
func (w *wiring) resolve(ctx context.Context, a message.Account, name string) (wit.Conversation, bool, error) {
	if w.contacts == nil {
		return wit.Conversation{}, false, nil
	}
	return w.contacts.Conversation(ctx, a, name)
}

// person is resolve for who is on the other side of a name.
func (w *wiring) person(ctx context.Context, a message.Account, name string) (wit.Person, bool, error) {
	if w.contacts == nil {
		return wit.Person{}, false, nil
	}
	return w.contacts.Person(ctx, a, name)
}

// resolveID is resolve for who names an account and keeps an id. What is for an account that there is not (yet) stays as it is.
func (w *wiring) resolveID(ctx context.Context, channel, account, name string) (string, error) {
	a, err := deliveryAccounts{w.later}.Account(channel, account)
	if err != nil {
		return name, nil
	}
	c, known, err := w.resolve(ctx, a, name)
	if !known {
		return name, err
	}
	return c.ID, err
}

// later returns the channels, or nil where there are none (yet).
func (w *wiring) later() *channel.Service { return w.channels }

func optional(list []maker) []string {
	var names []string
	for _, m := range list {
		if m.optional {
			names = append(names, m.name)
		}
	}
	return names
}

func (w *wiring) hook() func() service.Service {
	w.hooks = hook.New(hookSource{w.platform.plugins}.find, w.log)
	return func() service.Service { return service.Service{Name: "hook", Run: w.hooks.Run} }
}

func (w *wiring) session() func() service.Service {
	w.sessions = session.New(session.Deps{
		Store: w.state.db, Bus: w.bus, Queue: run.SessionQueue{}, Settings: w.sessionSettings, Archive: w.archive(), Log: w.log,
		KeepBytes: w.share.history,
	})
	return func() service.Service {
		return w.sessions.Service(session.Ports{Runs: w.runs, Models: w.models, Ended: w.agents.SessionEnded})
	}
}

// archive is the folder of conversations that were put away, nil where all is kept in memory.
func (w *wiring) archive() session.Folder {
	if dir := w.o.dir("archives"); dir != "" {
		return session.Dir(dir)
	}
	return nil
}

func (w *wiring) tts() func() service.Service {
	w.speech = tts.New(tts.Deps{
		Speakers: speakers{w.platform.plugins, w.settings, w.state.vault, w.state.media}, Media: sounds{w.state.media}, Settings: w.settings, Log: w.log,
	})
	return w.speech.Service
}

func (w *wiring) delivery() func() service.Service {
	return delivery.New(delivery.Deps{
		Store: w.state.db, Bus: w.bus, Log: w.log, Queue: w.queue, Accounts: deliveryAccounts{w.later}, Senders: senders{w.platform.plugins},
		Hooks: outgoing{w.hooks}, Media: w.state.media, Voice: voice{w.speech, w.settings}, Answers: w.answers, Resolve: w.resolve, Moved: w.moved,
		Redact: w.state.vault.Redact, Hold: w.start.Delivery.AfterCrash == "hold",
	}).Service
}

func (w *wiring) usage() func() service.Service {
	w.meter = usage.New(usage.Deps{Store: w.state.db, Settings: w.usageSettings, Session: w.sessionKey, Zone: w.zone})
	return w.meter.Service
}

// approval asks the owner, whose chats the inbox knows, which is made later, and clients.
func (w *wiring) approval() func() service.Service {
	w.approvals = approval.New(approval.Deps{
		Store: w.state.db, Bus: w.bus, Questions: w.asked, Log: w.log, Approvers: w.approvers, Answers: w.answers, Redact: w.state.vault.Redact,
		Owner:    func(tx store.Tx) (message.Account, wit.Conversation, bool, error) { return w.letters.OwnerChat(tx) },
		Settings: func() policy.Settings { return policy.Settings{Approve: w.settings.Config().Agent.Approve} },
		Agent:    config.DefaultAgent, Home: home(), Path: w.o.dir(databaseFile), Nodes: w.nodePolicies(),
	})
	return w.approvals.Service
}

func (w *wiring) agent() func() service.Service {
	w.watch = agent.NewWatch(chat.NewWriter(w.bus, watchers{&w.door}))
	w.models = agent.NewModels(providers{w.platform.plugins, w.settings, w.state.vault}, w.agentSettings, w.log)
	config.ChangedKind.Subscribe(w.bus, func(c config.Changed) { w.models.Forget(c.Plugin) })
	plugin.ChangedKind.Subscribe(w.bus, func(c plugin.Changed) {
		if c.State == plugin.StateReady {
			w.models.Forget(c.ID)
		}
	})
	w.agents = agent.New(agent.Deps{
		Store: w.state.db, Sessions: w.sessions, Models: w.models, Tools: tools{w.platform.plugins}, Hooks: w.hooks, Outbox: w.outbox,
		Observer: w.watch, Typing: typing{w.platform.plugins, deliveryAccounts{w.later}},
		Files: files{w.platform.plugins, w.state.media}, Transcribers: w.transcribers(), Approver: approver{w.approvals},
		Meter: w.metered(), Settings: w.agentSettings, Log: w.log,
	})
	return w.agents.Service
}

func (w *wiring) run() func() service.Service {
	w.runs = run.New(run.Deps{
		Store: w.state.db, Sessions: w.sessions, Executor: w.agents, Claims: w.state.claims, Accounts: deliveryAccounts{w.later}, Log: w.log,
		Parallel: w.start.Agent.MaxConcurrent,
	})
	return w.runs.Service
}

func (w *wiring) chat() func() service.Service {
	return chat.New(chat.Deps{
		Store: w.state.db, Bus: w.bus, Sessions: w.sessions, Runs: w.runs, Models: w.models, Media: w.state.media, Compactor: w.agents,
		Settings: w.agentSettings,
	}).Service
}

func (w *wiring) openai() func() service.Service {
	return openai.New(openai.Deps{
		Admit: w.admit, Sessions: w.sessions, Runs: w.runs, Watch: w.watch, Models: w.models, Media: w.state.media, Log: w.log,
	}).Service
}

func (w *wiring) toolbox() func() service.Service {
	return toolbox.New(toolbox.Deps{Admit: w.admit, Tools: toolCaller{w}, Log: w.log}).Service
}

func (w *wiring) mcp() func() service.Service {
	return mcp.New(mcp.Deps{Admit: w.admit, Tools: toolCaller{w}, Version: w.o.Version, Log: w.log}).Service
}

func (w *wiring) inlet() func() service.Service {
	return inlet.New(inlet.Deps{
		Path: w.start.Hooks.Path, Settings: func() config.Hooks { return w.settings.Config().Hooks }, Runs: w.runs, Transform: w.transform,
		Answers: w.answers, Model: w.models.Check, Log: w.log,
	}).Service
}

// transform calls a tool for a hook, past the same hooks as a model's call. What the tool writes is the text of its result.
func (w *wiring) transform(ctx context.Context, tool string, call wit.JSON) (string, error) {
	settings := w.sessionSettings()
	out, err := w.agents.Invoke(ctx, wit.HookContext{Agent: settings.DefaultAgent, Session: string(settings.Main(""))}, tool, call)
	if err != nil {
		return "", err
	}
	text := session.Message{Parts: out.Content}.Text()
	if out.Failed {
		return "", wit.Errorf(wit.CodeUnavailable, "the tool %s failed: %.200s", tool, text)
	}
	return text, nil
}

// admit says who makes a request of a service's route; the gateway is made after them.
func (w *wiring) admit(r *http.Request) (*rpc.Caller, error) { return w.door.gateway.Admit(r) }

func (w *wiring) inbox() func() service.Service {
	w.letters = inbox.New(inbox.Deps{
		Store: w.state.db, Log: w.log, Acceptor: agent.NewIntake(w.sessions, w.runs, w.outbox), Outbox: w.outbox, Confirmer: w.confirmer,
		Accounts: inboxAccounts{w.later}, Moved: append(w.movers, session.Moved), Owners: ownerSettings{w.settings}, Questions: w.asked, Person: w.person, Redact: w.state.vault.Redact,
	})
	return w.letters.Service
}

func (w *wiring) webhook() func() service.Service {
	made := webhook.New(webhook.Deps{Plugins: webhookPlugins{w.platform.plugins}, Credentials: w.state.vault, Proofs: w.proofs, Log: w.log})
	return func() service.Service { return made }
}

func (w *wiring) channel() func() service.Service {
	w.channels = channel.New(channel.Deps{
		Bus: w.bus, Log: w.log, Plugins: channelPlugins{w.platform.plugins}, Settings: accounts{w.settings}, Credentials: w.state.vault, Proofs: w.proofs,
		Inbox: w.letters, DeadLetters: w.letters.DeadLetters(), Dialer: dialer{w.platform.plugins}, Claims: w.state.claims, Redact: w.state.vault.Redact,
	})
	return w.channels.Service
}

func (w *wiring) directory() func() service.Service {
	w.contacts = directory.New(directory.Deps{
		Accounts: deliveryAccounts{w.later}, Finder: finder{w.platform.plugins}, Known: []directory.Known{w.sessions.Spoken, w.letters.Approved}, Log: w.log,
	})
	return w.contacts.Service
}

func (w *wiring) node() func() service.Service {
	silent := w.start.Gateway.SilentPairing
	w.nodes = node.New(node.Deps{
		Store: w.state.db, Bus: w.bus, Devices: nodeDevices{&w.door}, Agent: nodeAgent{w}, AskAlways: silent != nil && !*silent, Log: w.log,
		Rules: func() node.Rules {
			n := w.settings.Config().Gateway.Nodes
			return node.Rules{Allow: n.AllowCommands, Deny: n.DenyCommands}
		},
	})
	return w.nodes.Service
}

func (w *wiring) cron() func() service.Service {
	turns := jobs{w.runs, w.state.db, w.outbox}
	return cron.New(cron.Deps{
		Scheduler: w.platform.scheduler, Bus: w.bus, Events: turns, Turns: turns, Alarms: turns, Agent: w.sessionSettings().Agent,
		Answers: w.answers, Resolve: w.resolveID, StorePath: w.o.dir(databaseFile),
	}).Service
}

func (w *wiring) heartbeat() func() service.Service {
	w.beats = heartbeat.New(heartbeat.Deps{
		Store: w.state.db, Bus: w.bus, Scheduler: w.platform.scheduler, Runs: beats{w.runs, w.sessionSettings}, Presence: w.presence,
		Settings: heartbeatSettings{w.settings, w.zone}.read, Log: w.log,
	})
	config.ChangedKind.Subscribe(w.bus, func(c config.Changed) {
		if c.Plugin == "" {
			w.beats.Changed()
		}
	})
	return w.beats.Service
}

func (w *wiring) task() func() service.Service {
	return task.New(task.Deps{Runs: tasks{w.runs}, Session: w.sessionKey}).Service
}

func (w *wiring) background() func() service.Service {
	return background.New(background.Deps{Bus: w.bus, Plugins: backgroundPlugins{w.platform.plugins}, Redact: w.state.vault.Redact, Log: w.log}).Service
}

func (w *wiring) catalog() func() service.Service {
	w.packages = catalog.New(catalog.Deps{
		Store: w.state.db, Bus: w.bus, Log: w.log, Ledger: w.platform.ledger, Fetcher: remote.New(w.platform.network), Sources: registrySettings{w.settings}.sources,
		Gateway: registry.Gateway{Version: w.o.Version, ABI: wit.ABI}, Logins: catalog.Logins{Vault: w.state.vault}, Installed: installedPlugins{w.platform.plugins, w.platform.depot}.list, Barred: w.platform.plugins.BarredChanged,
	})
	config.ChangedKind.Subscribe(w.bus, func(c config.Changed) {
		if c.Plugin == "" {
			w.packages.Reconfigured()
		}
	})
	return w.packages.Service
}

func (w *wiring) system() func() service.Service {
	w.overview = system.New(system.Deps{
		Version: w.o.Version, URL: w.URL, StateDir: w.o.StateDir, Agent: config.DefaultAgent,
		Settings: w.settings, Heartbeat: w.wakes, Log: w.o.Log, Sessions: w.sessions, Models: w.models, Vault: credentials{w.state.vault},
		Providers: w.models, Transcribers: w.transcribers(), Speakers: w.speakers(), Plugins: systemPlugins{w.platform.plugins, w.settings}, Accounts: systemAccounts{w.later}, CheckStore: w.state.check, Memory: pluginMemory{w.platform.code}.figures,
		Services: func() []service.Service { return w.Kernel.services },
	})
	return w.overview.Service
}

func (w *wiring) agentSettings() agent.Settings {
	a := w.settings.Config().Agent
	return agent.Settings{
		Agents: []agent.Agent{{ID: config.DefaultAgent, Name: a.Name}}, Model: a.Model, Transcriber: a.Transcriber, System: a.SystemPrompt, Zone: w.zone,
	}
}
