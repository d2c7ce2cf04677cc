// Package contract is the contract between the gateway and its plugins as data: each type with its fields and bounds,
// each function with its facts. It is for what goes through all of it, such as what makes inputs of every kind, and not for
// guests, which have the types of package wit.
//
// # What may change
//
// A plugin that was built against a version of the contract keeps loading and answering with each later one of the same
// number. So within a number things are only added: kinds, functions, permissions, hooks, optional fields, cases
// of enums that plugins write or that are open. What plugins write is bounded less, never more; what they read is bounded
// more, never less. Nothing is renamed, removed, or given another type or meaning. The test of this package compares
// the contract with testdata/contract-1.json, which was recorded, and says what breaks the rule; plugins that were built then are in
// testdata/contract-1, and work.
package contract

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/carapace-gateway/carapace/wit/codec"
)

//go:embed contract.json
var text []byte

// Record is what every record of the contract can do.
type Record interface {
	codec.Appender
	codec.Receiver
	Validate() error
}

// Contract is all of it, in the order of its text.
type Contract struct {
	Version string           `json:"version"`
	Limits  map[string]int64 `json:"limits"`
	Types   []Type           `json:"types"`
	Exports []Function       `json:"exports"`
	Imports []Function       `json:"imports"`
}

// Type is a record, or an enum where it has cases.
type Type struct {
	Name string `json:"name"`
	// Open enums take cases that are not known; Hooks is the enum of the hooks.
	Open  bool     `json:"open,omitempty"`
	Hooks bool     `json:"hooks,omitempty"`
	Cases []string `json:"cases,omitempty"`
	// Max are bytes of a record's JSON, 0 where nothing is said. Of OneOf exactly one field is set.
	Max    int64    `json:"max,omitempty"`
	OneOf  []string `json:"oneOf,omitempty"`
	Fields []Field  `json:"fields,omitempty"`
}

// Field is a field of a record. Its bounds are those of the value, or of the length of a list; Item are those of the texts in it.
type Field struct {
	Name string `json:"name"`
	// Kind is string, bool, json, byte (bytes, in base64), enum, record, or a type of numbers of Go.
	Kind    string `json:"kind"`
	Type    string `json:"type,omitempty"` // of an enum or a record
	List    bool   `json:"list,omitempty"`
	Option  bool   `json:"option,omitempty"`
	Object  bool   `json:"object,omitempty"` // of json
	Default string `json:"default,omitempty"`
	Bounds
	Item *Bounds `json:"item,omitempty"`
}

// Bounds are what a value has to keep: bytes of a text, items of a list, the value of a number.
type Bounds struct {
	Required bool   `json:"required,omitempty"`
	Min      *int64 `json:"min,omitempty"`
	Max      *int64 `json:"max,omitempty"`
	Cut      int64  `json:"cut,omitempty"`
	Pattern  string `json:"pattern,omitempty"`
}

// Function is an export or an import, as wit.Function has it.
type Function struct {
	Name       string `json:"name"`
	Capability string `json:"capability"`
	Param      string `json:"param"`
	Result     string `json:"result,omitempty"`
	Permission string `json:"permission,omitempty"`
	Class      string `json:"class,omitempty"`
	Instances  string `json:"instances,omitempty"`
	Pure       bool   `json:"pure,omitempty"`
	Optional   bool   `json:"optional,omitempty"`
	Unless     string `json:"unless,omitempty"`
	Deadline   int64  `json:"deadline,omitempty"` // milliseconds
}

// Read returns the contract of this build.
func Read() *Contract {
	c, err := parse(text)
	if err != nil {
		panic(err) // it is generated
	}
	return c
}

func parse(text []byte) (*Contract, error) {
	c := &Contract{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("the contract: %w", err)
	}
	return c, nil
}

// Type finds a type, nil where there is none of that name.
func (c *Contract) Type(name string) *Type {
	for n := range c.Types {
		if c.Types[n].Name == name {
			return &c.Types[n]
		}
	}
	return nil
}

// Field finds a field by its name in JSON, nil where there is none.
func (t *Type) Field(name string) *Field {
	for n := range t.Fields {
		if t.Fields[n].Name == name {
			return &t.Fields[n]
		}
	}
	return nil
}
