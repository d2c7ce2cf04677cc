package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	// defaultTimeout is how long an answer is waited for when the client says nothing.
	defaultTimeout = 30 * time.Second
	// maxParams bounds the parameters of a command in bytes: nodes of protocol 3 take no more than 1.5 MiB at a time.
	maxParams = 512 << 10
	// Bounds of what a node may say of a failure.
	maxErrorCode, maxErrorText = 64, 4096
)

// InvokeParams ask a node for a command. Where the asker's words came from is taken without effect.
type InvokeParams struct {
	NodeID  string `json:"nodeId" rpc:"required,min=1,max=128"`
	Command string `json:"command" rpc:"required,min=1,max=128"`
	// Params are the command's own.
	Params json.RawMessage `json:"params,omitempty"`
	// TimeoutMs is how long the answer is waited for, in milliseconds; 30,000 when 0.
	TimeoutMs int64 `json:"timeoutMs,omitempty" rpc:"min=0,max=3600000"`
	// IdempotencyKey names what is asked: the same one again gets the same answer, for ten minutes.
	IdempotencyKey string `json:"idempotencyKey" rpc:"required,min=1,max=256"`

	SessionKey          string          `json:"sessionKey,omitempty" rpc:"max=512"`
	TurnSourceChannel   string          `json:"turnSourceChannel,omitempty" rpc:"max=128"`
	TurnSourceTo        string          `json:"turnSourceTo,omitempty" rpc:"max=512"`
	TurnSourceAccountID string          `json:"turnSourceAccountId,omitempty" rpc:"max=128"`
	TurnSourceThreadID  json.RawMessage `json:"turnSourceThreadId,omitempty"`
}

// InvokeResult is what a node has answered.
type InvokeResult struct {
	OK      bool   `json:"ok"`
	NodeID  string `json:"nodeId"`
	Command string `json:"command"`
	// Payload is the answer, absent where it is none or no JSON.
	Payload json.RawMessage `json:"payload,omitempty"`
	// PayloadJSON is it as the node wrote it, null where the node did not.
	PayloadJSON *string `json:"payloadJSON"`
}

// answer is a node's.
type answer struct {
	payload json.RawMessage
	text    *string
}

// Invoke asks a node for a command and waits for its answer.
//
// Errors: CodeForbidden for a caller who may not ask for it; CodeTooLarge for the parameters; CodeConflict for a key that
// stands for something else; CodeNotFound for no such node; CodeUnavailable with details NOT_CONNECTED where the node is
// not there or goes, and with the node's own error as details nodeError; CodeInvalid for a command that it may not be
// asked for, with the reason in details; CodeTimeout; CodeRateLimited; ctx's; the store's.
func (s *Service) Invoke(ctx context.Context, in InvokeParams) (InvokeResult, error) {
	if err := rpc.Require(ctx, invokeScope(in.Command), "node.invoke"); err != nil {
		return InvokeResult{}, err
	}
	params, digest, err := prepared(in)
	if err != nil {
		return InvokeResult{}, err
	}
	key := in.NodeID + "\x00" + in.IdempotencyKey
	i, err := s.invocations.find(key, digest)
	if i == nil && err == nil {
		i, err = s.ask(ctx, in, key, digest, params)
	}
	if err != nil {
		return InvokeResult{}, err
	}
	select {
	case <-i.done:
	case <-ctx.Done():
		if s.invocations.leave(i) {
			s.cancel(i)
		}
		return InvokeResult{}, context.Cause(ctx)
	}
	s.invocations.leave(i)
	if i.err != nil {
		return InvokeResult{}, i.err
	}
	return InvokeResult{true, in.NodeID, in.Command, i.answer.payload, i.answer.text}, nil
}

// prepared is the parameters as they are sent, and what tells one command from another.
func prepared(in InvokeParams) (params *string, digest string, err error) {
	var text bytes.Buffer
	if p := in.Params; len(p) > 0 && string(p) != "null" {
		if err := json.Compact(&text, p); err != nil {
			return nil, "", wit.NewError(wit.CodeInvalid, "invalid node.invoke params: at /params: must be JSON")
		}
		if text.Len() > maxParams {
			return nil, "", wit.Errorf(wit.CodeTooLarge, "the parameters of a command must not have more than %d bytes", maxParams)
		}
		said := text.String()
		params = &said
	}
	sum := sha256.Sum256([]byte(in.Command + "\x00" + text.String()))
	return params, hex.EncodeToString(sum[:]), nil
}

// ask sends a command to the node, unless another caller is about to.
func (s *Service) ask(ctx context.Context, in InvokeParams, key, digest string, params *string) (*invocation, error) {
	p, err := s.reach(ctx, in)
	if err != nil {
		return nil, err
	}
	i, began, err := s.invocations.begin(key, in.Command, digest, p)
	if err != nil || !began {
		return i, err
	}
	timeout := defaultTimeout
	if in.TimeoutMs > 0 {
		timeout = time.Duration(in.TimeoutMs) * time.Millisecond
	}
	s.invocations.patience(i, timeout, func() {
		if s.invocations.end(i.id, answer{}, late()) {
			s.cancel(i)
		}
	})
	Invoked.Publish(s.d.Bus, InvokeRequest{i.id, in.NodeID, in.Command, params, timeout.Milliseconds(), in.IdempotencyKey}, p.caller.ConnID)
	if p.left() {
		s.invocations.end(i.id, answer{}, disconnected())
	}
	return i, nil
}

// reach returns the node's connection if it may be asked for the command.
func (s *Service) reach(ctx context.Context, in InvokeParams) (*peer, error) {
	var has *Surface
	var known bool
	err := s.d.Store.View(ctx, func(tx store.Tx) error {
		n, err := s.approved(tx, in.NodeID)
		if err != nil {
			return err
		}
		if n != nil {
			has = &n.Surface
		}
		_, known, err = s.d.Devices.Find(tx, in.NodeID)
		return err
	})
	p := s.roster.get(in.NodeID)
	switch {
	case err != nil:
		return nil, err
	case !known:
		return nil, unknown()
	case p == nil:
		return nil, absent()
	}
	if b := s.d.Rules().barrierOf(in.Command, p, has); b != (barrier{}) {
		err := wit.Errorf(wit.CodeForbidden, "node command not allowed: %s: %s", b.reason, b.hint)
		return nil, rpc.WithDetails(wire.WithCode(err, wire.InvalidRequest), map[string]any{"reason": b.reason, "command": in.Command})
	}
	return p, nil
}

// cancel tells the node that nobody waits any more. One that answers all the same is heard until the timeout, for a caller
// who comes back with his key.
func (s *Service) cancel(i *invocation) {
	Cancelled.Publish(s.d.Bus, InvokeCancel{i.id, i.peer.id}, i.peer.caller.ConnID)
}

// NodeError is what a node says of a failure.
type NodeError struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

func absent() error {
	return failed(wit.NewError(wit.CodeUnavailable, "node not connected: start it, or see `carapace nodes list`"), wire.NotConnected, "node not connected")
}

func disconnected() error {
	return failed(wit.NewError(wit.CodeUnavailable, "node disconnected before it answered: it may have done what it was asked for"), wire.NotConnected, "node disconnected")
}

func late() error {
	err := wire.WithCode(wit.NewError(wit.CodeTimeout, "node invoke timed out: give it more time with timeoutMs, or look at the node"), wire.Unavailable)
	return failed(err, wire.NodeTimeout, "node invoke timed out")
}

// failed adds what programs look for: protocol 3's at the top, and both where the node's own errors are.
func failed(err error, code, text string) error {
	return rpc.WithDetails(err, map[string]any{"code": code, "nodeError": NodeError{code, text}})
}

// ResultParams are a node's answer. Fields that hold null are as good as none, and a payloadJSON that is no text stands
// for a payload.
type ResultParams struct {
	ID          string          `json:"id" rpc:"required,min=1,max=128"`
	NodeID      string          `json:"nodeId" rpc:"required,min=1,max=128"`
	OK          bool            `json:"ok" rpc:"required"`
	Payload     json.RawMessage `json:"payload,omitempty"`
	PayloadJSON json.RawMessage `json:"payloadJSON,omitempty"`
	Error       *NodeError      `json:"error,omitempty"`
}

// ResultAck confirms an answer.
type ResultAck struct {
	OK bool `json:"ok"`
	// Ignored is set where nobody waits for it any more.
	Ignored bool `json:"ignored,omitempty"`
}

// result takes a node's answer. Errors: CodeInvalid for another node's.
func (s *Service) result(ctx context.Context, in ResultParams) (ResultAck, error) {
	if rpc.CallerOf(ctx).DeviceID != in.NodeID {
		return ResultAck{}, wit.NewError(wit.CodeInvalid, "nodeId mismatch: a node answers for itself only")
	}
	i := s.invocations.of(in.ID, in.NodeID)
	if i == nil {
		return ResultAck{OK: true, Ignored: true}, nil
	}
	var err error
	if !in.OK {
		err = in.failure()
	}
	ended := s.invocations.end(i.id, in.answer(), err)
	return ResultAck{OK: true, Ignored: !ended}, nil
}

// answer reads both ways of writing one.
func (in *ResultParams) answer() (a answer) {
	text := ""
	switch {
	case json.Unmarshal(in.PayloadJSON, &text) == nil && string(in.PayloadJSON) != "null":
		a.text = &text
		if json.Valid([]byte(text)) {
			a.payload = json.RawMessage(text)
		}
	case present(in.Payload):
		a.payload = in.Payload
	case present(in.PayloadJSON):
		a.payload = in.PayloadJSON
	}
	return a
}

func present(b json.RawMessage) bool { return len(b) > 0 && string(b) != "null" }

// failure is the node's own error.
func (in *ResultParams) failure() error {
	said := NodeError{}
	if in.Error != nil {
		said = NodeError{message.Clip(in.Error.Code, maxErrorCode), message.Clip(strings.TrimSpace(in.Error.Message), maxErrorText)}
	}
	text := said.Message
	if text == "" {
		text = "node invoke failed"
	}
	return rpc.WithDetails(wit.NewError(wit.CodeUnavailable, text), map[string]any{"nodeError": said})
}
