// Package sources carries what `carapace plugins new` writes beside a new plugin, so that this works where nothing can be
// downloaded: the examples that new plugins are made of, and the SDKs.
package sources

import "embed"

// FS are those parts of this module, at the paths that they have here. They are read only. Of a folder that is named as a whole, files
// that begin with _ or a dot are left out.
//
//go:embed sdk/go wit/*.go wit/codec/*.go
//go:embed sdk/js/*.js sdk/js/*.d.ts sdk/js/package.json sdk/js/tsconfig.json sdk/js/prelude/*.js sdk/js/test/*.js sdk/js/test/*.d.ts
//go:embed sdk/rust/Cargo.toml sdk/rust/README.md sdk/rust/src
//go:embed sdk/as/index.ts sdk/as/assembly sdk/as/runtime sdk/as/test/index.js sdk/as/asconfig.json sdk/as/package.json
//go:embed sdk/python/carapace/*.py sdk/python/carapace/*.pyi sdk/python/carapace/py.typed
//go:embed sdk/c/carapace.h sdk/c/carapace_test.h sdk/zig/carapace.zig sdk/zig/carapace_test.zig
//go:embed pdk-examples
var FS embed.FS
