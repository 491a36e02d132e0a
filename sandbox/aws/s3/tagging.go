package s3

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"perch/sandbox/aws/wire"
)

// The maximum number of tags of a bucket and of an object (AWS docs: PutBucketTagging,
// PutObjectTagging).
const (
	maxBucketTags = 50
	maxObjectTags = 10
)

// systemPrefix is the prefix of tag keys that only AWS sets.
const systemPrefix = "aws:"

type tag struct {
	Key   string
	Value string
}

type tagging struct {
	Tags []tag `xml:"TagSet>Tag"`
}

func invalidTag(message, key string) *failure {
	return failf(http.StatusBadRequest, "InvalidTag", "%s", message).with("TagKey", key)
}

// tagMap checks a list of tags against S3's rules.
func tagMap(tags []tag, most int) (map[string]string, error) {
	if len(tags) > most {
		return nil, failf(
			http.StatusBadRequest, "BadRequest", "%s tags cannot be greater than %d",
			map[int]string{maxBucketTags: "Bucket", maxObjectTags: "Object"}[most], most,
		)
	}
	found := map[string]string{}
	for _, t := range tags {
		switch length := utf8.RuneCountInString(t.Key); {
		case length == 0 || length > 128:
			return nil, invalidTag("The TagKey you have provided is invalid", t.Key)
		case utf8.RuneCountInString(t.Value) > 256:
			return nil, invalidTag("The TagValue you have provided is invalid", t.Key)
		}
		if _, twice := found[t.Key]; twice {
			return nil, invalidTag("Cannot provide multiple Tags with the same key", t.Key)
		}
		found[t.Key] = t.Value
	}
	return found, nil
}

func tagNodes(tags map[string]string) wire.Node {
	set := wire.N("TagSet")
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		set.Children = append(set.Children, wire.N("Tag", wire.T("Key", key), wire.T("Value", tags[key])))
	}
	return set
}

func (s *Service) getBucketTagging(w http.ResponseWriter, r *request) error {
	found, err := s.settingsOf(r.bucket)
	if err != nil {
		return err
	}
	if len(found.Tags) == 0 {
		return failf(http.StatusNotFound, "NoSuchTagSet", "The TagSet does not exist").with("BucketName", r.bucket)
	}
	return reply(w, "Tagging", tagNodes(found.Tags))
}

func (s *Service) putBucketTagging(w http.ResponseWriter, r *request) error {
	var document tagging
	if err := r.readDocument(&document); err != nil {
		return err
	}
	tags, err := tagMap(document.Tags, maxBucketTags)
	if err != nil {
		return err
	}
	return noContent(w, s.changeSettings(r.bucket, func(next *settings) error {
		if err := checkSystemTags(next.Tags, tags); err != nil {
			return err
		}
		next.Tags = tags
		return nil
	}))
}

// checkSystemTags rejects a tag set that changes the tags which CloudFormation has set on the
// bucket.
func checkSystemTags(old, next map[string]string) error {
	for key, value := range next {
		if had, ok := old[key]; strings.HasPrefix(key, systemPrefix) && (!ok || had != value) {
			return invalidTag("System tags cannot be added/updated by requester", key)
		}
	}
	for key := range old {
		if _, kept := next[key]; strings.HasPrefix(key, systemPrefix) && !kept {
			return invalidTag("System tags cannot be removed by requester", key)
		}
	}
	return nil
}

// headerTags returns the tags in the x-amz-tagging header, which has the form of a query string.
func headerTags(header http.Header) (map[string]string, error) {
	text := header.Get("x-amz-tagging")
	if text == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, invalidArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "+
			"parameters without tag name duplicates.", "x-amz-tagging", text)
	}
	var tags []tag
	for key, all := range values {
		for _, value := range all {
			tags = append(tags, tag{key, value})
		}
	}
	return tagMap(tags, maxObjectTags)
}

func (s *Service) getObjectTagging(w http.ResponseWriter, r *request) error {
	return s.withBucket(r.bucket, func(b *bucket) error {
		v, err := b.findReadable(r.key, r.query.Get("versionId"))
		if err != nil {
			return err
		}
		b.writeVersionID(w.Header(), v)
		return reply(w, "Tagging", tagNodes(v.Tags))
	})
}

// writeTagCount writes an object's number of tags to the header.
func (v *version) writeTagCount(header http.Header) {
	if len(v.Tags) > 0 {
		header.Set("x-amz-tagging-count", strconv.Itoa(len(v.Tags)))
	}
}
