package run

import (
	"fmt"
	"net"
	"strconv"

	"go.temporal.io/server/common/testing/freeport"
)

const localhost = "127.0.0.1"

// listen takes a port that a flag names; 0 takes any.
func listen(flag string, port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(localhost, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("port %d is taken (%w); stop what listens there, or choose another with %s", port, err, flag)
	}
	return listener, nil
}

// free makes sure that a port which something else will listen on is free, and returns it. 0 finds one that the system gives to nobody else
// within a minute.
func free(flag string, port int) (int, error) {
	if port == 0 {
		return freeport.MustGetFreePort(), nil
	}
	listener, err := listen(flag, port)
	if err != nil {
		return 0, err
	}
	return port, listener.Close()
}

func portOf(listener net.Listener) int {
	return listener.Addr().(*net.TCPAddr).Port
}
