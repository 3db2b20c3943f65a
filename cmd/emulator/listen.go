package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// listening is where a command listens, and whether it speaks TLS there.
type listening struct {
	Listen  []string `required:"" placeholder:"ADDRESS" help:"Listen here, for instance 127.0.0.1:5672; may be repeated."`
	TLSCert string   `name:"tls-cert" type:"path" placeholder:"FILE" help:"Speak TLS, with this certificate (PEM)."`
	TLSKey  string   `name:"tls-key" type:"path" placeholder:"FILE" help:"The certificate's key (PEM)."`
}

// listen opens all listeners, or none.
func (c *listening) listen() (listeners []net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, listener := range listeners {
				_ = listener.Close() // nobody has been told of it
			}
		}
	}()
	var config *tls.Config
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return nil, errors.New("--tls-cert and --tls-key go together")
	}
	if c.TLSCert != "" {
		certificate, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		config = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	for _, address := range c.Listen {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return listeners, err
		}
		if config != nil {
			listener = tls.NewListener(listener, config)
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}
