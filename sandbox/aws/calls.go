package aws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"perch/sandbox/aws/services"
)

// Call is one call that the endpoint has received.
type Call struct {
	// Service is the name for which the call is signed, such as cloudformation or s3. Action is the
	// operation, such as CreateStack or PutObject.
	Service string `json:"service"`
	Action  string `json:"action"`
	// Summary is the resource that the call names.
	Summary string `json:"summary,omitempty"`
	// AccessKey is the id of the key that signed the call.
	AccessKey string `json:"access_key,omitempty"`
	// Time is when the call arrived, in UTC.
	Time time.Time `json:"time"`

	protocol protocol
	// text is the part of the request that faults search: form, JSON body or address.
	text string
	// form has the parameters of a call of the query protocol.
	form url.Values
}

type protocol int

const (
	queryProtocol protocol = iota
	jsonProtocol
	s3Protocol
	ec2Protocol
	restProtocol
)

// namespaces are the XML namespaces of errors, by service.
var namespaces = map[string]string{
	"cloudformation":       "http://cloudformation.amazonaws.com/doc/2010-05-15/",
	"elasticbeanstalk":     "http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/",
	"elasticloadbalancing": "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
	"iam":                  "https://iam.amazonaws.com/doc/2010-05-08/",
	"rds":                  "http://rds.amazonaws.com/doc/2014-10-31/",
	"route53":              "https://route53.amazonaws.com/doc/2013-04-01/",
	"sts":                  "https://sts.amazonaws.com/doc/2011-06-15/",
}

// versions map the API version of an unsigned call of the query protocol to its service.
var versions = map[string]string{
	"2010-05-15": "cloudformation", "2010-12-01": "elasticbeanstalk", "2015-12-01": "elasticloadbalancing",
	"2010-05-08": "iam", "2014-10-31": "rds", "2011-06-15": "sts", "2016-11-15": "ec2",
}

// maxJSON is the largest body, in bytes, that is read to identify a call.
const maxJSON = 1 << 20

// read identifies the call that r is. It does not consume the body of an S3 request.
func (s *Server) read(r *http.Request) (Call, error) {
	c := Call{Time: time.Now().UTC()}
	c.AccessKey, c.Service = credential(r)
	target := r.Header.Get("X-Amz-Target")
	isForm := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	switch {
	case target != "":
		return c, c.readJSON(r, target)
	case c.Service == "route53":
		c.protocol = restProtocol
		c.Action, c.Summary, c.text = services.Route53Action(r), r.URL.Path, r.URL.RequestURI()
		return c, nil
	case c.Service != "s3" && (isForm && r.Method == http.MethodPost || r.URL.Query().Has("Action")):
		return c, c.readForm(r)
	}
	if c.Service == "" {
		c.Service = "s3"
	}
	c.protocol = s3Protocol
	c.Action, c.Summary, c.text = s.storage.Operation(r), r.Host+" "+r.URL.Path, r.Host+" "+r.URL.RequestURI()
	return c, nil
}

// credential returns the access key and the service in a request's credential scope, which is in
// its header or its address.
func credential(r *http.Request) (key, service string) {
	scope := r.URL.Query().Get("X-Amz-Credential")
	if _, rest, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		scope, _, _ = strings.Cut(rest, ",")
	}
	parts := strings.Split(strings.TrimSpace(scope), "/")
	if len(parts) < 5 {
		return "", ""
	}
	return parts[0], parts[len(parts)-2]
}

// readJSON reads a call of the JSON protocol, and restores its body.
func (c *Call) readJSON(r *http.Request, target string) error {
	c.protocol = jsonProtocol
	_, c.Action, _ = strings.Cut(target, ".")
	body, err := io.ReadAll(io.LimitReader(r.Body, maxJSON))
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.text = string(body)
	var members map[string]any
	if json.Unmarshal(body, &members) == nil {
		for _, name := range []string{"SecretId", "CertificateArn", "Name"} {
			if value, ok := members[name].(string); ok {
				c.Summary = value
				break
			}
		}
	}
	return nil
}

// readForm reads a call of the query protocol. The parsed form stays in the request for the
// service.
func (c *Call) readForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	c.Action, c.form = r.Form.Get("Action"), r.Form
	if c.Service == "" {
		c.Service = versions[r.Form.Get("Version")]
	}
	if c.Service == "ec2" {
		c.protocol = ec2Protocol
	}
	if plain, err := url.QueryUnescape(r.Form.Encode()); err == nil {
		c.text = plain
	}
	for _, name := range []string{
		"StackName", "EnvironmentName", "DBInstanceIdentifier", "ChangeSetName", "RoleName", "ResourceArn",
	} {
		if value := r.Form.Get(name); value != "" {
			c.Summary = value
			break
		}
	}
	return nil
}

// calls is the list of the received calls.
type calls struct {
	mu   sync.Mutex
	list []Call
}

// maxCalls is the maximum number of calls that are stored. When there are more, the oldest half is
// deleted.
const maxCalls = 100_000

func (c *calls) add(call Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) >= maxCalls {
		c.list = append([]Call(nil), c.list[maxCalls/2:]...)
	}
	call.text, call.form = "", nil
	c.list = append(c.list, call)
}

// Calls returns the calls so far, in order.
func (s *Server) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return append([]Call(nil), s.calls.list...)
}

// CallCount is how often an action was called.
type CallCount struct {
	Service string `json:"service"`
	Action  string `json:"action"`
	Count   int    `json:"count"`
}

// counts counts the calls of each action, in the order of the actions' first calls.
func counts(list []Call) []CallCount {
	out := []CallCount{}
	at := map[[2]string]int{}
	for _, call := range list {
		key := [2]string{call.Service, call.Action}
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, CallCount{Service: call.Service, Action: call.Action})
		}
		out[i].Count++
	}
	return out
}

// serveCalls answers /_perch/calls. GET shows the calls and their counts, DELETE deletes them.
func (s *Server) serveCalls(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		list := s.Calls()
		writeJSON(w, http.StatusOK, map[string]any{"counts": counts(list), "calls": append([]Call{}, list...)})
	case http.MethodDelete:
		s.calls.mu.Lock()
		s.calls.list = nil
		s.calls.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	default:
		reject(w, http.StatusMethodNotAllowed, "use GET or DELETE")
	}
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value)
}

func reject(w http.ResponseWriter, status int, sentence string) {
	writeJSON(w, status, map[string]string{"error": sentence})
}
