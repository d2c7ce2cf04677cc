package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Record is a call, a login that was refused, or a device that was let in. Times are Unix milliseconds.
type Record struct {
	At     int64  `json:"at"`
	Method string `json:"method"`
	// Code is the error's, empty where it was done.
	Code   wit.Code `json:"code,omitempty"`
	Caller Caller   `json:"caller"`
	// About are ids of what it was about, by the names of their parameters.
	About map[string]string `json:"about,omitempty"`
	// Count is how often the same was refused, up to LastAt.
	Count  int   `json:"count,omitempty"`
	LastAt int64 `json:"lastAt,omitempty"`
}

// Caller is who called. Clients choose what they are called themselves.
type Caller struct {
	ClientID string `json:"clientId,omitempty"`
	Name     string `json:"name,omitempty"`
	DeviceID string `json:"deviceId,omitempty"`
	Role     string `json:"role,omitempty"`
	RemoteIP string `json:"remoteIp,omitempty"`
	// Local is this machine.
	Local bool `json:"local,omitempty"`
	// Channel and SenderID are who acted in a chat, by the platform's id.
	Channel  string `json:"channel,omitempty"`
	SenderID string `json:"senderId,omitempty"`
}

const (
	done    = store.Table[Record]("audit.calls")
	refused = store.Table[Record]("audit.refused")
)

// Bounds of the ledger.
const (
	maxDone     = 10_000
	maxRefused  = 2_000
	maxAge      = 90 * 24 * time.Hour
	pruneStep   = 100 // records that are taken out at a time, beyond as many as are new
	maxWaiting  = 4096
	maxOpen     = 256
	countFor    = time.Hour
	writeCounts = time.Minute
	maxParams   = 64 << 10 // of parameters that are looked at, in bytes
	maxValue    = 128      // of what is kept of a value, in characters
)

// named are the parameters that say what a call is about. None of them is a secret, and none a person's; what else a call says is
// never kept.
var named = []string{
	"id", "pluginId", "requestId", "deviceId", "nodeId", "agentId", "grantId", "setupId", "jobId", "sessionId", "sessionKey", "key",
	"channel", "accountId", "account", "name", "provider", "host", "role", "decision", "enabled",
}

// entry is a record under its key.
type entry struct {
	table  store.Table[Record]
	key    string
	record Record
	queued bool // it waits to be written
}

// repeated is what refusals have in common that are counted in one record.
type repeated struct {
	method string
	code   wit.Code
	caller Caller
}

// Note keeps a call. It returns at once.
func (s *Service) Note(n rpc.Note) {
	s.keep(Record{Method: n.Method, Code: wit.CodeOf(n.Err), About: s.about(n.Params), Caller: s.caller(n.Caller)})
}

// Login keeps a login, by a method that need not be one of the table: one that was refused, with its error, or one that let a
// device in, with how that was. It returns at once.
func (s *Service) Login(method string, c *rpc.Caller, via string, err error) {
	r := Record{Method: method, Code: wit.CodeOf(err), Caller: s.caller(c)}
	if via != "" {
		r.About = map[string]string{"deviceId": s.value(c.DeviceID), "via": via}
	}
	s.keep(r)
}

// Press keeps that somebody in a chat has decided by a button, and about what. It returns at once.
func (s *Service) Press(channel, sender, name string, about map[string]string) {
	s.keep(Record{Method: "approval.press", Caller: Caller{Name: s.value(name), Channel: channel, SenderID: s.value(sender)}, About: s.values(about)})
}

// File keeps that somebody has changed the config file otherwise than by a call, and which settings in it. It returns at once.
func (s *Service) File(about map[string]string) {
	s.keep(Record{Method: "config.file", Caller: Caller{Local: true}, About: s.values(about)})
}

// Changed keeps that a record of the store was found to be changed by something else than the gateway, as space/key. It returns at
// once, and may be called in a transaction, in which nothing can be written: what is found after Run has ended is written only if
// something else is kept then.
func (s *Service) Changed(record string) {
	s.take(Record{Method: "store.changed", Caller: Caller{Local: true}, About: s.values(map[string]string{"record": strings.ReplaceAll(record, "\x00", " ")})})
}

func (s *Service) values(about map[string]string) map[string]string {
	for name, text := range about {
		about[name] = s.value(text)
	}
	return about
}

func (s *Service) caller(c *rpc.Caller) Caller {
	return Caller{
		ClientID: s.value(c.Client.ID), Name: s.value(c.Client.DisplayName), DeviceID: s.value(c.DeviceID), Role: s.value(string(c.Role)),
		RemoteIP: c.RemoteIP, Local: c.Local,
	}
}

// value bounds what a client has written, and takes the credentials out that are known.
func (s *Service) value(text string) string {
	text = strings.ToValidUTF8(s.Redact(text), "")
	if r := []rune(text); len(r) > maxValue {
		return string(r[:maxValue]) + "…"
	}
	return text
}

// about finds the ids among the parameters, which may be anything.
func (s *Service) about(params json.RawMessage) map[string]string {
	var given map[string]json.RawMessage
	if len(params) > maxParams || json.Unmarshal(params, &given) != nil {
		return nil
	}
	found := map[string]string{}
	for _, name := range named {
		var v any
		if json.Unmarshal(given[name], &v) != nil {
			continue
		}
		switch v := v.(type) {
		case string:
			if v != "" {
				found[name] = s.value(v)
			}
		case bool:
			found[name] = fmt.Sprint(v)
		}
	}
	return found
}

// keep has a record written, in the table that is for its like.
func (s *Service) keep(r Record) {
	if s.take(r) { // nobody else writes it
		s.flush()
	}
}

// take takes a record up to be written, and reports whether the service has stopped, so that only the caller can see to that.
func (s *Service) take(r Record) (stopped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	r.At = now.UnixMilli()
	e := s.counted(r, now)
	if e == nil {
		e = s.entry(done, r)
	} else {
		e.record.Count++
		e.record.LastAt = r.At
	}
	s.queue(e)
	if e.record.Count <= 1 { // a count may wait
		s.wakeUp()
	}
	return s.stopped
}

// counted returns the entry in which a refusal is counted, nil for what was not refused. Where too many are open it is the one of
// all others.
func (s *Service) counted(r Record, now time.Time) *entry {
	if r.Code != wit.CodeForbidden && r.Code != wit.CodeUnauthorized {
		return nil
	}
	for k, e := range s.open {
		if now.Sub(time.UnixMilli(e.record.At)) >= countFor {
			delete(s.open, k)
		}
	}
	k := repeated{r.Method, r.Code, r.Caller}
	if s.open[k] == nil && len(s.open) >= maxOpen {
		k, r = repeated{code: r.Code}, Record{At: r.At, Method: "several", Code: r.Code}
	}
	if s.open[k] == nil {
		s.open[k] = s.entry(refused, r)
	}
	return s.open[k]
}

func (s *Service) entry(table store.Table[Record], r Record) *entry {
	s.last++
	return &entry{table: table, key: fmt.Sprintf("%s/%08d", moment(r.At), s.last), record: r}
}

// moment is a time as it begins keys.
func moment(ms int64) string { return fmt.Sprintf("%013d", ms) }

func (s *Service) queue(e *entry) {
	switch {
	case e.queued:
	case len(s.waiting) >= maxWaiting:
		s.lost++
	default:
		e.queued = true
		s.waiting = append(s.waiting, e)
	}
}

func (s *Service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// flush writes what waits, and returns when all is written that waited when it was called.
func (s *Service) flush() {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	list, lost := make([]entry, 0, len(s.waiting)), s.lost
	for _, e := range s.waiting {
		e.queued = false
		list = append(list, *e)
	}
	s.waiting, s.lost = nil, 0
	s.mu.Unlock()
	if len(list) > 0 {
		if err := s.write(list); err != nil {
			lost += len(list)
			s.Log.Error("calls cannot be kept", "calls", summary(list), "error", err)
		}
	}
	if lost > 0 {
		s.Log.Error("the audit lacks calls", "count", lost)
	}
}

// summary names calls for the log.
func summary(list []entry) string {
	var names []string
	for _, e := range list[:min(len(list), 20)] {
		names = append(names, e.record.Method+" by "+cmp.Or(e.record.Caller.DeviceID, e.record.Caller.ClientID, e.record.Caller.RemoteIP))
	}
	return strings.Join(names, ", ")
}

// write puts entries into their tables and takes the oldest out where there are too many. The caller holds writing.
func (s *Service) write(list []entry) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var sizes map[store.Table[Record]]int
	err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		sizes = map[store.Table[Record]]int{}
		for table, most := range map[store.Table[Record]]int{done: maxDone, refused: maxRefused} {
			if sizes[table], err = s.add(tx, table, most, list); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.sizes = sizes
	}
	return err
}

// add puts those entries into a table that are for it, and returns how many it has then.
func (s *Service) add(tx store.Tx, table store.Table[Record], most int, list []entry) (size int, err error) {
	size, known := s.sizes[table]
	if !known {
		for _, err := range tx.Scan(string(table), store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return 0, err
			}
			size++
		}
	}
	added := 0
	for _, e := range list {
		if e.table != table {
			continue
		}
		if _, err := tx.Get(string(table), e.key); wit.CodeOf(err) == wit.CodeNotFound {
			added++
		} else if err != nil && !store.Damaged(err) {
			return 0, err
		}
		if err := table.Put(tx, e.key, e.record); err != nil {
			return 0, err
		}
	}
	gone, err := prune(tx, table, size+added-most, added+pruneStep)
	return size + added - gone, err
}

// prune takes out the oldest records: so many as are over, and those that are too old, up to a step.
func prune(tx store.Tx, table store.Table[Record], over, step int) (int, error) {
	oldest := moment(time.Now().Add(-maxAge).UnixMilli())
	var keys []string
	for row, err := range tx.Scan(string(table), store.Range{Limit: step}) {
		if err != nil && !store.Damaged(err) {
			return 0, err
		}
		if len(keys) >= over && row.Key >= oldest {
			break
		}
		keys = append(keys, row.Key)
	}
	for _, key := range keys {
		if err := table.Delete(tx, key); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

// newest returns the last records that are wanted, of both tables.
func (s *Service) newest(ctx context.Context, limit int, wanted func(entry) bool) (list []entry, err error) {
	s.flush()
	err = s.Store.View(ctx, func(tx store.Tx) error {
		list = nil
		for _, table := range []store.Table[Record]{done, refused} {
			n := 0
			for row, err := range table.Scan(tx, store.Range{Reverse: true}) {
				if err != nil && !store.Damaged(err) {
					return err
				}
				e := entry{table: table, key: row.Key, record: row.Value}
				if err != nil || !wanted(e) {
					continue
				}
				list = append(list, e)
				if n++; n == limit {
					break
				}
			}
		}
		return nil
	})
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(b.key, a.key) })
	return list, err
}
