// Command zonegen writes zones.txt from the time zone database that comes with Go. It is run by
// `go generate` in the folder above, when a new Go brings new rules.
package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "zonegen:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		return err
	}
	defer archive.Close()
	names := map[string][]string{}
	for _, file := range archive.File {
		rule, err := footer(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
		names[rule] = append(names[rule], file.Name)
	}
	var lines []string
	for rule, zones := range names {
		slices.Sort(zones)
		lines = append(lines, rule+" "+strings.Join(zones, " ")+"\n")
	}
	slices.Sort(lines)
	return os.WriteFile("zones.txt", []byte(strings.Join(lines, "")), 0o644)
}

// footer returns a zone file's last line, the rule for all time to come.
func footer(file *zip.File) (string, error) {
	r, err := file.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	data = bytes.TrimSuffix(data, []byte("\n"))
	at := bytes.LastIndexByte(data, '\n')
	if at < 0 || at+1 == len(data) {
		return "", fmt.Errorf("the file has no rule")
	}
	return string(data[at+1:]), nil
}
