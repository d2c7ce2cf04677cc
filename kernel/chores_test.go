package kernel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/service/node"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// chores are what an owner does with a gateway that may be killed at any moment: he pairs a phone and a node, allows a
// program for ever, has something done each while, brings a history along and changes the settings. What the gateway has
// answered is noted, and must hold from then on. Whoever was interrupted does the same again.
type chores struct {
	t     *testing.T
	r     *rand.Rand
	dial  func(client.Options) (*client.Client, error)
	conn  *client.Client
	pause func() // while jobs run
	calls int
	// doom is called before each call with its number.
	doom func(call int)

	phone           string // the file of its identity
	nodeID, nodeKey string
	asks            int // approvals that were asked for
	every           time.Duration
	job             cron.Job
	settings        bool // whether there is a config file

	// said is what the gateway has answered.
	said struct {
		phone, allowed  bool
		nodeToken       string
		pieces, setting int
		runs            []string
	}
	tried int // the setting that was asked for last
}

const (
	pieces, pieceLines = 4, 5
	program            = "/usr/bin/uptime"
)

func newChores(t *testing.T, r *rand.Rand, every time.Duration) *chores {
	c := &chores{t: t, r: r, every: every, phone: filepath.Join(t.TempDir(), "phone.key"), pause: func() {}, doom: func(int) {}}
	c.nodeID, c.nodeKey = nodeKey(t)
	return c
}

// call asks the gateway, over a new connection where there is none.
func (c *chores) call(method string, params, out any) error {
	if c.conn == nil || c.conn.Err() != nil {
		conn, err := c.dial(client.Options{Scopes: []wire.Scope{wire.ScopeAdmin, wire.ScopeApprovals, wire.ScopePairing}, Token: kerneltest.Token})
		if err != nil {
			return err
		}
		c.conn = conn
	}
	c.calls++
	c.doom(c.calls)
	if err := c.conn.Call(c.t.Context(), method, params, out); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// live does all chores, in any order, and returns the first error.
func (c *chores) live() error {
	all := []func() error{c.pairPhone, c.pairNode, c.allow, c.remind, c.bring}
	if c.settings {
		all = append(all, c.set, c.set, c.set)
	}
	c.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, do := range all {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// ring has the phone come from elsewhere.
func (c *chores) ring() error {
	c.calls++
	c.doom(c.calls)
	conn, err := c.dial(client.Options{Token: kerneltest.Token, Identity: c.phone, Scopes: []wire.Scope{wire.ScopeRead}, Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}}})
	if err == nil {
		_ = conn.Close()
	}
	return err
}

func refusedAs(err error, code string) bool {
	refused := (*wire.Error)(nil)
	return errors.As(err, &refused) && refused.Code == code
}

func (c *chores) pairPhone() error {
	err := c.ring()
	if err == nil || !refusedAs(err, wire.NotPaired) {
		return err
	}
	waiting, _, err := c.phones()
	if err != nil {
		return err
	}
	if len(waiting) != 1 {
		c.t.Errorf("the phone was told to wait, and %d requests do", len(waiting))
		return nil
	}
	err = c.call("device.pair.approve", object{"requestId": waiting[0].RequestID}, nil)
	c.said.phone = c.said.phone || err == nil
	return err
}

// phones lists the phone's requests, and says how often it is paired: a node's device is, too.
func (c *chores) phones() (waiting []auth.Request, paired int, err error) {
	var list auth.PairList
	if err := c.call("device.pair.list", nil, &list); err != nil {
		return nil, 0, err
	}
	if _, err := os.Stat(c.phone); err != nil {
		return nil, 0, nil // it has never come
	}
	id, _ := keyOf(c.t, c.phone)
	for _, d := range list.Paired {
		if d.DeviceID == id {
			paired++
		}
	}
	return slices.DeleteFunc(list.Pending, func(r auth.Request) bool { return r.DeviceID != id }), paired, nil
}

func (c *chores) pairNode() error {
	var list node.PairList
	if err := c.call("node.pair.list", nil, &list); err != nil || len(list.Paired) > 0 {
		return err
	}
	var made node.RequestResult
	announce := object{"nodeId": c.nodeID, "publicKey": c.nodeKey, "commands": []string{"system.which"}, "platform": "linux"}
	if err := c.call("node.pair.request", announce, &made); err != nil {
		return err
	}
	var approved node.Approved
	err := c.call("node.pair.approve", object{"requestId": made.Request.RequestID}, &approved)
	c.said.nodeToken = approved.Node.Token
	return err
}

func (c *chores) approval() string { return fmt.Sprint("approval-", c.asks) }

// status is how the last approval stands, empty for one that there is not.
func (c *chores) status() (string, error) {
	var got struct {
		Approval struct{ Status, Decision string }
	}
	err := c.call("approval.get", object{"id": c.approval()}, &got)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return "", nil
	}
	return strings.TrimSpace(got.Approval.Status + " " + got.Approval.Decision), err
}

func (c *chores) allow() error {
	status, err := c.status()
	switch {
	case err != nil || strings.HasSuffix(status, "allow-always"):
		return err
	case status == "":
		err = c.ask()
	case status != "pending": // nobody has answered in time
		c.asks++
		err = c.ask()
	}
	if err != nil {
		return err
	}
	err = c.call("exec.approval.resolve", object{"id": c.approval(), "decision": "allow-always"}, nil)
	c.said.allowed = c.said.allowed || err == nil
	return err
}

// ask asks for an approval and waits until that is accepted.
func (c *chores) ask() error {
	ctx, cancel := context.WithCancel(c.t.Context())
	c.t.Cleanup(cancel)
	accepted, over := make(chan struct{}), make(chan error, 1)
	c.calls++
	c.doom(c.calls)
	go func(conn *client.Client) {
		over <- conn.CallTwoPhase(ctx, "exec.approval.request", object{
			"id": c.approval(), "command": "uptime", "resolvedPath": program, "agentId": "main", "timeoutMs": 3600_000, "twoPhase": true,
		}, func(json.RawMessage) { close(accepted) }, nil)
	}(c.conn)
	select {
	case <-accepted:
		return nil
	case err := <-over:
		return err
	}
}

func (c *chores) remind() error {
	var declared cron.DeclareResult
	if err := c.call("cron.add", object{
		"name": "tick", "declarationKey": "tick", "schedule": object{"kind": "every", "everyMs": c.every.Milliseconds()}, "sessionTarget": "isolated",
		"catchUp": "all", "catchUpMax": 100, "overlap": "queue", "payload": object{"kind": "agentTurn", "message": "tick"}, "delivery": object{"mode": "none"},
	}, &declared); err != nil {
		return err
	}
	c.job = declared.Job
	c.pause()
	var begun cron.RunResult
	err := c.call("cron.run", object{"id": c.job.ID}, &begun)
	if err == nil && begun.Enqueued {
		c.said.runs = append(c.said.runs, begun.RunID)
	}
	return err
}

func (c *chores) bring() error {
	for i := range pieces {
		var lines []object
		for j := range pieceLines {
			lines = append(lines, object{"role": "user", "text": fmt.Sprint("line ", i*pieceLines+j)})
		}
		err := c.call("sessions.import", object{"key": "old", "sessionId": "from-elsewhere", "after": i * pieceLines, "messages": lines}, nil)
		if err != nil {
			return err
		}
		c.said.pieces = max(c.said.pieces, i+1)
	}
	return nil
}

func (c *chores) set() error {
	c.tried++
	err := c.call("config.patch", object{"raw": fmt.Sprintf(`{"session":{"archiveAfterDays":%d}}`, c.tried)}, nil)
	if err == nil {
		c.said.setting = c.tried
	}
	return err
}

// check compares what there is with what was said. A store that is whole answers.
func (c *chores) check() {
	c.t.Helper()
	for _, look := range []func() error{c.checkPhone, c.checkNode, c.checkApproval, c.checkJob, c.checkHistory, c.checkSettings} {
		if err := look(); err != nil {
			c.t.Error(err)
		}
	}
}

func (c *chores) checkPhone() error {
	waiting, paired, err := c.phones()
	if err != nil {
		return err
	}
	if paired+len(waiting) > 1 || c.said.phone && paired == 0 {
		c.t.Errorf("the phone is paired %d times and waits %d times; it was said that it is paired: %v", paired, len(waiting), c.said.phone)
	}
	if paired == 0 {
		return nil
	}
	return c.ring()
}

func (c *chores) checkNode() error {
	var list node.PairList
	if err := c.call("node.pair.list", nil, &list); err != nil {
		return err
	}
	if len(list.Paired)+len(list.Pending) > 1 || c.said.nodeToken != "" && len(list.Paired) == 0 {
		c.t.Errorf("%d nodes are paired and %d wait", len(list.Paired), len(list.Pending))
	}
	if c.said.nodeToken == "" {
		return nil
	}
	var v node.Verified
	err := c.call("node.pair.verify", object{"nodeId": c.nodeID, "token": c.said.nodeToken}, &v)
	if !v.OK {
		c.t.Error("the node's token is worth nothing")
	}
	return err
}

func (c *chores) checkApproval() error {
	status, err := c.status()
	if err != nil {
		return err
	}
	var policy struct{ File json.RawMessage }
	if err := c.call("exec.approvals.get", nil, &policy); err != nil {
		return err
	}
	remembered := strings.Count(string(policy.File), `"`+program+`"`)
	switch {
	case strings.HasSuffix(status, "allow-always") && remembered != 1, !strings.HasSuffix(status, "allow-always") && remembered != 0,
		c.said.allowed && remembered != 1:
		c.t.Errorf("the approval is %q, said to be for ever: %v, and remembered %d times", status, c.said.allowed, remembered)
	}
	return nil
}

// checkJob looks whether each due time has had one run, and each run one turn.
func (c *chores) checkJob() error {
	if c.job.ID == "" {
		return nil
	}
	var job cron.Job
	if err := c.call("cron.get", object{"id": c.job.ID}, &job); err != nil {
		return err
	}
	var runs cron.RunsResult
	if err := c.call("cron.runs", object{"id": c.job.ID, "limit": 1000}, &runs); err != nil {
		return err
	}
	ids, turns := map[string]bool{}, 0
	for _, r := range runs.Entries {
		if ids[r.RunID] {
			c.t.Errorf("the run %s is there twice", r.RunID)
		}
		ids[r.RunID] = true
		if r.Status == "ok" {
			turns++
		}
	}
	for _, id := range c.said.runs {
		if !ids[id] && job.State.RunningAtMs == 0 {
			c.t.Errorf("the run %s, which was asked for, is not there", id)
		}
	}
	var history chat.History
	if err := c.call("chat.history", object{"sessionKey": "cron:" + c.job.ID, "limit": 1000}, &history); err != nil {
		return err
	}
	asked, answered := 0, 0
	for i := range history.Messages {
		switch kerneltest.Text(&history.Messages[i]) {
		case "tick":
			asked++
		case "you said: tick":
			answered++
		}
	}
	if err := c.call("cron.runs", object{"id": c.job.ID, "limit": 1000}, &runs); err != nil { // some may have ended meanwhile
		return err
	}
	if most := len(runs.Entries) + 1; asked < turns || answered < turns || asked > most || answered > asked {
		c.t.Errorf("%d runs, %d of them well before, have asked %d times and were answered %d times", len(runs.Entries), turns, asked, answered)
	}
	return nil
}

// missing lists the due times that have no run.
func (c *chores) missing(now time.Time) (list []string, err error) {
	var runs cron.RunsResult
	err = c.call("cron.runs", object{"id": c.job.ID, "limit": 1000}, &runs)
	for due := c.job.CreatedAtMs + c.every.Milliseconds(); due <= now.UnixMilli(); due += c.every.Milliseconds() {
		id := fmt.Sprintf("cron:%s:%d", c.job.ID, due)
		if !slices.ContainsFunc(runs.Entries, func(r cron.RunEntry) bool { return r.RunID == id && r.Status == "ok" }) {
			list = append(list, id)
		}
	}
	return list, err
}

func (c *chores) checkHistory() error {
	var history chat.History
	err := c.call("chat.history", object{"sessionKey": "old", "limit": 100}, &history)
	if err != nil {
		return err
	}
	for i := range history.Messages {
		if got := kerneltest.Text(&history.Messages[i]); got != fmt.Sprint("line ", i) {
			c.t.Errorf("line %d of the history is %q", i, got)
		}
	}
	if n := len(history.Messages); n%pieceLines != 0 || n < c.said.pieces*pieceLines {
		c.t.Errorf("the history has %d lines of %d pieces", n, c.said.pieces)
	}
	return nil
}

func (c *chores) checkSettings() error {
	if !c.settings {
		return nil
	}
	var got struct {
		Valid  bool
		Config struct {
			Session struct{ ArchiveAfterDays int }
		}
	}
	if err := c.call("config.get", nil, &got); err != nil {
		return err
	}
	if days := got.Config.Session.ArchiveAfterDays; !got.Valid || days != c.said.setting && days != c.tried {
		c.t.Errorf("the settings (valid: %v) have %d, said was %d, and asked for last %d", got.Valid, days, c.said.setting, c.tried)
	}
	c.said.setting = got.Config.Session.ArchiveAfterDays
	return nil
}
