package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Config reads the settings. Errors: CodeInvalid with the place, the field and what it may be.
func (d *Document) Config() (*Config, error) {
	c, err := d.decode()
	if err != nil {
		return nil, err
	}
	if wrong := c.check(); wrong != nil {
		n, _ := d.find(wrong.path)
		return nil, d.wrong(n.at, "%s", wrong.Error())
	}
	return c, nil
}

// decode reads the settings, whatever they say.
func (d *Document) decode() (*Config, error) {
	c := &Config{}
	if err := d.fits(d.root, reflect.TypeFor[Config](), nil); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(d.root.json(), c); err != nil {
		return nil, d.wrong(0, "%v", err)
	}
	return c, nil
}

// fits compares a value with the Go type that it is to be read into: names of fields, and kinds of values.
// encoding/json does the same, but knows neither the place nor what is allowed.
func (d *Document) fits(n *node, t reflect.Type, path []string) error {
	if t == reflect.TypeFor[wit.JSON]() || n.kind == kindNull {
		return nil
	}
	want := kindOf(t)
	if n.kind != want || t.Kind() == reflect.Int && bytes.ContainsAny(n.scalar, ".eE") {
		if t.Kind() == reflect.Int {
			want = "a whole number"
		}
		return d.wrong(n.at, "%s must be %s, not %s", title(path), want, n.kind)
	}
	if t.Kind() == reflect.Int && json.Unmarshal(n.scalar, new(int)) != nil {
		return d.wrong(n.at, "%s cannot be as large as %s", title(path), n.scalar)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.fits(n, t.Elem(), path)
	case reflect.Slice:
		for _, item := range n.items {
			if err := d.fits(item, t.Elem(), path); err != nil {
				return err
			}
		}
	case reflect.Map:
		for _, f := range n.fields {
			if err := d.fits(f.value, t.Elem(), append(path[:len(path):len(path)], f.name)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return d.fitsFields(n, t, path)
	}
	return nil
}

func (d *Document) fitsFields(n *node, t reflect.Type, path []string) error {
	types := map[string]reflect.Type{}
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		types[name], names = f.Type, append(names, name)
	}
	for _, f := range n.fields {
		known := types[f.name]
		if known == nil {
			return d.wrong(f.at, "%s has no field %q: there are %s%s", title(path), f.name, strings.Join(names, ", "), elsewhere(path))
		}
		if err := d.fits(f.value, known, append(path[:len(path):len(path)], f.name)); err != nil {
			return err
		}
	}
	return nil
}

// elsewhere says where a plugin's own settings belong, which people write beside the gateway's.
func elsewhere(path []string) string {
	if len(path) < 2 || path[0] != "plugins" && path[0] != "channels" {
		return ""
	}
	return "; what the plugin itself knows stands in its config, and a token or another credential is given by `carapace setup " +
		path[1] + "` and never stands in this file"
}

// kindOf is what a value of a Go type is in JSON.
func kindOf(t reflect.Type) kind {
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Struct, reflect.Map:
		return kindObject
	case reflect.Slice:
		return kindList
	case reflect.Bool:
		return kindTruth
	case reflect.Int:
		return kindNumber
	}
	return kindText
}

// title is how an error names what stands at a path.
func title(path []string) string {
	if len(path) == 0 {
		return "the settings as a whole"
	}
	return strings.Join(path, ".")
}
