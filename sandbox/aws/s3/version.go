package s3

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// nullVersion is the id of versions that were written while versioning was off or suspended.
const nullVersion = "null"

// version is one version of an object, or a delete marker. It never changes after it is added to a
// bucket.
type version struct {
	// Seq orders the versions in a bucket: a newer version has a greater number.
	Seq uint64
	// ID is the version id: 32 opaque characters, or "null".
	ID       string
	Marker   bool `json:",omitempty"`
	Modified time.Time
	Blob     string `json:",omitempty"`
	// Size is the size in bytes.
	Size int64 `json:",omitempty"`
	// ETag is the ETag without quotes.
	ETag     string   `json:",omitempty"`
	Checksum checksum `json:",omitzero"`
	// Headers are returned unchanged: Content-Type and similar, and x-amz-meta-*, with lower-case
	// names.
	Headers map[string]string `json:",omitempty"`
	Tags    map[string]string `json:",omitempty"`
	// Parts are the sizes of a multipart object's parts.
	Parts []int64 `json:",omitempty"`
	// Hold is a legal hold; Mode and Until are a retention.
	Hold  bool      `json:",omitempty"`
	Mode  string    `json:",omitempty"`
	Until time.Time `json:",omitzero"`
}

// locked reports whether object lock forbids the deletion of the version at the given time.
func (v *version) locked(at time.Time, bypassGovernance bool) bool {
	if v.Hold {
		return true
	}
	if v.Mode == "GOVERNANCE" && bypassGovernance {
		return false
	}
	return v.Mode != "" && v.Until.After(at)
}

// idEncoding uses the characters of S3's version ids.
var idEncoding = base64.NewEncoding(
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._",
).WithPadding(base64.NoPadding)

const (
	idSalt  = 14
	idCheck = 2
)

// newID returns an id of 32 characters that contains the sequence number in a hidden form.
// Therefore a page that begins after a removed version can begin at the right place.
func newID(sequence uint64) string {
	raw := make([]byte, idSalt+idCheck+8)
	_, _ = rand.Read(raw[:idSalt])
	mask := sha256.Sum256(raw[:idSalt])
	binary.BigEndian.PutUint64(raw[idSalt+idCheck:], sequence^binary.BigEndian.Uint64(mask[:]))
	check := sha256.Sum256(append(raw[:idSalt:idSalt], raw[idSalt+idCheck:]...))
	copy(raw[idSalt:], check[:idCheck])
	return idEncoding.EncodeToString(raw)
}

// sequenceOf returns the sequence number in an id; ok is false if newID cannot have returned the
// id.
func sequenceOf(id string) (sequence uint64, ok bool) {
	if strings.ContainsAny(id, "\r\n") {
		return 0, false
	}
	raw, err := idEncoding.DecodeString(id)
	if err != nil || len(raw) != idSalt+idCheck+8 {
		return 0, false
	}
	check := sha256.Sum256(append(raw[:idSalt:idSalt], raw[idSalt+idCheck:]...))
	if string(check[:idCheck]) != string(raw[idSalt:idSalt+idCheck]) {
		return 0, false
	}
	mask := sha256.Sum256(raw[:idSalt])
	return binary.BigEndian.Uint64(raw[idSalt+idCheck:]) ^ binary.BigEndian.Uint64(mask[:]), true
}
