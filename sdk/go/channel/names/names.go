// Package names remembers what people and conversations are called, on a platform whose events name them by an id alone and that has to
// be asked. They are kept in the plugin's records, so that thousands of them are no burden to a channel's state: it needs the permission
// kv. For the few of a small account package known does.
package names

import (
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
)

const (
	// Max bounds a name, in characters; a longer one is cut.
	Max = 80
	// keep is for how long a name is taken for right.
	keep      = 7 * 24 * time.Hour
	maxRecord = 200 // names in one
)

// Names are those of one account. They stand in a few records, by the last character of the id, which is as good as chance. A Names
// belongs to one call.
type Names struct {
	host    *sdk.Host
	account string
	records map[string]json.Value
}

// Of returns the names that an account knows. None is read before it is asked for.
func Of(host *sdk.Host, account string) *Names {
	return &Names{host: host, account: account, records: map[string]json.Value{}}
}

// Find returns a name, "" for who has none, and whether it is known.
func (n *Names) Find(id string) (name string, known bool) {
	if id == "" {
		return "", true
	}
	entry := n.record(n.key(id)).Get(id)
	return entry.Text(), entry.Exists()
}

// Keep notes a name, unless it is known; "" says that there is none. A record that is full is begun anew: what is missed then is asked
// for again.
func (n *Names) Keep(id, name string) {
	name = texts.Characters(name, Max)
	if old, known := n.Find(id); id == "" || known && old == name {
		return
	}
	o, count := json.Object{}, 0
	for other, v := range n.record(n.key(id)).Fields() {
		if count++; other != id && count < maxRecord {
			o = o.Text(other, v.Text())
		}
	}
	text := string(o.Text(id, name).JSON())
	n.records[n.key(id)], _ = json.ParseText(text)
	if err := n.host.KVPut(n.key(id), text, keep); err != nil {
		n.host.Warn("a name cannot be kept: " + err.Error())
	}
}

func (n *Names) key(id string) string { return "names/" + n.account + "/" + id[len(id)-1:] }

func (n *Names) record(key string) json.Value {
	if v, read := n.records[key]; read {
		return v
	}
	v := json.Value{}
	if text, ok, err := n.host.KVGet(key); err == nil && ok {
		v, _ = json.ParseText(text)
	}
	n.records[key] = v
	return v
}
