package services

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"perch/sandbox/aws/access"
	"perch/sandbox/aws/wire"
)

// form is a request of the query protocol.
type form struct {
	url.Values
	// caller is the role that signed the request; nil for an administrator.
	caller *access.Caller
}

// list reads a list parameter in any of its spellings: Names.member.1, Names.Name.1, VpcId.1.
func (f form) list(name string) []string {
	numbered := map[int]string{}
	for key, values := range f.Values {
		rest, ok := strings.CutPrefix(key, name+".")
		if !ok {
			continue
		}
		if i := strings.LastIndexByte(rest, '.'); i >= 0 && !strings.Contains(rest[:i], ".") {
			rest = rest[i+1:]
		}
		if n, err := strconv.Atoi(rest); err == nil {
			numbered[n] = values[0]
		}
	}
	numbers := make([]int, 0, len(numbered))
	for n := range numbered {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	list := make([]string, len(numbers))
	for i, n := range numbers {
		list[i] = numbered[n]
	}
	return list
}

// action handles one call of the query protocol and returns the nodes of its result. If they are
// nil, the response has no result element.
type action func(s *Service, f form) ([]wire.Node, error)

// queryHandler serves the query protocol of one service.
func (s *Service) queryHandler(namespace, version string, actions map[string]action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, name, err := readForm(r)
		if err != nil {
			wire.WriteQueryError(w, namespace, err)
			return
		}
		call, ok := actions[name]
		if !ok {
			wire.WriteQueryError(w, namespace, wire.Errorf(
				http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", name, version,
			))
			return
		}
		result, failed := s.withLock(func() ([]wire.Node, error) { return call(s, f) })
		if failed != nil {
			wire.WriteQueryError(w, namespace, s.wireError(failed))
			return
		}
		wire.WriteQuery(w, namespace, name, result)
	})
}

func readForm(r *http.Request) (form, string, *wire.Error) {
	if err := r.ParseForm(); err != nil {
		return form{}, "", wire.Errorf(
			http.StatusBadRequest, "MalformedQueryString", "The query string could not be parsed: %v", err,
		)
	}
	name := r.Form.Get("Action")
	if name == "" {
		return form{}, "", wire.Errorf(http.StatusBadRequest, "MissingAction", "Missing Action")
	}
	return form{r.Form, access.CallerOf(r.Context())}, name, nil
}

func (s *Service) withLock(call func() ([]wire.Node, error)) ([]wire.Node, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endOperations()
	return call()
}

func (s *Service) wireError(err error) *wire.Error {
	var known *wire.Error
	if errors.As(err, &known) {
		return known
	}
	s.config.Logger.Error("sandbox service failed", "error", err)
	return wire.Errorf(
		http.StatusInternalServerError, "InternalFailure",
		"The request processing has failed because of an unknown error, exception or failure.",
	)
}

// jsonAction handles one call of the JSON protocol. in is the request's JSON object.
type jsonAction func(s *Service, in properties) (any, error)

// jsonHandler serves the JSON 1.1 protocol of one service. prefix is the part of X-Amz-Target
// before the action's name.
func (s *Service) jsonHandler(prefix string, actions map[string]jsonAction) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, _ := strings.CutPrefix(r.Header.Get("X-Amz-Target"), prefix+".")
		call, ok := actions[target]
		if !ok {
			wire.WriteJSONError(w, wire.Errorf(
				http.StatusBadRequest, "UnknownOperationException", "The operation %s is not known to this service.",
				target,
			))
			return
		}
		in := properties{}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil && !errors.Is(err, io.EOF) {
			wire.WriteJSONError(w, wire.Errorf(
				http.StatusBadRequest, "SerializationException", "The request's body is not a JSON object.",
			))
			return
		}
		s.mu.Lock()
		out, err := call(s.pastState(wire.Lag(r.Context())), in)
		s.mu.Unlock()
		if err != nil {
			wire.WriteJSONError(w, s.wireError(err))
			return
		}
		wire.WriteJSON(w, out)
	})
}

// isoTime formats a time as XML responses do: in UTC, with milliseconds.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// epoch returns a time in the form of JSON responses: in Unix seconds, with milliseconds as the
// fraction.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// listNode returns an XML element called name, with one element called item for each of items.
func listNode[E any](name, item string, items []E, fields func(E) []wire.Node) wire.Node {
	node := wire.N(name)
	for _, each := range items {
		node.Children = append(node.Children, wire.N(item, fields(each)...))
	}
	return node
}

// textNodes returns an XML element called name, with one element called item for each of values.
func textNodes(name, item string, values []string) wire.Node {
	node := wire.N(name)
	for _, value := range values {
		node.Children = append(node.Children, wire.T(item, value))
	}
	return node
}

// omitEmpty removes the elements without text and children, because AWS leaves out values that are
// not set.
func omitEmpty(nodes ...wire.Node) []wire.Node {
	return slices.DeleteFunc(nodes, func(n wire.Node) bool { return n.Text == "" && len(n.Children) == 0 })
}

// tagNodes returns a list of tags, sorted by key.
func tagNodes(name, item string, tags map[string]string) wire.Node {
	return listNode(name, item, sortedTags(tags), func(tag [2]string) []wire.Node {
		return []wire.Node{wire.T("Key", tag[0]), wire.T("Value", tag[1])}
	})
}

func sortedTags(tags map[string]string) [][2]string {
	pairs := make([][2]string, 0, len(tags))
	for key, value := range tags {
		pairs = append(pairs, [2]string{key, value})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return pairs
}

// matchesFilter reports whether filter contains one of values. An empty filter matches everything.
func matchesFilter(filter []string, values ...string) bool {
	if len(filter) == 0 {
		return true
	}
	return slices.ContainsFunc(filter, func(one string) bool { return slices.Contains(values, one) })
}
