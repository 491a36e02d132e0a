package run

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"perch/readapi"
)

// leastReadToken is the minimum length, in characters, of the read API's token. A shorter one could
// be guessed.
const leastReadToken = 16

// ReadConfig configures the read API.
type ReadConfig struct {
	// Address is the listen address, such as 127.0.0.1:9091; empty disables the read API.
	Address string
	// Token is the token that readers must send.
	Token string
}

// check returns an error if the read API cannot be served with this configuration.
func (c ReadConfig) check() error {
	switch {
	case c.Address == "":
		return nil
	case c.Token == "":
		return errors.New("--read needs a token that every reader has to know: set PERCH_READ_TOKEN; " +
			"`openssl rand -hex 32` makes one")
	case len(c.Token) < leastReadToken:
		return fmt.Errorf("PERCH_READ_TOKEN has %d characters, and %d are needed: `openssl rand -hex 32` makes one",
			len(c.Token), leastReadToken)
	}
	return nil
}

// listenForReaders listens at the address of the read API; nil if it is disabled.
func listenForReaders(cfg ReadConfig) (net.Listener, error) {
	if err := cfg.check(); err != nil || cfg.Address == "" {
		return nil, err
	}
	listener, err := net.Listen("tcp", cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("listen for readers: %w; give another address as --read", err)
	}
	return listener, nil
}

// serveReaders serves on listener, which may be nil, until stop is called.
func serveReaders(listener net.Listener, handler http.Handler, logger *slog.Logger) (stop func()) {
	if listener == nil {
		return func() {}
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: requestTimeout,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("readers are no longer answered", "error", err)
		}
	}()
	logger.Info("answering readers", "address", listener.Addr().String())
	return func() { _ = server.Close(); <-ended }
}

// handler serves the paths of package readapi to requests that have the token.
func (r *reads) handler(token string) http.Handler {
	mux := http.NewServeMux()
	for path, answer := range map[string]func(*http.Request) (any, error){
		readapi.PathOverview:   r.overview,
		readapi.PathPage:       r.page,
		readapi.PathHistory:    r.history,
		readapi.PathLogs:       r.logLines,
		readapi.PathPermission: r.permission,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, request *http.Request) {
			document, err := r.answer(request, answer)
			if request.Context().Err() == nil {
				writeAnswer(w, document, err)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, request *http.Request) {
		writeAnswer(w, nil, unanswerable(http.StatusNotFound,
			"this worker does not know the question %s %q: if it is older than the program that asks, update it",
			request.Method, request.URL.Path))
	})
	return authorized(mux, token)
}

// answer calls the given function if the question is about this worker's project.
func (r *reads) answer(request *http.Request, answer func(*http.Request) (any, error)) (any, error) {
	project := request.URL.Query().Get(readapi.ProjectQuery)
	if own := r.policy.Project; project != "" && project != own {
		return nil, unanswerable(http.StatusBadRequest,
			"this worker is of project %s, and not of %s: correct the project, or ask the other one's worker", own,
			project)
	}
	return answer(request)
}

// authorized rejects requests that do not have the token. It compares in constant time.
func authorized(next http.Handler, token string) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		scheme, given, _ := strings.Cut(request.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(given)))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeAnswer(w, nil, unanswerable(http.StatusUnauthorized,
				"the token is not the one of this worker: give PERCH_READ_TOKEN the value that the worker was "+
					"started with"))
			return
		}
		next.ServeHTTP(w, request)
	})
}

// unanswerable returns an error with an HTTP status other than 200.
func unanswerable(status int, format string, args ...any) error {
	return &readapi.Error{Status: status, Sentence: fmt.Sprintf(format, args...)}
}

// writeAnswer writes a document or the error. An error without a status means that AWS, GitHub or
// Temporal did not answer.
func writeAnswer(w http.ResponseWriter, document any, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		var failed *readapi.Error
		if !errors.As(err, &failed) {
			failed = &readapi.Error{Status: http.StatusBadGateway, Sentence: problemOf(err)}
		}
		w.WriteHeader(failed.Status)
		document = failed
	}
	_ = json.NewEncoder(w).Encode(document) // The reader has gone; there is no one left to tell.
}
