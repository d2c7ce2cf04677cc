package interpreter_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/interpreter"
	"github.com/carapace-gateway/carapace/wit"
)

// small is an interpreter of a few bytes.
func small(text string) (interpreter.Interpreter, []byte) {
	module := []byte("\x00asm" + text)
	sum := sha256.Sum256(module)
	return interpreter.Interpreter{Name: "small", Version: "1.0.0", SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(module))}, module
}

func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for n, text := range files {
		w, err := z.Create(string(rune('a'+n)) + "/python.wasm")
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarred(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for n, text := range files {
		err := w.WriteHeader(&tar.Header{Name: "package/" + string(rune('a'+n)), Size: int64(len(text)), Mode: 0o644})
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestInstall: what is installed is the module of the digest, whatever it comes in, and nothing else.
func TestInstall(t *testing.T) {
	i, module := small("module")
	other := "\x00asmMODULE" // of the same size
	for name, c := range map[string]struct {
		data []byte
		want string // of the error
	}{
		"the module":               {module, ""},
		"in a wheel":               {zipped(t, "readme", other, string(module)), ""},
		"in a package of npm":      {tarred(t, "readme", other, string(module)), ""},
		"another module":           {[]byte(other), "this is not small 1.0.0: its SHA-256 is another than " + i.SHA256},
		"a wheel of another":       {zipped(t, other), "the package has no file that is small 1.0.0"},
		"a package of another":     {tarred(t, other), "the package has no file that is small 1.0.0"},
		"nothing":                  {nil, "the package has no file that is small 1.0.0"},
		"what is neither":          {[]byte("<html>" + strings.Repeat(" ", 1000)), "this is neither the module of small nor a package"},
		"a wheel that is cut":      {zipped(t, string(module))[:40], "this is neither the module of small nor a package"},
		"a package that is cut":    {tarred(t, string(module))[:40], "this is neither the module of small nor a package"},
		"a compressed half of one": {[]byte("\x1f\x8b\x08"), "this is neither the module of small nor a package"},
	} {
		t.Run(name, func(t *testing.T) {
			s := interpreter.Store{Dir: filepath.Join(t.TempDir(), "runtimes")}
			if _, err := s.Find(i); wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "run `carapace runtimes install small`") {
				t.Errorf("before it is installed: %v", err)
			}
			err := s.Install(i, c.data)
			if c.want == "" {
				if got, opened := s.Open(i); err != nil || opened != nil || !bytes.Equal(got, module) {
					t.Errorf("%v, %v, %q", err, opened, got)
				}
				return
			}
			if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if _, err := s.Find(i); err == nil {
				t.Error("it is installed")
			}
		})
	}
}

// TestVersions: a new version replaces the one before, what is changed on the disk is refused, and what is removed is gone.
func TestVersions(t *testing.T) {
	s := interpreter.Store{Dir: t.TempDir()}
	before, module := small("before")
	after, next := small("after ")
	after.Version = "1.1.0"
	for _, err := range []error{s.Install(before, module), s.Install(after, next), s.Install(after, next)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(s.Dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("there are %v, %v", files, err)
	}
	if _, err := s.Find(before); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("the version before: %v", err)
	}
	path, err := s.Find(after)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("\x00asmAFTER "), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(after); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("what was changed: %v", err)
	}
	if was, err := s.Remove(after); !was || err != nil {
		t.Errorf("%v, %v", was, err)
	}
	if was, err := s.Remove(after); was || err != nil {
		t.Errorf("removed again: %v, %v", was, err)
	}
	if _, err := (interpreter.Store{}).Find(after); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("without a folder: %v", err)
	}
}

func TestNamed(t *testing.T) {
	if i, err := interpreter.Named("python"); err != nil || len(i.SHA256) != 64 || i.Bytes <= 0 {
		t.Errorf("%+v, %v", i, err)
	}
	if _, err := interpreter.Named("perl"); wit.CodeOf(err) != wit.CodeNotFound || !strings.Contains(err.Error(), "python") {
		t.Errorf("%v", err)
	}
}
