// Pack makes the zip that is deployed to Azure Functions:
//
//	host.json
//	handler                    the program, which may be executed
//	<function>/function.json   of each function of the route table
//
// The same files give the same bytes: names are sorted, times and owners are
// left out.
//
//	go run ./handlers/internal/pack -handler PROGRAM -o ZIP
package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/keywarden/keywarden/handlers"
)

func main() {
	program := flag.String("handler", "", "the `program`, built for linux/amd64 without cgo")
	out := flag.String("o", "", "the `zip` to write")
	flag.Parse()
	if err := run(os.DirFS("."), *program, *out); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// run writes the package of the module in root.
func run(root fs.FS, program, out string) error {
	if program == "" || out == "" {
		return errors.New("usage: pack -handler PROGRAM -o ZIP, in the folder of go.mod")
	}
	files, err := collect(root, program)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	if err := write(&archive, files); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	return os.WriteFile(out, archive.Bytes(), 0o644)
}

// file is an entry of the zip.
type file struct {
	name string
	mode fs.FileMode
	data []byte
}

// collect reads what belongs into the package.
func collect(root fs.FS, program string) ([]file, error) {
	binary, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(binary, []byte("\x7fELF")) {
		return nil, fmt.Errorf("%s is no program for Linux: build it with GOOS=linux GOARCH=amd64 CGO_ENABLED=0", program)
	}
	files := []file{{"handler", 0o755, binary}}
	add := func(name, from string) {
		data, failed := fs.ReadFile(root, from)
		err = errors.Join(err, failed)
		files = append(files, file{name, 0o644, data})
	}
	add("host.json", "host.json")
	for _, function := range handlers.Functions() {
		add(path.Join(function, "function.json"), path.Join("handlers", function, "function.json"))
	}
	return files, err
}

// write writes a zip of files.
func write(to io.Writer, files []file) error {
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	archive := zip.NewWriter(to)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		header.SetMode(f.mode)
		w, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := w.Write(f.data); err != nil {
			return err
		}
	}
	return archive.Close()
}
