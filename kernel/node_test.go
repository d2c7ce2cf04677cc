package kernel_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/node"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// fakeNode is a node that a test plays.
type fakeNode struct {
	*kerneltest.Listener
	t    *testing.T
	id   string
	seen int // requests that were answered
}

// joinNode connects a node of this machine, which is approved at once, unless o says otherwise.
func joinNode(t *testing.T, k *kerneltest.Kernel, o client.Options) *fakeNode {
	t.Helper()
	n, err := tryNode(t, k, o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func tryNode(t *testing.T, k *kerneltest.Kernel, o client.Options) (*fakeNode, error) {
	t.Helper()
	o.Role, o.Client.ID, o.Client.Mode = wire.RoleNode, "node-host", "node"
	if o.Token == "" && o.DeviceToken == "" && o.BootstrapToken == "" {
		o.Token = kerneltest.Token
	}
	if o.Identity == "" {
		o.Identity = filepath.Join(t.TempDir(), "node.key")
	}
	if o.Client.Platform == "" {
		o.Client.Platform = "linux"
	}
	conn, err := k.TryDial(o)
	if err != nil {
		return nil, err
	}
	id, _ := keyOf(t, o.Identity)
	return &fakeNode{Listener: kerneltest.Listen(t, conn), t: t, id: id}, nil
}

// keyOf reads the id and the public key of an identity that the client has made.
func keyOf(t *testing.T, file string) (id, key string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	public := parsed.(ed25519.PrivateKey).Public().(ed25519.PublicKey)
	return wire.DeviceID(public), base64.RawURLEncoding.EncodeToString(public)
}

// makeIdentity makes the key of a client that connects with it later.
func makeIdentity(t *testing.T, file string) (id, key string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return keyOf(t, file)
}

// nodeKey makes the key of a node that nobody runs.
func nodeKey(t *testing.T) (id, key string) {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return wire.DeviceID(public), base64.RawURLEncoding.EncodeToString(public)
}

// request waits for the next command that the node is asked for.
func (n *fakeNode) request() node.InvokeRequest {
	n.t.Helper()
	var got node.InvokeRequest
	n.Until("a command", func(events []client.Event) bool {
		list := slices.DeleteFunc(events, func(e client.Event) bool { return e.Name != "node.invoke.request" })
		if len(list) <= n.seen {
			return false
		}
		if err := json.Unmarshal(list[n.seen].Payload, &got); err != nil {
			n.t.Error(err)
		}
		return true
	})
	n.seen++
	return got
}

// asked counts the commands that the node was asked for so far.
func (n *fakeNode) asked() (count int) {
	for _, e := range n.Events() {
		if e.Name == "node.invoke.request" {
			count++
		}
	}
	return count
}

// answer answers a command and returns whether somebody still waited for that.
func (n *fakeNode) answer(r node.InvokeRequest, payload any) bool {
	n.t.Helper()
	var ack node.ResultAck
	n.MustCall("node.invoke.result", object{"id": r.ID, "nodeId": n.id, "ok": true, "payload": payload}, &ack)
	return !ack.Ignored
}

// answers answers the next command, and says when it has.
func (n *fakeNode) answers(payload any) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.answer(n.request(), payload)
	}()
	return done
}

// invoked is what an operator got of an invocation.
type invoked struct {
	result node.InvokeResult
	err    error
}

// invoke asks in the background.
func invoke(ctx context.Context, c *client.Client, p object) <-chan invoked {
	done := make(chan invoked, 1)
	go func() {
		var o invoked
		o.err = c.Call(ctx, "node.invoke", p, &o.result)
		done <- o
	}()
	return done
}

// wireError is an error as it stands in the frame.
func wireError(t *testing.T, err error) (*wire.Error, string) {
	t.Helper()
	e := (*wire.Error)(nil)
	if !errors.As(err, &e) {
		t.Fatalf("no error of the gateway: %v", err)
	}
	details, _ := json.Marshal(e.Details)
	return e, string(details)
}

func describe(t *testing.T, l *kerneltest.Listener, id string) node.Description {
	t.Helper()
	var d node.Description
	l.MustCall("node.describe", object{"nodeId": id}, &d)
	return d
}

// TestANodeWithACode is let in and approved at once, for what it declares first, and comes again with the token that it has got.
func TestANodeWithACode(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	l := k.Listen()
	var code auth.SetupCode
	l.MustCall("device.pair.setupCode", object{"publicUrl": "wss://chat.example.org", "bootstrapProfile": "node"}, &code)
	token := tokenIn(t, code)
	far := client.Options{
		Identity: filepath.Join(t.TempDir(), "node.key"), Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}}, BootstrapToken: token,
		Commands: []string{"system.which", "system.run"}, Caps: []string{"system"}, Client: wire.Client{DisplayName: "desk"},
	}
	n := joinNode(t, k, far)
	l.Event("device.pair.setup.completed", func(p json.RawMessage) bool { return strings.Contains(string(p), `"deviceName":"desk"`) })
	done := n.answers("yes")
	if o := <-invoke(t.Context(), l.Client, object{"nodeId": n.id, "command": "system.which", "idempotencyKey": "1"}); o.err != nil || string(o.result.Payload) != `"yes"` {
		t.Errorf("%+v", o)
	}
	<-done

	// The code's word is for what it has declared: more waits.
	own := n.Hello().Auth.DeviceToken
	_ = n.Close()
	far.BootstrapToken, far.DeviceToken, far.Commands = "", own, append(far.Commands, "fs.listDir")
	n = joinNode(t, k, far)
	if d := describe(t, l, n.id); d.ApprovalState != "pending-reapproval" || !slices.Equal(d.Commands, []string{"system.run", "system.which"}) {
		t.Errorf("with more than it was let in for: %+v", d)
	}
	if other, err := tryNode(t, k, client.Options{BootstrapToken: token, Header: far.Header}); err == nil {
		t.Errorf("another node came in by the same code: %s", other.id)
	}
}

// tokenIn reads the token of a setup code as a device does.
func tokenIn(t *testing.T, code auth.SetupCode) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(code.SetupCode)
	if err != nil {
		t.Fatal(err)
	}
	var scanned struct{ BootstrapToken string }
	if err := json.Unmarshal(text, &scanned); err != nil {
		t.Fatal(err)
	}
	return scanned.BootstrapToken
}

// TestNodeFromElsewhere is paired, approved, asked for something, offers more, and is removed; what was approved
// survives a restart of the gateway.
func TestNodeFromElsewhere(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	k := kerneltest.Start(t, kerneltest.StateDir(state))
	l := k.Listen()
	far := client.Options{
		Identity: filepath.Join(t.TempDir(), "node.key"), Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}},
		Commands: []string{"system.which", "system.run"}, Caps: []string{"system"}, Client: wire.Client{DisplayName: "desk"},
	}
	_, err := tryNode(t, k, far)
	if e, _ := wireError(t, err); e.Code != wire.NotPaired {
		t.Fatalf("a stranger: %v", err)
	}
	var devices auth.PairList
	l.MustCall("device.pair.list", nil, &devices)
	l.MustCall("device.pair.approve", object{"requestId": devices.Pending[0].RequestID}, nil)

	n := joinNode(t, k, far)
	var request node.Request
	_ = json.Unmarshal(l.Event("node.pair.requested", func(json.RawMessage) bool { return true }).Payload, &request)
	if request.NodeID != n.id || !slices.Equal(request.Commands, []string{"system.run", "system.which"}) || request.DisplayName != "desk" {
		t.Errorf("the request: %+v", request)
	}
	if d := describe(t, l, n.id); d.ApprovalState != "pending-approval" || d.PendingRequestID != request.RequestID || len(d.Commands) != 0 || !d.Connected || !d.Paired {
		t.Errorf("before the approval: %+v", d)
	}
	ask := object{"nodeId": n.id, "command": "system.which", "idempotencyKey": "1"}
	if e, details := wireError(t, l.Call(t.Context(), "node.invoke", ask, nil)); e.Code != wire.InvalidRequest || !strings.Contains(details, "command not approved") {
		t.Errorf("a node that is not approved is asked: %v %s", e, details)
	}
	for _, scopes := range [][]wire.Scope{{wire.ScopePairing}, {wire.ScopePairing, wire.ScopeWrite}} {
		if err := k.Dial(scopes...).Call(t.Context(), "node.pair.approve", object{"requestId": request.RequestID}, nil); wit.CodeOf(err) != wit.CodeForbidden {
			t.Errorf("%v approves a node that runs programs: %v", scopes, err)
		}
	}
	l.MustCall("node.pair.approve", object{"requestId": request.RequestID}, nil)
	n.Event("node.pair.resolved", func(p json.RawMessage) bool { return strings.Contains(string(p), `"approved"`) })
	if err := l.Call(t.Context(), "node.pair.approve", object{"requestId": request.RequestID}, nil); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("approved twice: %v", err)
	}
	done := n.answers("yes")
	if o := <-invoke(t.Context(), l.Client, ask); o.err != nil || string(o.result.Payload) != `"yes"` || o.result.PayloadJSON != nil {
		t.Errorf("%+v", o)
	}
	<-done

	// It comes again and offers more.
	_ = n.Close()
	far.Commands = append(far.Commands, "fs.listDir")
	n = joinNode(t, k, far)
	if d := describe(t, l, n.id); d.ApprovalState != "pending-reapproval" || !slices.Equal(d.Commands, []string{"system.run", "system.which"}) || !slices.Contains(d.PendingDeclaredCommands, "fs.listDir") {
		t.Errorf("with more than was approved: %+v", d)
	}
	l.MustCall("node.rename", object{"nodeId": n.id, "displayName": "attic"}, nil)
	_ = n.Close()
	k.Stop()

	k = kerneltest.Start(t, kerneltest.StateDir(state))
	l = k.Listen()
	if d := describe(t, l, n.id); d.Connected || d.DisplayName != "attic" || d.ApprovalState != "pending-reapproval" || len(d.Commands) != 2 {
		t.Errorf("after a restart: %+v", d)
	}
	n = joinNode(t, k, far)
	done = n.answers("still")
	if o := <-invoke(t.Context(), l.Client, ask); o.err != nil || string(o.result.Payload) != `"still"` {
		t.Errorf("after a restart: %+v", o)
	}
	<-done
	l.MustCall("node.pair.remove", object{"nodeId": n.id}, nil)
	<-n.Done()
	if err := l.Call(t.Context(), "node.describe", object{"nodeId": n.id}, nil); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("a removed node is described: %v", err)
	}
	if _, err := tryNode(t, k, far); err == nil {
		t.Error("a removed node comes back unasked")
	}
}

// TestForgottenDeviceIsNotApproved: when the owner forgets a node's device, what he had approved of it is void.
func TestForgottenDeviceIsNotApproved(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Config(t, `{"gateway":{"silentPairing":false}}`))
	l := k.Listen()
	o := client.Options{Identity: filepath.Join(t.TempDir(), "node.key"), Commands: []string{"system.which"}}
	pair := func() *fakeNode {
		if _, err := tryNode(t, k, o); err == nil {
			t.Fatal("a node of this machine is let in unasked")
		}
		var devices auth.PairList
		l.MustCall("device.pair.list", nil, &devices)
		l.MustCall("device.pair.approve", object{"requestId": devices.Pending[0].RequestID}, nil)
		return joinNode(t, k, o)
	}
	n := pair()
	l.MustCall("node.pair.approve", object{"requestId": describe(t, l, n.id).PendingRequestID}, nil)
	if d := describe(t, l, n.id); d.ApprovalState != "approved" || len(d.Commands) != 1 {
		t.Errorf("%+v", d)
	}
	l.MustCall("device.pair.remove", object{"deviceId": n.id}, nil)
	<-n.Done()
	n = pair()
	if d := describe(t, l, n.id); d.ApprovalState != "pending-approval" || len(d.Commands) != 0 {
		t.Errorf("a device that was forgotten has what it had: %+v", d)
	}
}

// TestAnnouncedNode is paired before it comes, and comes with the token that the owner got for it.
func TestAnnouncedNode(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	l := k.Listen()
	file := filepath.Join(t.TempDir(), "node.key")
	id, key := makeIdentity(t, file)
	other, _ := nodeKey(t)
	if err := l.Call(t.Context(), "node.pair.request", object{"nodeId": id}, nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("a node without device and key: %v", err)
	}
	var made node.RequestResult
	l.MustCall("node.pair.request", object{"nodeId": other, "publicKey": key}, &made)
	if err := l.Call(t.Context(), "node.pair.approve", object{"requestId": made.Request.RequestID}, nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("another's key: %v", err)
	}
	announce := object{"nodeId": id, "publicKey": key, "commands": []string{"system.which"}, "displayName": "attic", "platform": "linux"}
	l.MustCall("node.pair.request", announce, &made)
	first := made.Request.RequestID
	if l.MustCall("node.pair.request", announce, &made); made.Created || made.Request.RequestID != first {
		t.Errorf("the same twice: %+v", made)
	}
	var approved node.Approved
	l.MustCall("node.pair.approve", object{"requestId": first}, &approved)
	for token, want := range map[string]bool{approved.Node.Token: true, "wrong": false} {
		var v node.Verified
		if l.MustCall("node.pair.verify", object{"nodeId": id, "token": token}, &v); v.OK != want || (v.Node != nil) != want {
			t.Errorf("verify %q: %+v", token, v)
		}
	}
	n := joinNode(t, k, client.Options{
		DeviceToken: approved.Node.Token, Identity: file, Commands: []string{"system.which"}, Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}},
	})
	if d := describe(t, l, id); n.id != id || d.ApprovalState != "approved" || !d.Connected {
		t.Errorf("%+v", d)
	}
	l.MustCall("device.token.revoke", object{"deviceId": id, "role": "node"}, nil)
	<-n.Done()
}
