package s3

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strconv"
	"strings"

	"perch/sandbox/aws/wire"
)

// Checksum types: of all bytes, or of the parts' checksums.
const (
	fullObject = "FULL_OBJECT"
	composite  = "COMPOSITE"
)

// checksum is an object's or a part's checksum.
type checksum struct {
	// Algorithm is CRC32, CRC32C, CRC64NVME, SHA1 or SHA256.
	Algorithm string `json:",omitempty"`
	// Value is base64. For a composite checksum, `-` and the number of parts follow.
	Value string `json:",omitempty"`
	Type  string `json:",omitempty"`
}

// defaultAlgorithm is the algorithm that S3 uses if the client specifies none (AWS docs: "Checking
// object integrity").
const defaultAlgorithm = "CRC64NVME"

// crc64NVME is the reversed polynomial of CRC-64/NVME.
var crc64NVME = crc64.MakeTable(0x9a6c9329ac4bc9b5)

var algorithms = map[string]func() hash.Hash{
	"CRC32":     func() hash.Hash { return crc32.NewIEEE() },
	"CRC32C":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"CRC64NVME": func() hash.Hash { return crc64.New(crc64NVME) },
	"SHA1":      sha1.New,
	"SHA256":    sha256.New,
}

func (c checksum) header() string { return "x-amz-checksum-" + strings.ToLower(c.Algorithm) }

// nodes returns the checksum as elements of a document; none if there is no checksum.
func (c checksum) nodes() []wire.Node {
	if c.Algorithm == "" {
		return nil
	}
	return []wire.Node{wire.T("Checksum"+c.Algorithm, c.Value), wire.T("ChecksumType", c.Type)}
}

func (c checksum) writeHeaders(header http.Header) {
	if c.Algorithm != "" {
		header.Set(c.header(), c.Value)
		header.Set("x-amz-checksum-type", c.Type)
	}
}

// statedChecksum returns the checksum of the body according to the request's headers. Its value is
// empty if the checksum follows in the trailer.
func statedChecksum(header http.Header) (checksum, error) {
	var found checksum
	for name := range algorithms {
		c := checksum{Algorithm: name, Type: fullObject}
		value := header.Get(c.header())
		if value == "" && !isTrailer(header, c.header()) {
			continue
		}
		if found.Algorithm != "" {
			return checksum{}, invalidRequest(
				"Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
			)
		}
		c.Value = value
		if value != "" && !c.wellFormed() {
			return checksum{}, invalidRequest("Value for %s header is invalid.", c.header())
		}
		found = c
	}
	if found.Algorithm == "" && header.Get("x-amz-sdk-checksum-algorithm") != "" {
		return checksum{}, invalidRequest("x-amz-sdk-checksum-algorithm specified, but no corresponding " +
			"x-amz-checksum-* or x-amz-trailer headers were found.")
	}
	return found, nil
}

func (c checksum) wellFormed() bool {
	raw, err := base64.StdEncoding.DecodeString(c.Value)
	return err == nil && len(raw) == algorithms[c.Algorithm]().Size()
}

func isTrailer(header http.Header, name string) bool {
	for trailer := range strings.SplitSeq(header.Get("x-amz-trailer"), ",") {
		if strings.EqualFold(strings.TrimSpace(trailer), name) {
			return true
		}
	}
	return false
}

func encodeSum(sum hash.Hash) string { return base64.StdEncoding.EncodeToString(sum.Sum(nil)) }

func unsupportedAlgorithm() *failure {
	return invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: " +
		"[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
}

// compositeChecksum returns the checksum of the parts' checksums.
func compositeChecksum(algorithm string, parts []*part) checksum {
	sum := algorithms[algorithm]()
	for _, p := range parts {
		raw, _ := base64.StdEncoding.DecodeString(p.Checksum.Value)
		_, _ = sum.Write(raw)
	}
	value := encodeSum(sum) + "-" + strconv.Itoa(len(parts))
	return checksum{Algorithm: algorithm, Value: value, Type: composite}
}
