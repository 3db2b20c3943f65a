package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// cosmosCommand runs the stand-in for Cosmos DB.
type cosmosCommand struct {
	Listen    string `required:"" placeholder:"ADDR" help:"Where to accept, for instance localhost:8081."`
	Dedicated string `placeholder:"ADDR" help:"Where to accept as the dedicated gateway, which knows items of any id."`
	Advertise string `placeholder:"URL" help:"The account's address for clients, where it is not the one they have asked at."`
	TLSCert   string `name:"tls-cert" placeholder:"FILE" help:"Serve TLS with this certificate (PEM)."`
	TLSKey    string `name:"tls-key" placeholder:"FILE" help:"The certificate's private key (PEM)."`
	State     string `placeholder:"DIR" help:"Keep the data in this folder over a restart."`
}

// Validate is called by kong.
func (c *cosmosCommand) Validate() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key are given together")
	}
	return nil
}

// Run serves until ctx ends.
func (c *cosmosCommand) Run(ctx context.Context, std *output) (err error) {
	secure, err := c.secure()
	if err != nil {
		return err
	}
	listeners, err := listen(ctx, c.Listen, c.Dedicated)
	if err != nil {
		return err
	}
	defer closeAll(listeners)
	server, err := cosmosemulator.New(cosmosemulator.Config{StateDir: c.State, Endpoint: c.Advertise})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	fmt.Fprintln(std.out, "ready", addresses(listeners))
	if len(listeners) == 1 {
		return server.Serve(ctx, listeners[0], secure)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- server.ComputeGateway().Serve(ctx, listeners[1], secure)
		cancel()
	}()
	err = server.Serve(ctx, listeners[0], secure)
	cancel()
	return errors.Join(err, <-ended)
}

// secure is nil for plain HTTP.
func (c *cosmosCommand) secure() (*tls.Config, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("load the certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}

// listen takes the addresses that are given, before any state is opened: a second stand-in on the same address ends
// here and cannot write to the first one's state.
func listen(ctx context.Context, addresses ...string) (listeners []net.Listener, err error) {
	var config net.ListenConfig
	for _, address := range addresses {
		if address == "" {
			continue
		}
		listener, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			closeAll(listeners)
			return nil, fmt.Errorf("listen on %s: %w", address, err)
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // closing again is no harm
	}
}

func addresses(listeners []net.Listener) string {
	var all []string
	for _, l := range listeners {
		all = append(all, l.Addr().String())
	}
	return strings.Join(all, " ")
}
