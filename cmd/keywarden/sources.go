package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/keywarden/keywarden/internal/engine"
)

// sources are the inputs as the engine reads them.
func (j *judging) sources(ctx context.Context, groups []group, stdin io.Reader) [][]engine.Source {
	sources := make([][]engine.Source, len(groups))
	for i, g := range groups {
		for _, path := range g.paths {
			sources[i] = append(sources[i], j.source(ctx, path, stdin))
		}
	}
	return sources
}

// source is one input. A file is known by what is in it; a stream, which can
// be read once only, by the name that the user gave it.
func (j *judging) source(ctx context.Context, path string, stdin io.Reader) engine.Source {
	file := func() (io.ReadCloser, error) { return open(path) }
	if !isStream(path) {
		return engine.Source{Name: path, Open: file}
	}
	if path == stdinName {
		//nolint:unparam // it stands for open, which can fail
		file = func() (io.ReadCloser, error) { return io.NopCloser(stdin), nil }
	}
	id := "stream " + path
	if j.Source != "" {
		id = "stream named " + j.Source
	}
	return engine.Source{Name: path, ID: id, Open: func() (io.ReadCloser, error) { return interruptible(ctx, file), nil }}
}

// isStream reports whether an input can be read once only.
func isStream(path string) bool {
	info, err := os.Stat(path)
	return path == stdinName || err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// open opens a file. Its error does not name the file: the engine does.
func open(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	var named *fs.PathError
	if errors.As(err, &named) {
		return nil, named.Err
	}
	return file, err
}

// interruptible reads a stream until its end or that of ctx, even where
// opening or reading it waits for somebody who never comes.
func interruptible(ctx context.Context, open func() (io.ReadCloser, error)) io.ReadCloser {
	out, in := io.Pipe()
	stop := context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	go func() {
		defer stop()
		stream, err := open()
		if err == nil {
			_, err = io.Copy(in, stream)
			err = errors.Join(err, stream.Close())
		}
		in.CloseWithError(err) // nil is the end of the stream
	}()
	return out
}
