package s3

import (
	"crypto/rand"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// request is an HTTP request with what S3 reads out of its address.
type request struct {
	*http.Request
	query url.Values
	// bucket is empty for requests to the service, key is empty for requests to a bucket.
	bucket, key string
	// id and hostID are the two ids that S3 gives every answer.
	id, hostID string
	// tags are the condition keys of the buckets that the request is about, by the buckets' names.
	tags map[string]map[string][]string
}

func newRequest(r *http.Request) *request {
	raw := make([]byte, 48)
	_, _ = rand.Read(raw)
	req := &request{
		Request: r,
		query:   r.URL.Query(),
		tags:    map[string]map[string][]string{},
		id:      strings.ToUpper(rand.Text()[:16]),
		hostID:  base64.StdEncoding.EncodeToString(raw),
	}
	req.bucket, req.key = address(r.Host, r.URL.Path)
	return req
}

// address splits a request's host and decoded path into bucket and key.
// `bucket.s3.region.amazonaws.com` and `bucket.localhost` name the bucket in the host; any other
// host leaves it to the first part of the path.
func address(host, path string) (bucket, key string) {
	path = strings.TrimPrefix(path, "/")
	if bucket := hostBucket(host); bucket != "" {
		return bucket, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

// serviceHost is S3's own part of a host name: `s3`, `s3.dualstack`, with or without a region.
var serviceHost = regexp.MustCompile(`(^|\.)s3([.-][a-z0-9-]+)?(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?$`)

func hostBucket(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(host)
	if at := serviceHost.FindStringIndex(host); at != nil {
		return host[:at[0]]
	}
	bucket, ok := strings.CutSuffix(host, ".localhost")
	if !ok || bucket == "s3" {
		return ""
	}
	return strings.TrimSuffix(bucket, ".s3")
}

// maxKey is the longest key, in bytes of UTF-8 (AWS docs: "Naming Amazon S3 objects").
const maxKey = 1024

func (r *request) validate() error {
	if !utf8.ValidString(r.key) || !utf8.ValidString(r.bucket) {
		return failf(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	if len(r.key) > maxKey {
		return keyTooLong(len(r.key))
	}
	if r.expired(time.Now()) {
		return accessDenied("Request has expired")
	}
	return nil
}

// expired reports whether a presigned URL is past its time.
func (r *request) expired(at time.Time) bool {
	signed, err := time.Parse("20060102T150405Z", r.query.Get("X-Amz-Date"))
	seconds, bad := strconv.Atoi(r.query.Get("X-Amz-Expires"))
	return err == nil && bad == nil && at.After(signed.Add(time.Duration(seconds)*time.Second))
}

// subresources are the query parameters that choose another operation than the method alone. Those
// without an operation here are in the list as well, so that they are rejected and not taken for
// the plain operation.
var subresources = []string{
	"accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory",
	"legal-hold",
	"lifecycle", "location", "logging", "metadataConfiguration", "metadataTable", "metrics", "notification",
	"object-lock",
	"ownershipControls", "policy", "policyStatus", "publicAccessBlock", "renameObject", "replication", "requestPayment",
	"restore",
	"retention", "select", "session", "tagging", "torrent", "uploadId", "uploads", "versioning", "versions", "website",
}

// selector is the key under which operations knows the request's operation.
func (r *request) selector() string {
	scope := "service"
	switch {
	case r.key != "":
		scope = "object"
	case r.bucket != "":
		scope = "bucket"
	}
	selector := r.Method + " " + scope
	for _, name := range subresources {
		if r.query.Has(name) {
			selector += " " + name
		}
	}
	if scope == "bucket" && r.query.Get("list-type") == "2" {
		selector += " list-type=2"
	}
	if r.Method == http.MethodPut && r.Header.Get("x-amz-copy-source") != "" {
		selector += " copy"
	}
	return selector
}

// action is the IAM action that the request needs. Reading or deleting one version needs another
// action than doing so to the newest.
func (r *request) action(op operation) string {
	if r.query.Has("versionId") && op.versionAction != "" {
		return op.versionAction
	}
	return op.action
}

// Operation names the S3 operation of a request, as the API reference spells it; empty if there is
// none here.
func (s *Service) Operation(r *http.Request) string {
	return operations[newRequest(r).selector()].name
}
