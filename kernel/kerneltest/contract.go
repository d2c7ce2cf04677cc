package kerneltest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/carapace-gateway/carapace/kernel/protocol"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Contract checks frames against what the gateway promises its clients. It is safe for concurrent use.
type Contract struct {
	document *protocol.Document
	compiler *jsonschema.Compiler
	three    *Protocol3

	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema // by pointer
}

const contractURL = "schema:///protocol"

// NewContract prepares the check of a kernel's contract.
func NewContract(c protocol.Contract) (*Contract, error) {
	d := c.Document()
	text, err := d.JSON()
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	three, err := NewProtocol3()
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	return &Contract{document: d, compiler: compiler, three: three, schemas: map[string]*jsonschema.Schema{}}, compiler.AddResource(contractURL, doc)
}

// check validates a value against what stands at a pointer in the schema; "" is the whole: any frame.
func (c *Contract) check(pointer string, v any) error {
	s, err := c.schema(pointer)
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// schema is what stands at a pointer, compiled once. The clients of all kernels of a test process ask for it, and none waits
// while another one's frame is validated.
func (c *Contract) schema(pointer string) (*jsonschema.Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.schemas[pointer]
	if s == nil {
		var err error
		if s, err = c.compiler.Compile(contractURL + "#" + pointer); err != nil {
			return nil, err
		}
		c.schemas[pointer] = s
	}
	return s, nil
}

// Sent checks a client's frame and returns its id and method.
func (c *Contract) Sent(frame []byte) (id, method string, err error) {
	var f struct{ ID, Method string }
	if err := json.Unmarshal(frame, &f); err != nil {
		return "", "", err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(frame))
	if err == nil {
		err = c.check(c.document.Request.Ref[1:], v)
	}
	return f.ID, f.Method, err
}

// Received checks a frame of the gateway; method is the one that a response answers.
func (c *Contract) Received(frame []byte, method string) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(frame))
	if err != nil {
		return err
	}
	f, ok := v.(map[string]any)
	if !ok {
		return errors.New("the frame is no object")
	}
	payload, has := f["payload"]
	if f["type"] == "event" {
		name, _ := f["event"].(string)
		if c.document.Events[name] == nil {
			return fmt.Errorf("nobody describes the event %q", name)
		}
		return errors.Join(c.check(c.document.News.Ref[1:], v), c.check("/events/"+name+"/payload", payload))
	}
	m := c.document.Methods[method]
	if err := c.check(c.document.Response.Ref[1:], v); err != nil || f["ok"] != true {
		return errors.Join(err, declared(frame, method, m))
	}
	if m == nil || !has {
		return fmt.Errorf("a result of %q without payload, or nobody describes the method", method)
	}
	err = c.check("/methods/"+method+"/result", payload)
	if err != nil && m.Early != nil && c.check("/methods/"+method+"/early", payload) == nil {
		return nil
	}
	return err
}

// declared fails for an error that neither every method nor this one declares.
func declared(frame []byte, name string, m *protocol.Method) error {
	var f struct{ Error wire.Error }
	if err := json.Unmarshal(frame, &f); err != nil {
		return err
	}
	reason := f.Error.Reason()
	if slices.Contains(wire.CommonErrors(), reason) || m != nil && slices.Contains(m.Errors, reason) {
		return nil
	}
	return fmt.Errorf("the row of %q does not declare the error %s: see rpc.Method.Fails", name, reason)
}

// contracts are those of the kernels of a test process: they depend on the services that were left out.
var contracts = struct {
	sync.Mutex
	by map[string]*Contract
}{by: map[string]*Contract{}}

// contract returns what the kernel's frames are checked against.
func (k *Kernel) contract() *Contract {
	contracts.Lock()
	defer contracts.Unlock()
	c := contracts.by[k.without]
	if c == nil {
		var err error
		if c, err = NewContract(k.kernel.Protocol()); err != nil {
			k.t.Fatalf("the contract cannot be checked: %v", err)
		}
		contracts.by[k.without] = c
	}
	return c
}

// Document is the contract with the kernel's clients.
func (k *Kernel) Document() *protocol.Document { return k.contract().document }

// watch returns a trace for one client that fails the test at a frame that breaks the contract, or, in protocol 3, its schemas.
func (k *Kernel) watch() func(sent bool, frame []byte) {
	if _, test := k.t.(*testing.T); !test {
		return nil // a benchmark measures the gateway, not this
	}
	all := k.contract()
	var methods sync.Map // by id of a request
	var old atomic.Bool  // the connection speaks protocol 3
	return func(sent bool, frame []byte) {
		if sent {
			id, method, err := all.Sent(frame)
			if err != nil {
				k.t.Errorf("a client's frame breaks the contract: %v\n%.2000s", brief(err), frame)
			}
			if method == "connect" {
				var f struct{ Params wire.ConnectParams }
				_ = json.Unmarshal(frame, &f)
				chosen, ok := f.Params.Negotiate()
				old.Store(ok && chosen == wire.MinProtocol)
			}
			methods.Store(id, method)
			return
		}
		var f struct{ ID string }
		_ = json.Unmarshal(frame, &f) // Received says what is wrong with it
		method, _ := methods.Load(f.ID)
		name, _ := method.(string)
		err := all.Received(frame, name)
		if old.Load() {
			err = errors.Join(err, all.three.Received(frame, name))
		}
		if err != nil {
			k.t.Errorf("a frame of the gateway breaks the contract (%s): %v\n%.2000s", name, brief(err), frame)
		}
	}
}

// Protocol3 is the check of frames in protocol 3.
func (k *Kernel) Protocol3() *Protocol3 { return k.contract().three }

// brief is the text of a violation: the paths and what is wrong there.
func brief(err error) string {
	return strings.ReplaceAll(err.Error(), contractURL, "")
}
