package run

import (
	"fmt"
	"net"
	"strconv"

	"go.temporal.io/server/common/testing/freeport"
)

const localhost = "127.0.0.1"

// port is one that a part of the sandbox listens on.
type port struct {
	// flag names it on the command line, and part is what listens there.
	flag, part string
	number     int
	// given says that the user chose the number: no other one does then.
	given bool
}

// listen takes the port; number 0 takes any. If a default is taken, it takes a free one, and moved
// says so.
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

// free makes sure that a port which something else will listen on is free, and returns it. 0 finds
// one that the system gives to no other process within a minute, and so does a default that is
// taken.
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
