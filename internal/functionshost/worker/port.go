package worker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Handlers listen below the ports that systems give to outgoing connections,
// so that none of these takes a handler's port while it restarts.
const (
	lowPort   = 20000
	highPort  = 32767
	portTries = 100
)

// port is an address for a handler, which need not listen at the moment, and
// the claim that keeps it from every other worker on this machine: the same
// number of UDP, which goes back to the system even when this process is killed.
type port struct {
	addr  string
	claim net.PacketConn
}

// takePort chooses a port of 127.0.0.1 that nobody listens on or has claimed.
func takePort() (port, error) {
	var last error
	for range portTries {
		p, err := claim(net.JoinHostPort("127.0.0.1", strconv.Itoa(lowPort+rand.IntN(highPort-lowPort+1))))
		if err == nil {
			return p, nil
		}
		last = err
	}
	return port{}, fmt.Errorf("find a free port for the handler: %w", errors.Join(last, errors.New("no port is free")))
}

func claim(addr string) (port, error) {
	held, err := net.ListenPacket("udp", addr)
	if err != nil {
		return port{}, err
	}
	l, err := net.Listen("tcp", addr)
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		_ = held.Close() // nothing was sent
		return port{}, err
	}
	return port{addr, held}, nil
}

// giveBack lets other workers have the port.
func (p port) giveBack() { _ = p.claim.Close() } // nothing was sent
