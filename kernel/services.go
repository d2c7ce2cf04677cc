package kernel

import (
	"context"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/registry/remote"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/agent/cooldown"
	"github.com/carapace-gateway/carapace/kernel/service/approval"
	"github.com/carapace-gateway/carapace/kernel/service/approval/policy"
	"github.com/carapace-gateway/carapace/kernel/service/audit"
	"github.com/carapace-gateway/carapace/kernel/service/background"
	"github.com/carapace-gateway/carapace/kernel/service/catalog"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/directory"
	"github.com/carapace-gateway/carapace/kernel/service/draft"
	"github.com/carapace-gateway/carapace/kernel/service/heartbeat"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/media"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/node"
	"github.com/carapace-gateway/carapace/kernel/service/offer"
	"github.com/carapace-gateway/carapace/kernel/service/person"
	"github.com/carapace-gateway/carapace/kernel/service/pull"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/service/roster"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/archive"
	"github.com/carapace-gateway/carapace/kernel/service/session/search"
	"github.com/carapace-gateway/carapace/kernel/service/session/transfer"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/service/talk"
	"github.com/carapace-gateway/carapace/kernel/service/task"
	"github.com/carapace-gateway/carapace/kernel/service/toolserver"
	"github.com/carapace-gateway/carapace/kernel/service/tts"
	"github.com/carapace-gateway/carapace/kernel/service/usage"
	"github.com/carapace-gateway/carapace/kernel/service/visitor"
	"github.com/carapace-gateway/carapace/kernel/service/voicewake"
	"github.com/carapace-gateway/carapace/kernel/service/webhook"
	"github.com/carapace-gateway/carapace/kernel/service/wizard"
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
	ledger     *audit.Service // nil keeps no calls
	hooks      *hook.Hooks    // nil asks nobody
	sessions   *session.Service
	shelf      *archive.Service // nil keeps nothing
	links      *media.Links
	web        *media.Service  // nil fetches nothing from the web
	speech     *tts.Service    // nil says nothing aloud
	queue      *delivery.Queue // nil where nothing is delivered
	outbox     message.Outbox  // that is the queue, or nowhere
	confirmer  message.Confirmer
	asked      *question.Book
	movers     []func(store.Tx, message.Move) error // who acts when a conversation has another id
	servers    *toolserver.Service                  // nil where only plugins have tools
	models     *agent.Models
	approvals  *approval.Service
	nodes      *node.Service // nil where the service is left out
	agents     *agent.Service
	drafts     *draft.Drafts // nil shows no answer before it is whole
	watch      *agent.Watch  // of answers while they are written
	runs       *run.Service
	letters    *inbox.Service
	channels   *channel.Service // nil while there are none
	contacts   *directory.Service
	packages   *catalog.Service // nil looks for nothing in registries
	overview   *system.Service
	proofs     *proof.Checker     // of webhooks
	beats      *heartbeat.Service // nil never wakes
	roster     *roster.Service    // nil changes no agents
	meter      *usage.Service     // nil counts nothing
	presence   *gateway.Presence
	persons    *person.Service   // nil answers for nobody
	deliveries *delivery.Service // nil where nothing is delivered
	visits     *visitor.Visits
	board      *task.Board
	pulls      *pull.Service // nil has no models fetched
}

// newWiring holds what is there before any service: what plugins ask services for that are made later goes through it.
func newWiring(k *Kernel) *wiring {
	w := &wiring{
		Kernel: k, outbox: message.Nowhere{}, asked: question.NewBook(message.Nowhere{}, nil), presence: gateway.NewPresence(k.o.Version),
	}
	w.visits = visitor.NewVisits(k.state.db, k.log)
	w.board = task.NewBoard(nil)
	if !slices.Contains(k.o.Without, "task") {
		w.board = task.NewBoard(k.bus)
	}
	w.links = media.NewLinks(k.state.vault.Key("media links"))
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

// meantAgent is the agent that a client means by a session, an agent, or neither, and refuses as answers does.
func (w *wiring) meantAgent(sessionKey, agent string) (string, error) {
	key, err := w.sessionSettings().Find(sessionKey, agent)
	return key.Agent(), err
}

// agentOf is the agent of a session as clients write it, the default one where that is none.
func (w *wiring) agentOf(session string) string {
	key, err := w.sessionSettings().Find(session, "")
	if err != nil {
		return w.defaultAgent()
	}
	return key.Agent()
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
		Store: w.state.db, Bus: w.bus, Queue: run.SessionQueue{}, Settings: w.sessionSettings, Log: w.log,
		KeepBytes: w.share.history,
	})
	return func() service.Service {
		return w.sessions.Service(session.Ports{Runs: w.runs, Models: w.models, Ended: w.agents.SessionEnded})
	}
}

func (w *wiring) archive() func() service.Service {
	d := archive.Deps{Store: w.state.db, Sessions: w.sessions, Log: w.log}
	if dir := w.o.dir("archives"); dir != "" {
		folder := &sealedArchive{Folder: archive.Dir(dir), dir: dir, key: w.state.vault.Key(archiveKey), form: w.state.form}
		w.state.form.files = append(w.state.form.files, folder.convert)
		d.Folder = folder
	}
	w.shelf = archive.New(d)
	return func() service.Service {
		return w.shelf.Service(archive.Ports{Runs: w.runs, Ended: w.agents.SessionEnded})
	}
}

func (w *wiring) search() func() service.Service {
	return search.New(search.Deps{Store: w.state.db, Bus: w.bus, Sessions: w.sessions, Log: w.log}).Service
}

func (w *wiring) transfer() func() service.Service {
	return transfer.New(transfer.Deps{Store: w.state.db, Sessions: w.sessions}).Service
}

func (w *wiring) media() func() service.Service {
	w.web = media.New(media.Deps{
		Store: w.state.media, Network: w.platform.network, Admit: w.admitScope, Links: w.links, Log: w.log,
		Types: func() []string { return w.settings.Config().Media.Types },
	})
	return w.web.Service
}

func (w *wiring) tts() func() service.Service {
	w.speech = tts.New(tts.Deps{
		Speakers: speakers{w.platform.plugins, w.settings, w.state.vault, w.state.media, w.byKey}, Media: sounds{w.state.media}, Settings: w.settings, Log: w.log,
	})
	return w.speech.Service
}

func (w *wiring) delivery() func() service.Service {
	deps := delivery.Deps{
		Store: w.state.db, Bus: w.bus, Log: w.log, Queue: w.queue, Accounts: deliveryAccounts{w.later}, Senders: senders{w.platform.plugins, w.visits},
		Actors: senders{w.platform.plugins, w.visits}.Actor, Hooks: outgoing{w.hooks}, Media: w.state.media, Voice: voice{w.speech, w.settings}, Answers: w.answers, Resolve: w.resolve, Moved: w.moved,
		Redact: w.state.vault.Redact, Hold: w.start.Delivery.AfterCrash == "hold",
	}
	if w.drafts != nil {
		deps.Drafts = w.drafts
	}
	w.deliveries = delivery.New(deps)
	return w.deliveries.Service
}

func (w *wiring) usage() func() service.Service {
	w.meter = usage.New(usage.Deps{Store: w.state.db, Settings: w.usageSettings, Session: w.sessionKey, History: w.usageHistory, Zone: w.zone})
	return w.meter.Service
}

// approval asks the owner, whose chats the inbox knows, which is made later, and clients.
func (w *wiring) approval() func() service.Service {
	w.approvals = approval.New(approval.Deps{
		Store: w.state.db, Bus: w.bus, Questions: w.asked, Log: w.log, Approvers: w.approvers, Answers: w.answers, Redact: w.state.vault.Redact, Pressed: w.pressed,
		Owner:    func(tx store.Tx) (message.Account, wit.Conversation, bool, error) { return w.letters.OwnerChat(tx) },
		Settings: func() policy.Settings { return policy.Settings{Approve: w.settings.Config().Agent.Approve} },
		Agent:    w.agentOf, Home: home(), Path: w.o.dir(databaseFile), Nodes: w.nodePolicies(),
	})
	return w.approvals.Service
}

func (w *wiring) toolserver() func() service.Service {
	w.servers = toolserver.New(toolserver.Deps{
		Bus: w.bus, Settings: func() map[string]config.MCPServer { return w.settings.Config().MCP.Servers }, Network: w.platform.network,
		Vault: w.state.vault, Keep: w.state.media.Put, Compile: argumentSchema, Redact: w.state.vault.Redact, Version: w.o.Version, Log: w.log,
	})
	config.ChangedKind.Subscribe(w.bus, func(c config.Changed) {
		if c.Plugin == "" {
			w.servers.Reconfigured()
		}
	})
	return w.servers.Service
}

// writer tells clients what runs do.
func (w *wiring) writer() agent.Observer {
	return chat.NewWriter(w.bus, watchers{&w.door}, w.mediaLinks())
}

func (w *wiring) draft() func() service.Service {
	w.drafts = draft.New(draft.Deps{
		Store: w.state.db, Accounts: deliveryAccounts{w.later}, Senders: senders{w.platform.plugins, w.visits}, Hooks: outgoing{w.hooks},
		Shows: w.streams, Ahead: w.ahead, Observer: w.writer(), Log: w.log,
	})
	return w.drafts.Service
}

// ahead reports whether messages wait to be sent to where a run is answered.
func (w *wiring) ahead(to message.Origin) bool { return w.deliveries != nil && w.deliveries.Ahead(to) }

// streams reports whether the owner has answers shown in an account while they are written.
func (w *wiring) streams(channel, account string) bool {
	a, ok := w.settings.Account(channel, account)
	return w.queue != nil && ok && (a.Streaming == nil || *a.Streaming)
}

func (w *wiring) agent() func() service.Service {
	observer := w.writer()
	if w.drafts != nil {
		observer = w.drafts
	}
	w.watch = agent.NewWatch(taskObserver{observer, w.board})
	rests := cooldown.New(w.state.db, w.log)
	w.models = agent.NewModels(providers{w.platform.plugins, w.settings, w.state.vault}, w.agentSettings, rests, w.metered(), w.log)
	config.ChangedKind.Subscribe(w.bus, func(c config.Changed) {
		w.models.Forget(c.Plugin)
		rests.Forget(context.Background(), c.Plugin) // with other settings it may work
	})
	plugin.ChangedKind.Subscribe(w.bus, func(c plugin.Changed) {
		if c.State == plugin.StateReady {
			w.models.Forget(c.ID)
		}
	})
	w.agents = agent.New(agent.Deps{
		Store: w.state.db, Sessions: w.sessions, Models: w.models, Tools: w.tools(), Hooks: w.hooks, Outbox: w.outbox,
		Observer: w.watch, Typing: typing{w.platform.plugins, deliveryAccounts{w.later}, w.visits},
		Files: files{w.platform.plugins, w.state.media}, Transcribers: w.transcribers(), Approver: approver{w.approvals, w.defaultAgent}, Texts: texts{w},
		Settings: w.agentSettings, Log: w.log,
	})
	return w.agents.Service
}

func (w *wiring) run() func() service.Service {
	w.runs = run.New(run.Deps{
		Store: w.state.db, Sessions: w.sessions, Executor: w.agents, Claims: w.state.claims, Accounts: deliveryAccounts{w.later}, Log: w.log,
		Parallel: w.start.Agent.MaxConcurrent, Waits: w.waits,
	})
	return w.runs.Service
}

func (w *wiring) chat() func() service.Service {
	return chat.New(chat.Deps{
		Store: w.state.db, Bus: w.bus, Sessions: w.sessions, Runs: w.runs, Models: w.models, Media: clientFiles{w.state.media, w.web}, Compactor: w.agents,
		Settings: w.agentSettings, Links: w.mediaLinks(), Prices: w.price, TakesKey: func(provider string) bool { return w.overview != nil && w.overview.TakesKey(provider) },
	}).Service
}

func (w *wiring) inbox() func() service.Service {
	w.letters = inbox.New(inbox.Deps{
		Store: w.state.db, Log: w.log, Acceptor: agent.NewIntake(w.sessions, w.runs, w.outbox), Outbox: w.outbox, Confirmer: w.confirmer, Pusher: w.visits,
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
		Bus: w.bus, Log: w.log, Plugins: channelPlugins{w.platform.plugins}, Settings: accounts{w.settings, w.platform.plugins}, Credentials: w.state.vault, Proofs: w.proofs,
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

func (w *wiring) voicewake() func() service.Service {
	return voicewake.New(voicewake.Deps{Store: w.state.db, Bus: w.bus, Log: w.log}).Service
}

func (w *wiring) talk() func() service.Service {
	d := talk.Deps{Bus: w.bus, Listeners: w.listeners, MainKey: func() string { return string(w.sessionSettings().Main("")) }}
	if w.speech != nil {
		d.Speech = w.speech
	}
	return talk.New(d).Service
}

func (w *wiring) cron() func() service.Service {
	turns := jobs{w.runs, w.state.db, w.outbox, w.platform.network}
	return cron.New(cron.Deps{
		Scheduler: w.platform.scheduler, Bus: w.bus, Events: turns, Turns: turns, Alarms: turns, Webhooks: turns, Agent: w.sessionSettings().Agent,
		Answers: w.answers, Resolve: w.resolveID, StorePath: w.o.dir(databaseFile),
	}).Service
}

func (w *wiring) heartbeat() func() service.Service {
	w.beats = heartbeat.New(heartbeat.Deps{
		Store: w.state.db, Bus: w.bus, Scheduler: w.platform.scheduler, Runs: beats{w.runs, w.sessionSettings}, Presence: w.presence,
		Settings: (&heartbeatSettings{settings: w.settings, zone: w.zone}).read, Log: w.log,
	})
	config.ChangedKind.Subscribe(w.bus, func(c config.Changed) {
		if c.Plugin == "" {
			w.beats.Changed()
		}
	})
	return w.beats.Service
}

// roster is made after those whom it tells of agents that are gone.
func (w *wiring) makeRoster() func() service.Service {
	w.roster = roster.New(roster.Deps{
		Store: w.state.db, Bus: w.bus, Settings: w.settings, Outbox: w.outbox, Model: w.models.Check, Log: w.log,
		Owner: func(tx store.Tx) (message.Account, wit.Conversation, bool, error) { return w.letters.OwnerChat(tx) },
	})
	config.ChangedKind.Subscribe(w.bus, func(c config.Changed) {
		if c.Plugin == "" {
			w.roster.Reconfigured()
		}
	})
	return w.roster.Service
}

func (w *wiring) offer() func() service.Service {
	return offer.New(offer.Deps{
		Plugins: offers{w.platform.plugins, w.settings}.list, AgentOf: w.meantAgent, Tools: offeredTools{w}, Folder: w.o.dir("plugins"),
	}).Service
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
		Version: w.o.Version, URL: w.URL, StateDir: w.o.StateDir, Agents: w.agentIDs, Agent: func(id string) (string, error) { return w.sessionSettings().Agent(id) },
		Settings: w.settings, Heartbeat: w.wakes, Log: w.o.Log, Sessions: w.sessions, Models: w.models, Vault: credentials{w.state.vault},
		Media:     w.mediaShare,
		Providers: w.models, Transcribers: w.transcribers(), Speakers: w.speakers(), Plugins: systemPlugins{w.platform.plugins, w.settings}, Accounts: systemAccounts{w.later}, CheckStore: w.state.check,
		Encryption: w.state.form, Backups: backups{db: w.state.file, vault: w.state.vault, dir: w.o.StateDir, config: w.o.ConfigPath, version: w.o.Version}, Memory: pluginMemory{w.platform.code}.figures,
		Services: func() []service.Service { return w.Kernel.services },
	})
	return w.overview.Service
}

func (w *wiring) wizard() func() service.Service {
	return wizard.New(setups{w.platform.plugins, w.overview, w.models}).Service
}

func (w *wiring) agentSettings() agent.Settings { return w.who.now().agent }
