// Package wire writes answers in AWS's protocols: the XML of the query protocol, REST XML and JSON
// 1.x.
package wire

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// Error is an AWS error: an HTTP status, a code and a sentence.
type Error struct {
	Status  int
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Node is one XML element. It has text or children, never both.
type Node struct {
	Name     string
	Text     string
	Children []Node
}

// N returns an element with children. If it has none, it is written self-closed.
func N(name string, children ...Node) Node { return Node{Name: name, Children: children} }

// T returns an element with text.
func T(name, text string) Node { return Node{Name: name, Text: text} }

// List returns a list of the query protocol: each item becomes a <member>.
func List[E any](name string, items []E, member func(E) []Node) Node {
	node := Node{Name: name}
	for _, item := range items {
		node.Children = append(node.Children, Node{Name: "member", Children: member(item)})
	}
	return node
}

// write prints the element, indented by two spaces as CloudFormation does.
func (n Node) write(b *strings.Builder, indent, attributes string) {
	text := func(parts ...string) {
		for _, part := range parts {
			b.WriteString(part)
		}
	}
	switch {
	case len(n.Children) > 0:
		text(indent, "<", n.Name, attributes, ">\n")
		for _, child := range n.Children {
			child.write(b, indent+"  ", "")
		}
		text(indent, "</", n.Name, ">\n")
	case n.Text != "":
		text(indent, "<", n.Name, attributes, ">", Escape(n.Text), "</", n.Name, ">\n")
	default:
		text(indent, "<", n.Name, attributes, "/>\n")
	}
}

// quotes replaces Go's escapes of quotes by AWS's.
var quotes = strings.NewReplacer("&#34;", "&quot;", "&#39;", "'")

// Escape escapes text for XML as AWS does: quotes become &quot;, and control characters become
// character references.
func Escape(text string) string {
	if !strings.ContainsFunc(text, isEscaped) {
		return text
	}
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return quotes.Replace(b.String())
}

// isEscaped reports whether a character may need to be escaped; most texts have none of them.
func isEscaped(r rune) bool {
	switch r {
	case '<', '>', '&', '"', '\'':
		return true
	}
	return r < ' ' || r > '~'
}

// XML prints root with a namespace.
func XML(root Node, namespace string) []byte {
	var b strings.Builder
	attributes := ""
	if namespace != "" {
		attributes = fmt.Sprintf(" xmlns=%q", namespace)
	}
	root.write(&b, "", attributes)
	return []byte(b.String())
}

// WriteQuery answers a call of the query protocol. If result is nil, it leaves out the
// <ActionResult> element, as AWS does for operations without output.
func WriteQuery(w http.ResponseWriter, namespace, action string, result []Node) {
	id := uuid.NewString()
	root := N(action + "Response")
	if result != nil {
		root.Children = append(root.Children, N(action+"Result", result...))
	}
	root.Children = append(root.Children, N("ResponseMetadata", T("RequestId", id)))
	writeBody(w, http.StatusOK, "text/xml", id, XML(root, namespace))
}

// WriteQueryError answers a call of the query protocol with err.
func WriteQueryError(w http.ResponseWriter, namespace string, err *Error) {
	id := uuid.NewString()
	kind := "Sender"
	if err.Status >= 500 {
		kind = "Receiver"
	}
	root := N("ErrorResponse",
		N("Error", T("Type", kind), T("Code", err.Code), T("Message", err.Message)),
		T("RequestId", id))
	writeBody(w, err.Status, "text/xml", id, XML(root, namespace))
}

// WriteJSON answers a call of the JSON 1.1 protocol.
func WriteJSON(w http.ResponseWriter, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		WriteJSONError(w, Errorf(http.StatusInternalServerError, "InternalFailure", "%v", err))
		return
	}
	writeBody(w, http.StatusOK, "application/x-amz-json-1.1", uuid.NewString(), body)
}

// WriteJSONError answers a call of the JSON 1.1 protocol with err.
func WriteJSONError(w http.ResponseWriter, err *Error) {
	body, _ := json.Marshal(map[string]string{"__type": err.Code, "message": err.Message})
	w.Header().Set("x-amzn-ErrorType", err.Code)
	writeBody(w, err.Status, "application/x-amz-json-1.1", uuid.NewString(), body)
}

// WriteEC2Error answers a call in EC2's dialect of the query protocol with err.
func WriteEC2Error(w http.ResponseWriter, err *Error) {
	id := uuid.NewString()
	root := N("Response", N("Errors", N("Error", T("Code", err.Code), T("Message", err.Message))), T("RequestID", id))
	writeBody(w, err.Status, "text/xml;charset=UTF-8", id, XML(root, ""))
}

func writeBody(w http.ResponseWriter, status int, contentType, id string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("x-amzn-RequestId", id)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
