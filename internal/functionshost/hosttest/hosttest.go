// Package hosttest helps the tests of the stand-in for the Functions host:
// packages to deploy, and the captures of the real host.
package hosttest

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// File is one file of a package.
type File struct {
	Name, Text string
	Mode       fs.FileMode
}

// Handler is a handler that is the running test binary.
func Handler() File {
	return File{"handler", "#!/bin/sh\nexec '" + os.Args[0] + "'\n", 0o755}
}

// Pack makes a zip of files and returns its path.
func Pack(t testing.TB, files ...File) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dist.zip")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, file := range files {
		header := &zip.FileHeader{Name: file.Name}
		header.SetMode(file.Mode)
		out, err := w.CreateHeader(header)
		if err == nil {
			_, err = io.WriteString(out, file.Text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// Captures reads a file of testdata that holds one JSON object a line.
func Captures[T any](t testing.TB, file string) []T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	for line := range bytes.Lines(text) {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// CompareShared fails where the copies of captures in testdata differ from
// those beside the checkout of the repository; it skips where there are none.
func CompareShared(t testing.TB, files ...string) {
	t.Helper()
	for _, file := range files {
		shared, err := os.ReadFile(filepath.Join("../../../../shared/data/functions-host", file))
		if errors.Is(err, fs.ErrNotExist) {
			t.Skip("the shared captures are not beside this checkout")
		}
		ours, ourErr := os.ReadFile(filepath.Join("testdata", file))
		if err := errors.Join(err, ourErr); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(shared, ours) {
			t.Errorf("%s differs from the shared one: copy it again", file)
		}
	}
}

// Latin1 is the bytes that captures hold as characters.
func Latin1(text string) string {
	b := make([]byte, 0, len(text))
	for _, r := range text {
		b = append(b, byte(r))
	}
	return string(b)
}
