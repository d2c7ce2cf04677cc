package discordtest

// Tap is a session without a connection, for a test that hands a bot its events by hand.
type Tap struct {
	gateway *Gateway
	session *session
	next    int
}

// Tap begins such a session.
func (g *Gateway) Tap(intents int) *Tap {
	g.world.mu.Lock()
	defer g.world.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	c := &conn{gateway: g}
	c.begin(intents)
	return &Tap{gateway: g, session: c.session}
}

// Take returns the payloads that were not taken yet.
func (t *Tap) Take() (list [][]byte) {
	t.gateway.mu.Lock()
	defer t.gateway.mu.Unlock()
	for _, e := range t.session.events[t.next:] {
		list = append(list, e.data)
	}
	t.next = len(t.session.events)
	return list
}

// AllIntents are those that a bot may have without asking, and that of messages' texts.
const AllIntents = intentGuilds | intentMessages | intentReactions | intentTyping | intentDirect | intentDirectReactions | intentDirectTyping | intentPolls | intentDirectPolls | IntentContent
