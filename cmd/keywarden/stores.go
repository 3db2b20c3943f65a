package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/sqlite"
)

// storeName is the path of an SQLite store, written as sqlite:PATH. "" is a
// store in memory, which is gone afterwards.
type storeName string

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *storeName) UnmarshalText(text []byte) error {
	path, ok := strings.CutPrefix(string(text), "sqlite:")
	if !ok || path == "" {
		return fmt.Errorf("%q is no store: write sqlite:PATH", text)
	}
	*s = storeName(path)
	return nil
}

// with opens the store, lets do use it, and closes it.
func (s storeName) with(ctx context.Context, do func(engine.Store) error) error {
	if s == "" {
		return do(engine.NewMemory())
	}
	store, err := sqlite.Open(ctx, string(s))
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}
