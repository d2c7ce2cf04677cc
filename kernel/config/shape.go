package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/typo"
	"github.com/carapace-gateway/carapace/wit"
)

// Config reads the settings. Errors: CodeInvalid with the place, the field and what it may be.
func (d *Document) Config() (*Config, error) {
	r, _, err := d.resolved(true, false)
	if err != nil {
		return nil, err
	}
	return r.checked()
}

// checked reads the settings of a document that has all that it takes from elsewhere.
func (d *Document) checked() (*Config, error) {
	c, err := d.decode()
	if err != nil {
		return nil, err
	}
	if wrong := c.check(); wrong != nil {
		n, _ := d.find(wrong.path)
		return nil, d.fault(wrong.path, n.at, "%s", wrong.Error())
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
	if t == reflect.TypeFor[ModelChain]() && n.kind != kindObject {
		if n.kind == kindText {
			return nil
		}
		return d.fault(path, n.at, "%s must be a text or an object, not %s", title(path), n.kind)
	}
	want := kindOf(t)
	if n.kind != want || t.Kind() == reflect.Int && bytes.ContainsAny(n.scalar, ".eE") {
		if t.Kind() == reflect.Int {
			want = "a whole number"
		}
		return d.fault(path, n.at, "%s must be %s, not %s", title(path), want, n.kind)
	}
	if t.Kind() == reflect.Int && json.Unmarshal(n.scalar, new(int)) != nil {
		return d.fault(path, n.at, "%s cannot be as large as %s", title(path), n.scalar)
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
	types, names := fieldsOf(t)
	for _, f := range n.fields {
		known := types[f.name]
		if known == nil {
			return d.fault(append(path[:len(path):len(path)], f.name), f.at, "%s", unknown(path, f.name, names))
		}
		if err := d.fits(f.value, known, append(path[:len(path):len(path)], f.name)); err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf are the types of a struct's fields by their names in the file, and the names in order.
func fieldsOf(t reflect.Type) (types map[string]reflect.Type, names []string) {
	types = map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		types[name], names = f.Type, append(names, name)
	}
	return types, names
}

// unknown says that no setting has a name, and which there are.
func unknown(path []string, name string, names []string) string {
	there := ": there are " + strings.Join(names, ", ")
	if word := meant(path, name, names); word != "" {
		there += " (did you mean " + word + "?)"
	} else {
		there += elsewhere(path)
	}
	if len(path) == 0 {
		return fmt.Sprintf("there is no setting %.100q", name) + there
	}
	return fmt.Sprintf("%s has no field %.100q", title(path), name) + there
}

// meant is which of the names that there are may be meant, or which of those of a channel's accounts; empty for none.
func meant(path []string, name string, names []string) string {
	word := typo.Near(name, names)
	if word == "" && len(path) == 2 && path[0] == "channels" {
		_, ofAccount := fieldsOf(reflect.TypeFor[Account]())
		if word = typo.Near(name, ofAccount); word != "" {
			word = "accounts.ACCOUNT." + word
		}
	}
	return word
}

// Known fails for a path at which no setting can stand. What is below a plugin's config only the plugin knows. Errors:
// CodeInvalid with which there are.
func Known(path ...string) error {
	t := reflect.TypeFor[Config]()
	for i, name := range path {
		if t == reflect.TypeFor[wit.JSON]() {
			return nil
		}
		switch t.Kind() {
		case reflect.Map:
			t = t.Elem()
		case reflect.Struct:
			types, names := fieldsOf(t)
			if t = types[name]; t == nil {
				return wit.NewError(wit.CodeInvalid, unknown(path[:i], name, names))
			}
		default:
			return wit.Errorf(wit.CodeInvalid, "%s is %s: nothing stands below it", title(path[:i]), kindOf(t))
		}
	}
	return nil
}

// Paths are those of the settings that every gateway has, such as log.level. The owner's plugins, channels and accounts
// have names of their own, so nothing below them is among these.
func Paths() []string {
	var list []string
	var walk func(t reflect.Type, prefix string)
	walk = func(t reflect.Type, prefix string) {
		types, names := fieldsOf(t)
		for _, name := range names {
			list = append(list, prefix+name)
			if types[name].Kind() == reflect.Struct {
				walk(types[name], prefix+name+".")
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
	return list
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
	case reflect.Int, reflect.Float64:
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
