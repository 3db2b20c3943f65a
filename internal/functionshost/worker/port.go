package worker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Handlers listen below the ports that systems give to outgoing connections,
// so that none of these takes a handler's port while it restarts.
const (
	lowPort   = 20000
	highPort  = 32767
	portTries = 100
)

// taken are the ports of this process's workers: one that is not listening at
// the moment must not be given to another.
var taken = struct {
	sync.Mutex
	ports map[int]bool
}{ports: map[int]bool{}}

// takePort chooses an address on 127.0.0.1 that nobody listens on.
func takePort() (string, error) {
	taken.Lock()
	defer taken.Unlock()
	var last error
	for range portTries {
		port := lowPort + rand.IntN(highPort-lowPort+1)
		if taken.ports[port] {
			continue
		}
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		l, err := net.Listen("tcp", addr)
		if err == nil {
			err = l.Close()
		}
		if err == nil {
			taken.ports[port] = true
			return addr, nil
		}
		last = err
	}
	return "", fmt.Errorf("find a free port for the handler: %w", errors.Join(last, errors.New("no port is free")))
}

// giveBack frees a port for other workers.
func giveBack(addr string) {
	_, text, _ := net.SplitHostPort(addr) // takePort joined it
	if port, err := strconv.Atoi(text); err == nil {
		taken.Lock()
		defer taken.Unlock()
		delete(taken.ports, port)
	}
}
