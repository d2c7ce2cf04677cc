// Package toolname finds names for tools that a server takes, where it would refuse their own.
package toolname

import (
	"hash/fnv"
	"maps"
	"slices"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Names are what the server calls tools, by their own names, for those that it would refuse.
type Names map[string]string

const maxName = 64

// New finds the names of a chat that have to be others: of its tools, and of calls that a model made up.
// Each gets one that no other has, and the same in each request. The good names are taken before any is made, for a tool
// may have the very name that another one would get.
func New(chat *wit.Chat) Names {
	found, taken := Names{}, map[string]bool{}
	each := func(visit func(name string)) {
		for i := range chat.Tools {
			visit(chat.Tools[i].Name)
		}
		for i := range chat.Turns {
			for j := range chat.Turns[i].ToolCalls {
				visit(chat.Turns[i].ToolCalls[j].Name)
			}
		}
	}
	each(func(name string) { taken[name] = legalName(name) })
	each(func(name string) {
		if taken[name] || found[name] != "" {
			return
		}
		for salt := 0; ; salt++ {
			legal := rename(name, salt)
			if !taken[legal] {
				found[name], taken[legal] = legal, true
				return
			}
		}
	})
	return found
}

// Of is what the server calls a tool.
func (n Names) Of(name string) string {
	if legal := n[name]; legal != "" {
		return legal
	}
	return name
}

// Own are the tools' own names by what the server calls them; only those that differ.
type Own map[string]string

// Back are the own names of tools, for what comes back from the server.
func (n Names) Back(specs []wit.ToolSpec) Own {
	own := Own{}
	for i := range specs {
		if legal := n[specs[i].Name]; legal != "" {
			own[legal] = specs[i].Name
		}
	}
	return own
}

// Of is the own name of a tool.
func (o Own) Of(name string) string {
	if own := o[name]; own != "" {
		return own
	}
	return name
}

// ReadOwn reads what JSON wrote.
func ReadOwn(v json.Value) Own {
	o := Own{}
	for legal, own := range v.Fields() {
		o[legal] = own.Text()
	}
	return o
}

// JSON are the names as a state has them.
func (o Own) JSON() wit.JSON {
	out := json.Object{}
	for _, legal := range slices.Sorted(maps.Keys(o)) {
		out = out.Text(legal, o[legal])
	}
	return out.JSON()
}

// legalName reports whether every server takes the name: a letter or _, then letters, digits, _ and -.
func legalName(name string) bool {
	return name != "" && len(name) <= maxName && name == legalized(name) && name[0] > '9'
}

// legalized has _ for what is neither a letter nor a digit, nor _ or -.
func legalized(name string) string {
	out := []byte(name)
	for i, c := range out {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '0' || c > '9') && c != '_' && c != '-' {
				out[i] = '_'
			}
		}
	}
	return string(out)
}

// rename keeps what can be kept of a name, for the model to understand, and tells it from others by a hash.
func rename(name string, salt int) string {
	mark := "_" + hash(name, salt)
	stem := "t_" + legalized(name)
	return stem[:min(len(stem), maxName-len(mark))] + mark
}

// LegalID is the id of a tool call as all servers take it; one that they might refuse is replaced by its hash.
// OpenAI takes 40 bytes, and the ids of other servers, which a conversation may have begun with, are longer.
func LegalID(id string) string {
	if id != "" && len(id) <= 40 && id == legalized(id) {
		return id
	}
	return hash(id, 0)
}

// hash is a short text that differs where text or salt do. It is no secret; it has to be the same in each request.
func hash(text string, salt int) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text + strconv.Itoa(salt))) // a hash takes all
	return strconv.FormatUint(h.Sum64(), 36)
}

// FixedID is the id of a tool call for servers that take only letters and digits, and just so many of them; another one is
// replaced by its hash.
func FixedID(id string, length int) string {
	fits := len(id) == length
	for _, c := range []byte(id) {
		fits = fits && (c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z')
	}
	if fits {
		return id
	}
	digits := "0000000000000" + hash(id, 0)
	return digits[len(digits)-min(length, len(digits)):]
}
