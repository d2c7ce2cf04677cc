package wit

// Function is one function of the contract's world.
type Function struct {
	// Name of the WebAssembly import or export, such as channel_event.
	Name string
	// Capability is the interface: what a manifest provides for an export, the permission that an
	// import needs (log and config need none).
	Capability string
	// Param and Result are the names of types in this package; Result is empty when there is none.
	Param, Result string
}

// ExportNames returns the names of Exports.
func ExportNames() []string {
	var names []string
	for _, f := range Exports() {
		names = append(names, f.Name)
	}
	return names
}

// CapabilityOf returns the capability that an export belongs to, "" for a name that is none of the
// contract's exports.
func CapabilityOf(export string) string {
	for _, f := range Exports() {
		if f.Name == export {
			return f.Capability
		}
	}
	return ""
}

// PermissionOf returns the permission that an import needs: "" and true for one that is always
// granted, "" and false for a name that is none of the contract's imports.
func PermissionOf(name string) (permission string, known bool) {
	for _, f := range Imports() {
		if f.Name != name {
			continue
		}
		if f.Capability == "log" || f.Capability == "config" {
			return "", true
		}
		return f.Capability, true
	}
	return "", false
}
