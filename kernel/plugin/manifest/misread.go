package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/typo"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// misread says where plugin.json cannot be read, by line and column, and what may have been meant there.
func misread(data []byte, err error) error {
	at := (*codec.Error)(nil)
	if !errors.As(err, &at) {
		return wit.Errorf(wit.CodeInvalid, "plugin.json: %w", err)
	}
	if how := encoded(data); how != "" {
		return wit.NewError(wit.CodeInvalid, "plugin.json "+how)
	}
	offset, problem := at.Offset, at.Problem
	switch rest := data[min(offset, len(data)):]; {
	case bytes.HasPrefix(rest, []byte("//")) || bytes.HasPrefix(rest, []byte("/*")):
		problem = "JSON has no comments"
	case problem == codec.UnknownField:
		offset, problem = unknownField(data[:offset], at.Path)
	case problem == codec.UnknownCase:
		offset, problem = unknownCase(data[:offset], at.Path)
	}
	if at.Path != "" {
		problem = at.Path + ": " + problem
	}
	line, column := place(data, offset)
	return wit.Errorf(wit.CodeInvalid, "plugin.json:%d:%d: %s", line, column, problem)
}

// encoded says what is wrong with a file that is no text in UTF-8, or none at all; empty where it is one.
func encoded(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return "begins with a byte order mark: save it as UTF-8 without one"
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "is UTF-16: save it as UTF-8"
	case len(bytes.TrimSpace(data)) == 0:
		return "is empty: write what the plugin is"
	}
	return ""
}

// place is the line and the column of an offset, counted from 1.
func place(data []byte, offset int) (line, column int) {
	before := data[:min(offset, len(data))]
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}

// unknownField says which field is meant by the last one in what was read, or which there are beside it.
func unknownField(read []byte, path string) (offset int, problem string) {
	parent, name := "", path
	if at := strings.LastIndex(path, "."); at >= 0 {
		parent, name = path[:at], path[at+1:]
	}
	problem = "unknown field"
	if names := fieldsOf(typeAt(parent)); len(names) > 0 {
		problem += ": there are " + strings.Join(names, ", ")
		if word := typo.Near(name, names); word != "" {
			problem = fmt.Sprintf("unknown field (did you mean %s?)", word)
		}
	}
	return max(bytes.LastIndex(read, []byte(`"`+name+`"`)), 0), problem
}

// unknownCase says which words there are in the place of the last one in what was read.
func unknownCase(read []byte, path string) (offset int, problem string) {
	problem = "is none of the words that there are"
	if t := typeAt(path); t != nil {
		if e, ok := reflect.Zero(t).Interface().(interface{ Cases() []string }); ok {
			problem = "is none of " + strings.Join(e.Cases(), ", ")
		}
	}
	end := max(bytes.LastIndexByte(read, '"'), 0)
	offset = max(bytes.LastIndexByte(read[:end], '"'), 0)
	return offset, fmt.Sprintf("%.80s %s", read[offset:min(end+1, len(read))], problem)
}

// typeAt is the type of the value at a path of a manifest, nil where the contract says nothing of it.
func typeAt(path string) reflect.Type {
	t := reflect.TypeFor[wit.Manifest]()
	for part := range strings.SplitSeq(path, ".") {
		name, _, list := strings.Cut(part, "[")
		if t = fieldType(t, name); t == nil {
			return nil
		}
		if list && t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
	}
	return t
}

// fieldType is the type of a struct's field by its name in JSON. No name is the struct itself.
func fieldType(t reflect.Type, name string) reflect.Type {
	if name == "" {
		return t
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for n := range t.NumField() {
		if fieldName(t.Field(n)) == name {
			return t.Field(n).Type
		}
	}
	return nil
}

func fieldsOf(t reflect.Type) (names []string) {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for n := range t.NumField() {
		names = append(names, fieldName(t.Field(n)))
	}
	return names
}

func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
