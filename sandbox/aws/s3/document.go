package s3

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"perch/sandbox/aws/wire"
)

const (
	namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
	xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	// maxDocument is the maximum size, in bytes, of an XML document in a request (AWS docs:
	// DeleteObjects, 2 MB).
	maxDocument = 2 << 20
)

// render formats a document as S3 does: with an XML declaration, without indentation, and without
// self-closing elements.
func render(root wire.Node, namespace string) string {
	var b strings.Builder
	b.WriteString(xmlHeader)
	attributes := ""
	if namespace != "" {
		attributes = ` xmlns="` + namespace + `"`
	}
	renderNode(&b, root, attributes)
	return b.String()
}

func renderNode(b *strings.Builder, n wire.Node, attributes string) {
	b.WriteString("<" + n.Name + attributes + ">")
	escape(b, n.Text)
	for _, child := range n.Children {
		renderNode(b, child, "")
	}
	b.WriteString("</" + n.Name + ">")
}

// escape writes escaped text. It writes control characters as character references, even those that
// XML 1.0 does not allow. S3 does the same, which is why clients request encoding-type=url.
func escape(b *strings.Builder, text string) {
	for _, r := range text {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(b, "&#x%x;", r)
		default:
			b.WriteRune(r)
		}
	}
}

// reply sends a response with status 200 and a document in S3's namespace.
func reply(w http.ResponseWriter, name string, children ...wire.Node) error {
	writeDocument(w, http.StatusOK, render(wire.N(name, children...), namespace))
	return nil
}

func writeDocument(w http.ResponseWriter, status int, document string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(document)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, document)
}

// readDocument checks the checksums of the request's body, and decodes it into document.
func (r *request) readDocument(document any) error {
	body, err := r.readBody(maxDocument)
	if err != nil {
		return err
	}
	return unmarshal(body, document)
}

// unmarshal decodes exactly one document.
func unmarshal(body string, document any) error {
	decoder := xml.NewDecoder(strings.NewReader(body))
	if err := decoder.Decode(document); err != nil {
		return malformedXML()
	}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if text, ok := token.(xml.CharData); err != nil || !ok || strings.TrimSpace(string(text)) != "" {
			return malformedXML()
		}
	}
}

// readBody reads a body of at most limit bytes and checks its checksums.
func (r *request) readBody(limit int64) (string, error) {
	claim, err := statedChecksum(r.Header)
	if err != nil {
		return "", err
	}
	return r.readClaimed(limit, claim)
}

func (r *request) readClaimed(limit int64, claim checksum) (string, error) {
	in, err := newIntake(r, claim)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return "", err
	}
	if int64(len(body)) > limit {
		return "", failf(http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too big.").with(
			"MaxMessageLengthBytes", strconv.FormatInt(limit, 10),
		)
	}
	return string(body), in.verify()
}

// encodeURL encodes a name for encoding-type=url. It leaves the same characters unchanged as S3,
// and writes a space as a plus.
func encodeURL(text string) string {
	return strings.NewReplacer("%2F", "/", "%2A", "*", "~", "%7E").Replace(url.QueryEscape(text))
}

// formatTime formats a time as S3's documents do.
func formatTime(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") }
