package s3

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"perch/sandbox/aws/wire"
)

// owner returns an XML element with the account's canonical user id.
func (s *Service) owner(element string) wire.Node {
	id := sha256.Sum256([]byte(s.config.Account))
	return wire.N(element, wire.T("ID", hex.EncodeToString(id[:])))
}

// Tags returns the tags of every bucket, by the bucket's name.
func (s *Service) Tags() map[string]map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	tags := map[string]map[string]string{}
	for name, b := range s.buckets {
		tags[name] = maps.Clone(b.settings.Tags)
	}
	return tags
}

// DeletedBucket is a bucket that was deleted.
type DeletedBucket struct {
	Name string
	Tags map[string]string
	// At is when it was deleted, in UTC.
	At time.Time
}

// maxDeleted is the maximum number of deleted buckets that are stored.
const maxDeleted = 1000

// Deleted returns the last deleted buckets, oldest first. They are not stored across a restart.
func (s *Service) Deleted() []DeletedBucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

func (s *Service) listBuckets(w http.ResponseWriter, r *request) error {
	l := scope{prefix: r.query.Get("prefix"), marker: r.query.Get("continuation-token"), limit: math.MaxInt}
	if text := r.query.Get("max-buckets"); text != "" {
		var err error
		if l.limit, err = strconv.Atoi(text); err != nil || l.limit < 1 || l.limit > 10000 {
			return invalidArgument("Argument max-buckets must be an integer between 1 and 10000", "max-buckets", text)
		}
	}
	var nodes, token []wire.Node
	s.mu.Lock()
	l.walk(slices.Sorted(maps.Keys(s.buckets)), func(string) bool { return true }, func(name string, _ bool) bool {
		if len(nodes) == l.limit {
			token = append(token, wire.T("ContinuationToken", nodes[l.limit-1].Children[0].Text))
			return false
		}
		created := formatTime(s.buckets[name].settings.Created)
		nodes = append(nodes, wire.N(
			"Bucket", wire.T("Name", name), wire.T("CreationDate", created), wire.T("BucketRegion", s.config.Region),
		))
		return true
	})
	s.mu.Unlock()
	return reply(w, "ListAllMyBucketsResult", append(token, s.owner("Owner"), wire.N("Buckets", nodes...))...)
}

type createBucketConfiguration struct {
	Location string `xml:"LocationConstraint"`
	Tags     []tag  `xml:"Tags>Tag"`
}

func (s *Service) createBucket(w http.ResponseWriter, r *request) error {
	var configuration createBucketConfiguration
	body, err := r.readBody(maxDocument)
	if err != nil {
		return err
	}
	if err := unmarshal(body, &configuration); body != "" && err != nil {
		return err
	}
	if err := s.checkLocation(configuration.Location); err != nil {
		return err
	}
	created := newSettings()
	if created.Tags, err = tagMap(configuration.Tags, maxBucketTags); err != nil {
		return err
	}
	if ownership := r.Header.Get("x-amz-object-ownership"); ownership != "" {
		created.Ownership = ownership
	}
	if acl := r.Header.Get("x-amz-acl"); acl != "" && acl != "private" && created.Ownership == ownerEnforced {
		return noBucketACL()
	}
	if r.Header.Get("x-amz-bucket-object-lock-enabled") == "true" {
		created.ObjectLock, created.Versioning = true, versioningEnabled
	}
	if err := s.makeBucket(r.bucket, created); err != nil {
		return err
	}
	w.Header().Set("Location", "/"+r.bucket)
	return nil
}

func noBucketACL() *failure {
	return failf(
		http.StatusBadRequest, "InvalidBucketAclWithObjectOwnership",
		"Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
	)
}

// makeBucket creates a bucket. If the account already owns the bucket and the region is us-east-1,
// it succeeds and changes nothing, as S3 does.
func (s *Service) makeBucket(name string, created *settings) error {
	if err := checkBucketName(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] == nil {
		return s.commit(record{Op: opBucket, Bucket: name, Settings: created})
	}
	if s.config.Region == "us-east-1" && created.Origin == "" {
		return nil
	}
	return failf(
		http.StatusConflict, "BucketAlreadyOwnedByYou",
		"Your previous request to create the named bucket succeeded and you already own it.",
	).
		with("BucketName", name)
}

func (s *Service) checkLocation(location string) error {
	if location == s.config.Region && location != "us-east-1" || location == "" && s.config.Region == "us-east-1" {
		return nil
	}
	if location == "us-east-1" && s.config.Region == "us-east-1" {
		return failf(
			http.StatusBadRequest, "InvalidLocationConstraint", "The specified location-constraint is not valid",
		).with("LocationConstraint", location)
	}
	if location == "" {
		location = "unspecified"
	}
	return failf(http.StatusBadRequest, "IllegalLocationConstraintException",
		"The %s location constraint is incompatible for the region specific endpoint this request was sent to.",
		location)
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// checkBucketName checks a name against the rules for general purpose buckets (AWS docs: "Bucket
// naming rules").
func checkBucketName(name string) error {
	legal := bucketName.MatchString(name) && !strings.Contains(name, "..") && net.ParseIP(name) == nil &&
		!strings.HasPrefix(name, "xn--") && !strings.HasSuffix(name, "-s3alias")
	if !legal {
		return failf(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.").with(
			"BucketName", name,
		)
	}
	return nil
}

func (s *Service) deleteBucket(w http.ResponseWriter, r *request) error {
	err := s.withBucket(r.bucket, s.dropBucket)
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// dropBucket deletes an empty bucket. It also deletes the bucket's incomplete multipart uploads,
// which do not count as content.
func (s *Service) dropBucket(b *bucket) error {
	if !b.isEmpty() {
		return bucketNotEmpty(b.name)
	}
	if err := s.commit(record{Op: opDrop, Bucket: b.name}); err != nil {
		return err
	}
	s.deleted = append(s.deleted, DeletedBucket{b.name, b.settings.Tags, time.Now().UTC()})
	s.deleted = s.deleted[max(0, len(s.deleted)-maxDeleted):]
	return nil
}

func (s *Service) headBucket(w http.ResponseWriter, r *request) error {
	w.Header().Set("x-amz-bucket-region", s.config.Region)
	w.Header().Set("x-amz-access-point-alias", "false")
	w.Header().Set("Content-Type", "application/xml")
	return nil
}
