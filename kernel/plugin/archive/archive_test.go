package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/wit"
)

const manifestText = `{"id":"weather","name":"Weather","version":"1.2.0","description":"Says how warm it is.","abi":1,"entry":"%s",
	"provides":{"tools":[{"name":"weather","description":"Now.","effects":["reads"],"parameters":{"type":"object"}}]}}`

// files are a plugin's with this entry.
func files(entry string) map[string][]byte {
	return map[string][]byte{"plugin.json": fmt.Appendf(nil, manifestText, entry), entry: []byte("the code of " + entry)}
}

func with(files map[string][]byte, name, text string) map[string][]byte {
	files = maps.Clone(files)
	files[name] = []byte(text)
	return files
}

// foldered are those of one with files in folders, and packages.
func foldered() map[string][]byte {
	all := files("plugin.ts")
	for _, name := range []string{"lib/a.ts", "lib/deep/b.json", "lib.ts", "package.json", "node_modules/x/package.json", "node_modules/x/index.js", "node_modules/@by/y/package.json",
		"node_modules/@by/y/dist/y.cjs", "node_modules/x/node_modules/@by/y/y.mjs", strings.Repeat("folder/", 10) + strings.Repeat("f", 97) + ".ts"} {
		all[name] = []byte("the text of " + name)
	}
	return all
}

func pack(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	data, err := archive.Pack(files)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t *testing.T, data []byte) *archive.Package {
	t.Helper()
	p, err := archive.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPacked(t *testing.T) {
	all := with(with(foldered(), "more.ts", "export {}"), "README.md", "# Weather")
	data := pack(t, all)
	if !bytes.Equal(data, pack(t, maps.Clone(all))) {
		t.Error("the same files make other bytes")
	}
	p := read(t, data)
	if !maps.EqualFunc(p.Files, all, bytes.Equal) {
		t.Errorf("in it are %v", slices.Sorted(maps.Keys(p.Files)))
	}
	if p.Manifest.ID != "weather" || p.FileName() != "weather-1.2.0.carapace" || len(p.Signers()) != 0 {
		t.Errorf("%s %s %v", p.Manifest.ID, p.FileName(), p.Signers())
	}
}

// TestDigest makes the digest by what the documentation says of it.
func TestDigest(t *testing.T) {
	all := with(with(with(files("plugin.ts"), "README.md", "# Weather"), "lib/a.ts", "1"), "node_modules/@by/x/x.js", "2")
	text := "carapace plugin content 1\n"
	for _, name := range []string{"plugin.json", "README.md", "lib/a.ts", "node_modules/@by/x/x.js", "plugin.ts"} {
		text += fmt.Sprintf("%d %x %s\n", len(all[name]), sha256.Sum256(all[name]), name)
	}
	sum := sha256.Sum256([]byte(text))
	if got, want := read(t, pack(t, all)).Digest(), "sha256:"+hex.EncodeToString(sum[:]); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, other := range []map[string][]byte{with(all, "README.md", "# weather"), with(all, "plugin.ts", "other"), with(all, "LICENSE", ""),
		with(all, "lib/a.ts", "2"), with(all, "lib/b.ts", "1"), with(all, "node_modules/@by/x/x.js", "3")} {
		if read(t, pack(t, other)).Digest() == read(t, pack(t, all)).Digest() {
			t.Error("other content has the same digest")
		}
	}
}

func TestSigned(t *testing.T) {
	p := read(t, pack(t, files("plugin.wasm")))
	var signers []archive.Signer
	for range 2 {
		file, signer, err := archive.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		key, err := archive.ParseKey(file)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := archive.ParseSigner(" " + string(signer) + "\n"); err != nil || again != signer {
			t.Errorf("%s is read as %s, %v", signer, again, err)
		}
		for range 2 { // the second time changes nothing
			data, err := archive.Sign(p, key)
			if err != nil {
				t.Fatal(err)
			}
			signed := read(t, data)
			if signed.Digest() != p.Digest() {
				t.Error("a signature changes the digest")
			}
			p = signed
		}
		signers = append(signers, signer)
	}
	slices.Sort(signers)
	if !slices.Equal(p.Signers(), signers) {
		t.Errorf("signed by %v, want %v", p.Signers(), signers)
	}
	if signers[0].Verify([]byte(p.Digest()), make([]byte, 64)) || archive.Signer("ed25519:").Verify(nil, nil) {
		t.Error("what nobody has signed is right")
	}
}

func TestKeysThatAreNone(t *testing.T) {
	file, signer, err := archive.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "ed25519:", string(signer)[8:], string(signer) + "A", string(signer) + "=", strings.ToUpper(string(signer)), "rsa:" + string(signer)[8:]} {
		if s, err := archive.ParseSigner(text); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%q is the key %q: %v", text, s, err)
		}
	}
	for _, text := range [][]byte{nil, []byte(signer), file[:20], bytes.ReplaceAll(file, []byte("PRIVATE"), []byte("PUBLIC")), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")} {
		if _, err := archive.ParseKey(text); wit.CodeOf(err) != wit.CodeInvalid || bytes.Contains([]byte(err.Error()), []byte("AAAA")) {
			t.Errorf("%q is a private key: %v", text, err)
		}
	}
}

// several are a script's, with so many more of a name and of a length.
func several(n int, name string, length int) map[string][]byte {
	all := files("plugin.ts")
	for i := range n {
		all[fmt.Sprintf(name, i)] = make([]byte, length)
	}
	return all
}

// TestAsMuchAsIsRead: what a gateway reads in a folder can be packed, up to the last file of it.
func TestAsMuchAsIsRead(t *testing.T) {
	all := several(script.MaxPackages, "node_modules/p%d/x.js", script.MaxPackageBytes/script.MaxPackages)
	maps.Copy(all, several(script.MaxPackageFiles-script.MaxPackages, "node_modules/p0/f%d.js", 0))
	maps.Copy(all, several(script.MaxFiles-1, "lib/f%d.ts", script.MaxBytes/script.MaxFiles))
	for _, name := range archive.Texts() {
		all[name] = nil
	}
	if p := read(t, pack(t, all)); len(p.Files) != archive.MaxFiles {
		t.Errorf("%d files", len(p.Files))
	}
}

// TestWhatIsNoPlugin packs what is not, or not only, a plugin.
func TestWhatIsNoPlugin(t *testing.T) {
	many := files("plugin.ts")
	for n := range archive.MaxFiles {
		many[fmt.Sprintf("f%d.ts", n)] = nil
	}
	for name, c := range map[string]struct {
		files map[string][]byte
		code  wit.Code
	}{
		"nothing":         {nil, wit.CodeInvalid},
		"no manifest":     {map[string][]byte{"plugin.wasm": nil}, wit.CodeInvalid},
		"no code":         {map[string][]byte{"plugin.json": files("plugin.wasm")["plugin.json"]}, wit.CodeInvalid},
		"bad manifest":    {with(files("plugin.wasm"), "plugin.json", `{"id":"x"}`), wit.CodeInvalid},
		"a script":        {with(files("plugin.wasm"), "plugin.ts", ""), wit.CodeInvalid},
		"another wasm":    {with(files("plugin.ts"), "plugin.wasm", ""), wit.CodeInvalid},
		"a secret":        {with(files("plugin.ts"), ".env", "KEY=1"), wit.CodeInvalid},
		"signatures":      {with(files("plugin.wasm"), "signatures.json", "[]"), wit.CodeInvalid},
		"a folder":        {with(files("plugin.wasm"), "lib/more.ts", ""), wit.CodeInvalid},
		"a package":       {with(files("plugin.wasm"), "package.json", ""), wit.CodeInvalid},
		"above":           {with(files("plugin.ts"), "../more.ts", ""), wit.CodeInvalid},
		"above, inside":   {with(files("plugin.ts"), "lib/../more.ts", ""), wit.CodeInvalid},
		"here":            {with(files("plugin.ts"), "./more.ts", ""), wit.CodeInvalid},
		"here, inside":    {with(files("plugin.ts"), "lib/./more.ts", ""), wit.CodeInvalid},
		"no name":         {with(files("plugin.ts"), "lib//more.ts", ""), wit.CodeInvalid},
		"a folder alone":  {with(files("plugin.ts"), "lib/", ""), wit.CodeInvalid},
		"absolute":        {with(files("plugin.ts"), "/more.ts", ""), wit.CodeInvalid},
		"a backslash":     {with(files("plugin.ts"), `lib\more.ts`, ""), wit.CodeInvalid},
		"a drive":         {with(files("plugin.ts"), "C:/more.ts", ""), wit.CodeInvalid},
		"hidden":          {with(files("plugin.ts"), "lib/.more.ts", ""), wit.CodeInvalid},
		"hidden folder":   {with(files("plugin.ts"), "node_modules/.bin/more.js", ""), wit.CodeInvalid},
		"a dot":           {with(files("plugin.ts"), "lib./more.ts", ""), wit.CodeInvalid},
		"a test":          {with(files("plugin.ts"), "testdata/more.ts", ""), wit.CodeInvalid},
		"of a package":    {with(files("plugin.ts"), "node_modules/x/README.md", ""), wit.CodeInvalid},
		"packages below":  {with(files("plugin.ts"), "lib/node_modules/x/x.js", ""), wit.CodeInvalid},
		"a text below":    {with(files("plugin.ts"), "lib/LICENSE", ""), wit.CodeInvalid},
		"a manifest too":  {with(files("plugin.ts"), "lib/plugin.json", ""), wit.CodeInvalid},
		"deep":            {with(files("plugin.ts"), strings.Repeat("d/", 21)+"more.ts", ""), wit.CodeInvalid},
		"a long path":     {with(files("plugin.ts"), strings.Repeat("folders-in-folders/", 14)+"more.ts", ""), wit.CodeInvalid},
		"the same path":   {with(with(files("plugin.ts"), "lib/more.ts", ""), "lib/More.ts", ""), wit.CodeInvalid},
		"the same folder": {with(with(files("plugin.ts"), "lib/a.ts", ""), "Lib/b.ts", ""), wit.CodeInvalid},
		"the same scope":  {with(with(files("plugin.ts"), "node_modules/@by/x/a.js", ""), "node_modules/@By/y/a.js", ""), wit.CodeInvalid},
		"file and folder": {with(with(files("plugin.ts"), "more.ts", ""), "more.ts/a.ts", ""), wit.CodeInvalid},
		"file or folder":  {with(with(files("plugin.ts"), "more.ts", ""), "More.ts/a.ts", ""), wit.CodeInvalid},
		"own files":       {several(script.MaxFiles, "lib/f%d.ts", 0), wit.CodeInvalid},
		"own bytes":       {several(5, "f%d.ts", script.MaxBytes/4), wit.CodeInvalid},
		"packages":        {several(script.MaxPackages+1, "node_modules/p%d/x.js", 0), wit.CodeInvalid},
		"their files":     {several(script.MaxPackageFiles+1, "node_modules/p/f%d.js", 0), wit.CodeInvalid},
		"their bytes":     {several(5, "node_modules/p%d/x.js", script.MaxPackageBytes/4), wit.CodeInvalid},
		"a long name":     {with(files("plugin.ts"), "lib/"+strings.Repeat("a", 98)+".ts", ""), wit.CodeInvalid},
		"the same twice":  {with(files("plugin.ts"), "Plugin.ts", ""), wit.CodeInvalid},
		"too many":        {many, wit.CodeTooLarge},
		"too large":       {with(files("plugin.wasm"), "README.md", strings.Repeat("a", archive.MaxBytes)), wit.CodeTooLarge},
	} {
		if _, err := archive.Pack(c.files); wit.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// tape is a tar of these entries, which others might write.
func tape(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		text := h.Linkname // of a plain file: what is in it
		if h.Typeflag == tar.TypeReg {
			h.Linkname, h.Size = "", int64(len(text))
		} else {
			text = ""
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// plain is an entry as packing writes it.
func plain(name, text string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Linkname: text, Mode: 0o644, Format: tar.FormatUSTAR}
}

// TestHostileArchives reads what was written to mislead. The first is as good as it gets, so that each other one is refused for
// what it says that it is.
func TestHostileArchives(t *testing.T) {
	good := []tar.Header{plain("plugin.json", string(files("plugin.ts")["plugin.json"])), plain("more.ts", "1"), plain("plugin.ts", "2")}
	if _, err := archive.Read(zip(t, tape(t, good...))); err != nil {
		t.Fatal(err)
	}
	and := func(more ...tar.Header) []tar.Header { return append(slices.Clone(good), more...) }
	changed := func(change func(*tar.Header)) []tar.Header {
		list := slices.Clone(good)
		change(&list[1])
		return list
	}
	for name, list := range map[string][]tar.Header{
		"a link":                  and(tar.Header{Typeflag: tar.TypeSymlink, Name: "x.ts", Linkname: "/etc/passwd", Format: tar.FormatUSTAR}),
		"a hard link":             and(tar.Header{Typeflag: tar.TypeLink, Name: "x.ts", Linkname: "plugin.ts", Format: tar.FormatUSTAR}),
		"a folder":                and(tar.Header{Typeflag: tar.TypeDir, Name: "x", Format: tar.FormatUSTAR}),
		"a device":                and(tar.Header{Typeflag: tar.TypeChar, Name: "x.ts", Devmajor: 1, Devminor: 5, Format: tar.FormatUSTAR}),
		"an absolute path":        and(plain("/x.ts", "")),
		"a path that leaves":      and(plain("../x.ts", "")),
		"a path that comes back":  and(plain("lib/../x.ts", "")),
		"an empty name in a path": and(plain("x//x.ts", "")),
		"a folder's twin":         and(plain("x/a.ts", ""), plain("x/A.ts", "")),
		"a folder of a file":      and(plain("plugin.ts/x.ts", "")),
		"a name with NUL":         changed(func(h *tar.Header) { h.Name = "more\\.ts" }),
		"twice":                   and(plain("plugin.ts", "3")),
		"another order":           {good[1], good[0], good[2]},
		"an owner":                changed(func(h *tar.Header) { h.Uid = 7 }),
		"a mode":                  changed(func(h *tar.Header) { h.Mode = 0o777 }),
		"PAX":                     changed(func(h *tar.Header) { h.Format, h.PAXRecords = tar.FormatPAX, map[string]string{"VENDOR.x": "1"} }),
		"GNU":                     changed(func(h *tar.Header) { h.Format = tar.FormatGNU }),
		"no signature":            and(plain("signatures.json", "[]")),
		"a false signature":       and(plain("signatures.json", `[{"signer":"ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","signature":"AAAA"}]`)),
		"not signatures":          and(plain("signatures.json", `{}`)),
		"after signatures":        and(plain("signatures.json", `[]`), plain("x.ts", "")),
	} {
		if p, err := archive.Read(zip(t, tape(t, list...))); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	whole := zip(t, tape(t, good...))
	for name, data := range map[string][]byte{
		"nothing": nil, "text": []byte("plugin"), "a tar": tape(t, good...), "half": whole[:len(whole)/2], "no end": whole[:len(whole)-1],
		"more": append(slices.Clone(whole), 0), "another": append(slices.Clone(whole), whole...), "an empty tar": zip(t, tape(t)),
		"behind the end": zip(t, append(tape(t, good...), make([]byte, 512)...)),
		"in the padding": zip(t, bytes.Replace(tape(t, good...), append([]byte("2"), 0, 0), append([]byte("2"), 0, 7), 1)),
	} {
		if p, err := archive.Read(data); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

// TestWhyAnArchiveIsRefused: each says what is wrong with it.
func TestWhyAnArchiveIsRefused(t *testing.T) {
	manifest := plain("plugin.json", string(files("plugin.ts")["plugin.json"]))
	for want, list := range map[string][]tar.Header{
		`"plugin.json" is in the archive twice`: {manifest, manifest},
		"a file follows its signatures":         {manifest, plain("signatures.json", "[]"), plain("x.ts", "")},
		"as `carapace plugins pack` writes it":  {{Typeflag: tar.TypeReg, Name: "plugin.json", Format: tar.FormatGNU}},
		`"x" in the archive is no plain file`:   {manifest, {Typeflag: tar.TypeSymlink, Name: "x", Linkname: "y", Format: tar.FormatUSTAR}},
	} {
		if _, err := archive.Read(zip(t, tape(t, list...))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := archive.Read(nil); err == nil || !strings.Contains(err.Error(), "it is empty") {
		t.Error(err)
	}
}

// TestBombs: what is small and holds much is not unpacked to the end.
func TestBombs(t *testing.T) {
	zeros := zip(t, make([]byte, archive.MaxBytes+8<<20))
	if _, err := archive.Read(zeros); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("%d bytes: %v", len(zeros), err)
	}
	var many []tar.Header
	for n := range 5000 {
		many = append(many, plain(fmt.Sprintf("f%d.ts", n), ""))
	}
	if _, err := archive.Read(zip(t, tape(t, many...))); err == nil {
		t.Error("5000 files are read")
	}
	if _, err := archive.Read(make([]byte, archive.MaxArchive+1)); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("too long: %v", err)
	}
}

// TestEachBitCounts changes each byte of a signed archive's tar in turn: none can be another and the archive still be read as
// signed.
func TestEachBitCounts(t *testing.T) {
	file, _, err := archive.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := archive.ParseKey(file)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := archive.Sign(read(t, pack(t, files("plugin.wasm"))), key)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(signed))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := gzip.NewWriter(nil)
	for n := range whole {
		whole[n] ^= 1
		out.Reset()
		w.Reset(&out)
		if _, err := w.Write(whole); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Read(out.Bytes()); err == nil {
			t.Fatalf("byte %d of %d is another, and the archive is read", n, len(whole))
		}
		whole[n] ^= 1
	}
}

// FuzzRead: whatever is read is written again, means the same then, and is within the bounds.
func FuzzRead(f *testing.F) {
	good, err := archive.Pack(foldered())
	if err != nil {
		f.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(good))
	if err != nil {
		f.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain, false)
	f.Add(good, true)
	f.Fuzz(func(t *testing.T, data []byte, asItIs bool) {
		if !asItIs { // so that the fuzzer reaches what is inside
			data = zip(t, data)
		}
		p, err := archive.Read(data)
		if err != nil {
			if code := wit.CodeOf(err); code != wit.CodeInvalid && code != wit.CodeTooLarge {
				t.Fatal(err)
			}
			return
		}
		again, err := archive.Pack(p.Files)
		if err != nil {
			t.Fatal(err)
		}
		if q, err := archive.Read(again); err != nil || q.Digest() != p.Digest() {
			t.Fatalf("%v, %v", q, err)
		}
	})
}
