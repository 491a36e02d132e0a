package run

import (
	"fmt"
	"net"
	"strconv"

	"go.temporal.io/server/common/testing/freeport"
)

const localhost = "127.0.0.1"

// port is the port of one part of the sandbox.
type port struct {
	// flag is the port's flag, and part describes what listens there.
	flag, part string
	number     int
	// given means that the user chose the number, so no other number may be used.
	given bool
}

// listen listens on the port; number 0 chooses a free one. If a default port is taken, it chooses a
// free one, and moved says so.
func (p port) listen() (listener net.Listener, moved string, err error) {
	listener, err = net.Listen("tcp", net.JoinHostPort(localhost, strconv.Itoa(p.number)))
	switch {
	case err == nil:
		return listener, "", nil
	case p.given:
		return nil, "", fmt.Errorf(
			"port %d is taken (%w); stop what listens there, choose another with %s, or leave %s out for a free one",
			p.number, err, p.flag, p.flag,
		)
	}
	if listener, err = net.Listen("tcp", net.JoinHostPort(localhost, "0")); err != nil {
		return nil, "", fmt.Errorf("find a free port: %w", err)
	}
	return listener, p.moved(portOf(listener)), nil
}

// free returns a free port for a part that will listen on it later. If number is 0, or a default
// that is taken, it chooses a port that the operating system gives to no other process within a
// minute.
func (p port) free() (number int, moved string, err error) {
	if p.number == 0 {
		return freeport.MustGetFreePort(), "", nil
	}
	listener, moved, err := p.listen()
	if err != nil {
		return 0, "", err
	}
	if err := listener.Close(); err != nil {
		return 0, "", fmt.Errorf("free port %d again: %w", portOf(listener), err)
	}
	if moved == "" {
		return p.number, "", nil
	}
	number = freeport.MustGetFreePort()
	return number, p.moved(number), nil
}

func (p port) moved(to int) string {
	return fmt.Sprintf("%s at %d in place of %d", p.part, to, p.number)
}

func portOf(listener net.Listener) int {
	return listener.Addr().(*net.TCPAddr).Port
}
