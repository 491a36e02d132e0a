package s3

import (
	"bufio"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// intake reads a request's body, decodes its chunks if there are any, and computes its size, hashes
// and checksum. verify compares these with what the client states.
type intake struct {
	body     io.Reader
	chunks   *chunkReader
	header   http.Header
	claim    checksum
	expected int64
	size     int64
	md5      hash.Hash
	sha256   hash.Hash
	sum      hash.Hash
}

// newIntake returns an intake for a body with the stated checksum. If that has no algorithm, the
// intake computes S3's default checksum.
func newIntake(r *request, claim checksum) (*intake, error) {
	var err error
	in := &intake{
		body: r.Body, header: r.Header, claim: claim, expected: r.ContentLength, md5: md5.New(), sha256: sha256.New(),
	}
	if in.claim.Algorithm == "" {
		in.claim = checksum{Algorithm: defaultAlgorithm, Type: fullObject}
	}
	in.sum = algorithms[in.claim.Algorithm]()
	if strings.HasPrefix(r.Header.Get("x-amz-content-sha256"), "STREAMING-") {
		in.chunks = &chunkReader{source: bufio.NewReader(r.Body)}
		in.body = in.chunks
		in.expected, err = strconv.ParseInt(r.Header.Get("x-amz-decoded-content-length"), 10, 64)
	}
	if err != nil || in.expected < 0 {
		return nil, failf(
			http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.",
		)
	}
	return in, nil
}

func (in *intake) Read(p []byte) (int, error) {
	n, err := in.body.Read(p)
	in.size += int64(n)
	for _, sum := range []hash.Hash{in.md5, in.sha256, in.sum} {
		_, _ = sum.Write(p[:n])
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, incompleteBody()
	}
	return n, err
}

// verify compares the bytes that were read with the stated size, hashes and checksum.
func (in *intake) verify() error {
	if in.size != in.expected {
		return incompleteBody()
	}
	if err := in.verifyMD5(); err != nil {
		return err
	}
	if want := in.header.Get(
		"x-amz-content-sha256",
	); len(want) == 64 && want != hex.EncodeToString(in.sha256.Sum(nil)) {
		return failf(
			http.StatusBadRequest, "XAmzContentSHA256Mismatch",
			"The provided 'x-amz-content-sha256' header does not match what was computed.",
		).
			with("ClientComputedContentSHA256", want).with(
			"S3ComputedContentSHA256", hex.EncodeToString(in.sha256.Sum(nil)),
		)
	}
	want := in.claim.Value
	if in.chunks != nil && in.chunks.trailer != nil && want == "" {
		want = in.chunks.trailer.Get(in.claim.header())
	}
	in.claim.Value = encodeSum(in.sum)
	if want != "" && want != in.claim.Value {
		return failf(
			http.StatusBadRequest, "BadDigest", "The %s you specified did not match the calculated checksum.",
			in.claim.Algorithm,
		)
	}
	return nil
}

func (in *intake) verifyMD5() error {
	want := in.header.Get("Content-MD5")
	if want == "" {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(want)
	if err != nil || len(raw) != md5.Size {
		return failf(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified was invalid.").with(
			"Content-MD5", want,
		)
	}
	if string(raw) != string(in.md5.Sum(nil)) {
		return failf(
			http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.",
		).
			with("ExpectedDigest", want).with("CalculatedDigest", base64.StdEncoding.EncodeToString(in.md5.Sum(nil)))
	}
	return nil
}

func incompleteBody() *failure {
	return failf(
		http.StatusBadRequest, "IncompleteBody",
		"You did not provide the number of bytes specified by the Content-Length HTTP header",
	)
}

// chunkReader decodes the aws-chunked encoding of a body: `SIZE[;chunk-signature=...]`, the bytes,
// and trailing headers after the last, empty chunk (AWS docs: "Signature calculations ...
// transferring payload in multiple chunks"). It ignores signatures.
type chunkReader struct {
	source  *bufio.Reader
	left    int64
	inside  bool
	trailer http.Header
}

func (c *chunkReader) Read(p []byte) (int, error) {
	if c.trailer != nil {
		return 0, io.EOF
	}
	if c.left == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
		if c.trailer != nil {
			return 0, io.EOF
		}
	}
	n, err := c.source.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

var errChunk = errors.New("read aws-chunked body: a chunk is not well-formed")

// next begins the next chunk, or reads the trailer after the last one.
func (c *chunkReader) next() error {
	if c.inside {
		if line, err := c.line(); err != nil || line != "" {
			return errChunk
		}
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	digits, _, _ := strings.Cut(line, ";")
	size, err := strconv.ParseInt(digits, 16, 64)
	if err != nil || size < 0 {
		return errChunk
	}
	c.left, c.inside = size, true
	if size == 0 {
		return c.end()
	}
	return nil
}

func (c *chunkReader) end() error {
	header, err := textproto.NewReader(c.source).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return errChunk
	}
	c.trailer = http.Header(header)
	return nil
}

// line reads one short line, without its end.
func (c *chunkReader) line() (string, error) {
	line, err := c.source.ReadSlice('\n')
	if err != nil {
		return "", errChunk
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}
