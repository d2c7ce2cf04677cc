package wit

import "slices"

// Function is one function of the contract's world, with all that the contract says of it.
type Function struct {
	// Name of the WebAssembly import or export, such as channel_event.
	Name string
	// Capability is the interface: channel, kv. Operation is the function's own name in it.
	Capability, Operation string
	// Param and Result are the names of types in this package; Result is empty when there is none.
	Param, Result string
	// Permission is what an import needs, and what makes an export needed that belongs to no kind; empty
	// for imports that are always granted and for the exports of kinds.
	Permission string

	// The rest is about exports.

	// Class keeps calls apart that must not hold each other up.
	Class Class
	// Pure says that the answer depends on the input alone: no http, and it can be repeated.
	Pure bool
	// Optional says that a plugin of the kind may lack it.
	Optional bool
	// Deadline in milliseconds; 0 leaves it to the plugin's limits.
	Deadline int64
}

// Class names exports whose calls share instances.
type Class string

// Exports returns the functions that a plugin may export, in the contract's order.
func Exports() []Function { return slices.Clone(exports[:]) }

// Imports returns the functions that a plugin may import from module extism:host/user.
func Imports() []Function { return slices.Clone(imports[:]) }

// Export returns an export's facts, which are not to be changed; nil for a name that is none of the contract's exports.
func Export(name string) *Function {
	for i := range exports {
		if exports[i].Name == name {
			return &exports[i]
		}
	}
	return nil
}

// ExportNames returns the names of Exports.
func ExportNames() []string {
	var names []string
	for i := range exports {
		names = append(names, exports[i].Name)
	}
	return names
}

// Operations returns the names of the optional functions of a kind.
func Operations(kind string) []string {
	var names []string
	for i := range exports {
		if f := &exports[i]; f.Optional && f.Capability == kind {
			names = append(names, f.Operation)
		}
	}
	return names
}

// CapabilityOf returns the capability that an export belongs to, "" for a name that is none of the
// contract's exports.
func CapabilityOf(export string) string {
	if f := Export(export); f != nil {
		return f.Capability
	}
	return ""
}

// PermissionOf returns the permission that an import needs: "" and true for one that is always
// granted, "" and false for a name that is none of the contract's imports.
func PermissionOf(name string) (permission string, known bool) {
	for i := range imports {
		if imports[i].Name == name {
			return imports[i].Permission, true
		}
	}
	return "", false
}

// Asking is how a manifest asks for a permission, for whoever has left it out: `"kv": {"reason": "…"}`.
func Asking(permission string) string {
	more := ""
	switch permission {
	case "http":
		more = `, "hosts": ["…"]`
	case "credential":
		more = `, "names": ["…"]`
	}
	return `"` + permission + `": {"reason": "…"` + more + `}`
}

// Declares reports whether the manifest accounts for an export: by a kind that it provides, or by a
// permission that it asks for. Names that are none of the contract's are no matter of the manifest.
func (v *Manifest) Declares(export string) bool {
	switch f := Export(export); {
	case f == nil:
		return true
	case f.Permission != "":
		return v.Permissions.Has(f.Permission)
	default:
		return v.Provides.Has(f.Capability)
	}
}
