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

// request is an HTTP request with the bucket, the key and the query in its URL.
type request struct {
	*http.Request
	query url.Values
	// bucket is empty for requests to the service. key is empty for requests to a bucket.
	bucket, key string
	// id and hostID are the two ids in each S3 response.
	id, hostID string
	// tags has the condition keys of the buckets in the request, by the buckets' names.
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
	req.bucket, req.key = splitAddress(r.Host, r.URL.Path)
	return req
}

// splitAddress splits a request's host and decoded path into bucket and key. With
// `bucket.s3.region.amazonaws.com` and `bucket.localhost`, the bucket is in the host. With any
// other host, it is the first part of the path.
func splitAddress(host, path string) (bucket, key string) {
	path = strings.TrimPrefix(path, "/")
	if bucket := hostBucket(host); bucket != "" {
		return bucket, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

// serviceHost matches S3's part of a host name: `s3` or `s3.dualstack`, with or without a region.
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

// maxKey is the maximum length of a key in bytes of UTF-8 (AWS docs: "Naming Amazon S3 objects").
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

// expired reports whether a presigned URL has expired.
func (r *request) expired(at time.Time) bool {
	signed, err := time.Parse("20060102T150405Z", r.query.Get("X-Amz-Date"))
	seconds, bad := strconv.Atoi(r.query.Get("X-Amz-Expires"))
	return err == nil && bad == nil && at.After(signed.Add(time.Duration(seconds)*time.Second))
}

// subresources are the query parameters that select another operation. The list includes those
// whose operations are not implemented, so that the service does not execute the operation without
// the parameter.
var subresources = []string{
	"accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory",
	"legal-hold",
	"lifecycle", "location", "logging", "metadataConfiguration", "metadataTable", "metrics", "notification",
	"object-lock",
	"ownershipControls", "policy", "policyStatus", "publicAccessBlock", "renameObject", "replication", "requestPayment",
	"restore",
	"retention", "select", "session", "tagging", "torrent", "uploadId", "uploads", "versioning", "versions", "website",
}

// selector returns the key of the request's operation in operations.
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

// action returns the IAM action that the request needs. Reading or deleting a given version needs
// another action than the newest version does.
func (r *request) action(op operation) string {
	if r.query.Has("versionId") && op.versionAction != "" {
		return op.versionAction
	}
	return op.action
}

// Operation returns the name of a request's S3 operation, as in the API reference; empty if it is
// not implemented.
func (s *Service) Operation(r *http.Request) string {
	return operations[newRequest(r).selector()].name
}
