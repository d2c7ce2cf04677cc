package script

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/carapace-gateway/carapace/wit"
)

// Global is the variable that a bundle assigns the entry's exports to.
const Global = "__plugin"

// Bundled is what stacks call the code of a bundle.
const Bundled = "plugin.bundle.js"

// maxProblems is how many problems are named at once.
const maxProblems = 5

// Build bundles a script. sdk is the source of the module that plugins import by the name module. CodeInvalid with the
// position of what is wrong.
func Build(s Source, module, sdk string) (*Bundle, error) {
	if _, ok := s.Files[s.Entry]; !ok {
		return nil, wit.Errorf(wit.CodeInvalid, "there is no %s", s.Entry)
	}
	from := &resolver{files: s.Files, used: map[string]bool{s.Entry: true}}
	exports, err := exports(s.Entry, from, module, sdk)
	if err != nil {
		return nil, err
	}
	built, err := build(s.Entry, from, module, sdk, api.BuildOptions{
		Format: api.FormatIIFE, GlobalName: Global, Sourcemap: api.SourceMapExternal, SourcesContent: api.SourcesContentExclude,
	})
	if err != nil {
		return nil, err
	}
	b := &Bundle{Exports: exports, Parts: from.parts()}
	for _, f := range built.OutputFiles {
		if strings.HasSuffix(f.Path, ".map") {
			b.Map = f.Contents
		} else {
			b.Code = string(f.Contents)
		}
	}
	return b, nil
}

// exports are what the entry exports, which the bundler says of modules only.
func exports(entry string, from *resolver, module, sdk string) ([]string, error) {
	built, err := build(entry, from, module, sdk, api.BuildOptions{Format: api.FormatESModule, Metafile: true})
	if err != nil {
		return nil, err
	}
	var meta struct {
		Outputs map[string]struct {
			Exports []string `json:"exports"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal([]byte(built.Metafile), &meta); err != nil {
		return nil, err
	}
	var all []string
	for _, o := range meta.Outputs {
		all = append(all, o.Exports...)
	}
	return all, nil
}

// build runs the bundler. It reads nothing but the files of the source, writes nothing, and asks nobody.
func build(entry string, from *resolver, module, sdk string, o api.BuildOptions) (api.BuildResult, error) {
	o.EntryPoints, o.Outfile = []string{entry}, "/"+Bundled
	o.AbsWorkingDir = "/"
	o.Bundle, o.Write, o.LogLevel = true, false, api.LogLevelSilent
	o.Target, o.Platform, o.Charset = api.ES2023, api.PlatformNeutral, api.CharsetUTF8
	o.TsconfigRaw = "{}"
	o.Plugins = []api.Plugin{files(from, module, sdk)}
	result := api.Build(o)
	if len(result.Errors) == 0 {
		return result, nil
	}
	var problems []string
	for _, e := range result.Errors[:min(len(result.Errors), maxProblems)] {
		problems = append(problems, problem(e))
	}
	if more := len(result.Errors) - len(problems); more > 0 {
		problems = append(problems, fmt.Sprintf("and %d more", more))
	}
	return result, wit.NewError(wit.CodeInvalid, strings.Join(problems, "; "))
}

// problem is what is wrong, behind its position.
func problem(m api.Message) string {
	text := strings.ReplaceAll(m.Text, namespace+":", "")
	if m.Location == nil {
		return text
	}
	file := strings.TrimPrefix(m.Location.File, namespace+":")
	return fmt.Sprintf("%s:%d:%d: %s", file, m.Location.Line, m.Location.Column+1, text)
}

// namespace keeps the bundler from looking for files on the disk.
const namespace = "plugin"

// files gives the bundler the source's files, and the SDK as a module.
func files(from *resolver, module, sdk string) api.Plugin {
	return api.Plugin{Name: "files", Setup: func(b api.PluginBuild) {
		b.OnResolve(api.OnResolveOptions{Filter: ".*"}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			switch {
			case a.Path == module:
				return api.OnResolveResult{Path: module, Namespace: namespace, SideEffects: api.SideEffectsFalse}, nil
			case a.Kind == api.ResolveEntryPoint:
				return api.OnResolveResult{Path: a.Path, Namespace: namespace}, nil
			}
			kind := "import"
			if a.Kind == api.ResolveJSRequireCall || a.Kind == api.ResolveJSRequireResolve {
				kind = "require"
			}
			name, err := from.resolve(a.Path, a.Importer, kind)
			return api.OnResolveResult{Path: name, Namespace: namespace}, err
		})
		b.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: namespace}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
			if a.Path == module {
				return api.OnLoadResult{Contents: &sdk, Loader: api.LoaderJS}, nil
			}
			text := from.files[a.Path]
			return api.OnLoadResult{Contents: &text, Loader: loaders[path.Ext(a.Path)]}, nil
		})
	}}
}

var loaders = map[string]api.Loader{
	".ts": api.LoaderTS, ".mts": api.LoaderTS, ".js": api.LoaderJS, ".mjs": api.LoaderJS, ".cjs": api.LoaderJS, ".json": api.LoaderJSON,
}
