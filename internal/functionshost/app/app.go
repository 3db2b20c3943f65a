// Package app reads what is deployed to the Functions host: a zip with
// host.json at its root, the handler, and one folder with a function.json for
// each function. It checks what the host checks at its start, and what makes
// a package fail there without a word: a handler without its executable bit,
// routes that the host refuses, settings that nothing defines.
package app

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// maxUnpacked bounds what a package may unpack to: 1 GiB, the limit of the plan.
const maxUnpacked = 1 << 30

// App is a package: its settings and its functions, in the order of their names.
type App struct {
	Host      Host
	Functions []Function
}

// Function returns the function of a name; the host does not tell case apart.
func (a *App) Function(name string) (Function, bool) {
	for _, f := range a.Functions {
		if strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return Function{}, false
}

// Unpack reads the package at zipPath, checks it, and writes its files under
// dir, with their modes. The settings are those that %NAME% in a
// function.json stands for.
func Unpack(zipPath, dir string, settings map[string]string) (*App, error) {
	archive, err := zip.OpenReader(zipPath)
	if err != nil {
		return nil, fmt.Errorf("open package %s: %w; `make package` builds one", zipPath, err)
	}
	defer func() { _ = archive.Close() }() // it was only read
	a, err := read(&archive.Reader, settings)
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", zipPath, err)
	}
	if err := extract(&archive.Reader, dir); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", zipPath, err)
	}
	return a, nil
}

// read checks the archive and reads its settings and functions.
func read(archive *zip.Reader, settings map[string]string) (*App, error) {
	text, err := fs.ReadFile(archive, "host.json")
	if err != nil {
		return nil, fmt.Errorf("host.json must lie at the root of the zip: %w", err)
	}
	host, err := parseHost(text)
	if err != nil {
		return nil, fmt.Errorf("host.json: %w", err)
	}
	if err := checkExecutable(archive, host.Executable); err != nil {
		return nil, err
	}
	a := &App{Host: host}
	found, err := fs.Glob(archive, "*/function.json")
	if err != nil {
		return nil, err
	}
	for _, file := range found {
		text, err := fs.ReadFile(archive, file)
		if err != nil {
			return nil, err
		}
		f, err := parseFunction(path.Dir(file), text, settings)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		a.Functions = append(a.Functions, f)
	}
	if len(a.Functions) == 0 {
		return nil, errors.New("holds no function: each needs a folder of its own at the root, with a function.json")
	}
	slices.SortFunc(a.Functions, func(x, y Function) int { return strings.Compare(x.Name, y.Name) })
	return a, nil
}

func checkExecutable(archive *zip.Reader, name string) error {
	info, err := fs.Stat(archive, name)
	if err != nil {
		return fmt.Errorf("the handler that host.json names: %w", err)
	}
	if mode := info.Mode().Perm(); mode != 0o755 {
		return fmt.Errorf("the handler %s has mode %04o in the zip, want 0755: without the executable bit it never starts", name, mode)
	}
	return nil
}

// extract writes the archive's files under dir.
func extract(archive *zip.Reader, dir string) error {
	left := int64(maxUnpacked)
	for _, entry := range archive.File {
		name := filepath.FromSlash(entry.Name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%q points outside of the package", entry.Name)
		}
		target := filepath.Join(dir, name)
		if entry.FileInfo().IsDir() {
			if err := os.MkdirAll(target, 0o755); err != nil {
				return err
			}
			continue
		}
		n, err := extractFile(entry, target, left)
		if err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
		left -= n
	}
	return nil
}

func extractFile(entry *zip.File, target string, limit int64) (n int64, err error) {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return 0, err
	}
	in, err := entry.Open()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	// A process that is forked meanwhile would hold the file open for writing,
	// and then it cannot be executed.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	out, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, entry.Mode().Perm())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	n, err = io.Copy(out, io.LimitReader(in, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("the package unpacks to more than %d bytes", maxUnpacked)
	}
	return n, err
}

// functionName is what the host takes for one: a letter, then letters, digits, - and _.
var functionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,127}$`)
