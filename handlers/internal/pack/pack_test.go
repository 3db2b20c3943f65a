package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/handlers"
)

// program is a file that begins as a program for Linux does.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keywarden-linux-amd64")
	if err := os.WriteFile(path, []byte("\x7fELF and so on"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pack makes a package of this repository.
func pack(t *testing.T, program string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "dist", "keywarden.zip")
	if err := run(os.DirFS("../../.."), program, out); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPackage_holds_the_functions_and_no_more(t *testing.T) {
	binary := program(t)
	text := pack(t, binary)
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"handler": "-rwxr-xr-x", "host.json": "-rw-r--r--"}
	sources := map[string]string{"handler": binary, "host.json": "../../../host.json"}
	for _, function := range handlers.Functions() {
		want[function+"/function.json"] = "-rw-r--r--"
		sources[function+"/function.json"] = "../../" + function + "/function.json"
	}
	got := map[string]string{}
	for _, f := range archive.File {
		got[f.Name] = f.Mode().String()
		if !f.Modified.IsZero() && f.Modified.Year() > 1980 {
			t.Errorf("%s has a time: %v", f.Name, f.Modified)
		}
		source, err := os.ReadFile(sources[f.Name])
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if packed, err := io.ReadAll(r); err != nil || !bytes.Equal(packed, source) {
			t.Errorf("%s is not as it stands in the repository (%v)", f.Name, err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPackage_is_reproducible(t *testing.T) {
	first := pack(t, program(t))
	later := program(t) // another file of other times, with the same bytes
	if err := os.Chmod(later, 0o444); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, pack(t, later)) {
		t.Error("the same files give other bytes")
	}
}

func TestRun_refuses(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	repository := os.DirFS("../../..")
	out := filepath.Join(t.TempDir(), "out.zip")
	for name, test := range map[string]struct {
		err  error
		says string
	}{
		"no_arguments":   {run(repository, "", ""), "usage"},
		"no_program":     {run(repository, "does-not-exist", out), "does-not-exist"},
		"other_platform": {run(repository, script, out), "GOOS=linux"},
		"other_folder":   {run(fstest.MapFS{}, program(t), out), "host.json"},
	} {
		if test.err == nil || !strings.Contains(test.err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, test.err, test.says)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a package was written all the same")
	}
}
