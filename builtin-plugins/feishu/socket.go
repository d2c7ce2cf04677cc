package feishu

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// With mode connection events come over a websocket that the gateway opens, so that it needs no address of its own ("Receive events
// through long connection"). Its address is asked for and good once; on it come packets (frame.go), each with an event as a call has
// it, in plain text, and each is answered within three seconds, or comes again. A ping goes every two minutes.

const (
	socketID   = "events"
	pingTimer  = "ping"
	openTimer  = "open"   // the address is asked for once more
	pingEvery  = 120_000  // milliseconds, as ClientConfig.PingInterval says
	helloTime  = 30_000   // milliseconds that a connection may take to open
	maxPieces  = 16       // of an event that comes in several packets
	maxHeld    = 24 << 10 // bytes of them, since they are in the state
	endpointAt = "/callback/ws/endpoint"
	systemBusy = 1 // an error of that call
)

// askEndpoint asks for the address of a connection.
func askEndpoint(a *answer) {
	a.State.opening = true
	body := json.Object{}.Text("AppID", a.Settings.app).Text("AppSecret", "{{credential:appSecret}}")
	a.Request(wit.HTTPRequest{
		ID: account.RequestID(toEndpoint, a.State.generation, ""), Method: "POST", URL: a.Settings.root + endpointAt,
		Headers: []wit.Header{{Name: "locale", Value: "zh"}}, JSON: body.JSON(), Fill: true,
	})
}

// endpointFound opens a connection at the address that Feishu has given.
func endpointFound(a *answer, r result) {
	address := r.Value.Get("data", "URL").Text()
	if r.ok() && (!strings.Contains(address, "://") || strings.Contains(address, "{{")) {
		r.foreign()
	}
	if r.code == systemBusy {
		r.Failure = wit.NewError(wit.CodeUnavailable, r.message())
	}
	if err := r.err(); err != nil {
		state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
		a.State.failures++
		a.status(state, err.Message)
		a.Timer(openTimer, delay)
		return
	}
	_, service, _ := strings.Cut(address, "service_id=")
	service, _, _ = strings.Cut(service, "&")
	a.State.service, _ = strconv.ParseInt(service, 10, 32)
	a.State.pieces = nil
	a.Out.Open = append(a.Out.Open, wit.OpenConnection{Connection: socketID, Transport: wit.TransportWebsocket, URL: address, Once: true})
	a.Timer(openTimer, helloTime)
}

// opened notes that events come now.
func opened(a *answer, _ *wit.Opened) {
	a.State.since, a.State.silent, a.State.opening = a.Now, false, false
	a.Timer(openTimer, 0)
	a.Timer(pingTimer, pingEvery)
	a.status(wit.ConnectionStateConnected, "")
}

// closed goes on after the end of a connection: at once where it had lasted.
func closed(a *answer, why *wit.Closed) {
	reason := "the connection to Feishu has ended"
	if why != nil && why.Reason != "" {
		reason += ": " + why.Reason
	}
	lost(a, reason)
}

func lost(a *answer, reason string) {
	if since := a.State.since; since != 0 && a.Now-since >= account.Lasting {
		a.State.failures = 0
	}
	a.State.since, a.State.pieces, a.State.opening = 0, nil, true
	a.Timer(pingTimer, 0)
	a.status(wit.ConnectionStateDisconnected, reason)
	a.Timer(openTimer, account.Backoff(a.State.failures, account.SlowRetry, a.Now))
	a.State.failures++
}

// ping asks whether Feishu is there, and gives a connection up on which nothing has come since the last one.
func ping(a *answer) {
	if a.State.silent {
		a.Out.Close = append(a.Out.Close, socketID)
		lost(a, "Feishu has said nothing for a while")
		return
	}
	a.State.silent = true
	p := packet{headers: []header{{"type", "ping"}}}
	p.numbers[fieldService], p.numbers[fieldMethod] = uint64(a.State.service), methodControl
	write(a, &p)
	a.Timer(pingTimer, pingEvery)
}

func write(a *answer, p *packet) {
	a.Out.Frames = append(a.Out.Frames, wit.Frame{Connection: socketID, Bytes: p.bytes()})
}

// heard takes a packet. What it brings is committed before it is answered.
func heard(a *answer, f *wit.Frame) {
	a.State.silent = false
	p, err := readPacket(f.Bytes)
	if err != nil {
		a.Host.Warn("feishu: a frame is no packet and is passed over")
		return
	}
	if p.numbers[fieldMethod] != methodData || p.get("type") != "event" && p.get("type") != "card" {
		return
	}
	event, whole := a.State.join(&p)
	if !whole {
		return // the last packet is answered for all
	}
	take(a, event)
	p.texts[fieldPayload] = []byte(`{"code":200,"headers":null,"data":null}`)
	p.headers = append(p.headers, header{"biz_rt", "0"})
	write(a, &p)
}

// piece is a part of an event that comes in several packets.
type piece struct {
	id   string
	at   int64
	text string
}

// join puts the packet's part of an event to those that have come, and returns the event once it is whole.
func (s *state) join(p *packet) (event string, whole bool) {
	id, text := p.get("message_id"), string(p.texts[fieldPayload])
	sum, _ := strconv.ParseInt(p.get("sum"), 10, 64)
	at, _ := strconv.ParseInt(p.get("seq"), 10, 64)
	if sum <= 1 {
		return text, true
	}
	s.pieces = slices.DeleteFunc(s.pieces, func(o piece) bool { return o.id == id && o.at == at })
	s.pieces = append(s.pieces, piece{id, at, text})
	held := 0
	for _, o := range s.pieces {
		held += len(o.text)
	}
	for len(s.pieces) > maxPieces || held > maxHeld {
		held -= len(s.pieces[0].text)
		s.pieces = s.pieces[1:]
	}
	var parts []piece
	for _, o := range s.pieces {
		if o.id == id {
			parts = append(parts, o)
		}
	}
	if int64(len(parts)) != sum {
		return "", false
	}
	slices.SortFunc(parts, func(a, b piece) int { return int(a.at - b.at) })
	for _, o := range parts {
		event += o.text
	}
	s.pieces = slices.DeleteFunc(s.pieces, func(o piece) bool { return o.id == id })
	return event, true
}

func (p piece) json() wit.JSON {
	return json.Object{}.Text("id", p.id).Int("at", p.at).Text("text", base64.StdEncoding.EncodeToString([]byte(p.text))).JSON()
}

func readPieces(list json.Value) (pieces []piece) {
	for v := range list.Items() {
		text, _ := base64.StdEncoding.DecodeString(v.Get("text").Text()) // a cut may go through a character
		pieces = append(pieces, piece{v.Get("id").Text(), v.Get("at").Int(), string(text)})
	}
	return pieces
}
