package s3

import (
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"perch/sandbox/aws/wire"
)

type completeRequest struct {
	XMLName struct{}       `xml:"CompleteMultipartUpload"`
	Parts   []completePart `xml:"Part"`
}

type completePart struct {
	PartNumber int
	ETag       string
}

func (s *Service) completeUpload(w http.ResponseWriter, r *request) error {
	end, err := s.beginConditional(r)
	if err != nil {
		return err
	}
	defer end()
	var document completeRequest
	// The checksum in the request's header is the object's, not the body's.
	body, err := r.readClaimed(maxDocument, checksum{})
	if err != nil {
		return err
	}
	if err := unmarshal(body, &document); err != nil {
		return err
	}
	if len(document.Parts) == 0 {
		return malformedXML()
	}
	var chosen []*part
	var u upload
	err = s.withUpload(r, func(_ *bucket, found *upload) (err error) {
		u = *found
		chosen, err = found.chooseParts(document.Parts)
		return err
	})
	if err != nil {
		return err
	}
	v, err := s.assemble(&u, chosen)
	if err != nil {
		return err
	}
	if want := r.Header.Get(v.Checksum.header()); want != "" && want != v.Checksum.Value {
		s.blobs.remove(v.Blob)
		return failf(
			http.StatusBadRequest, "BadDigest", "The %s you specified did not match the calculated checksum.",
			v.Checksum.Algorithm,
		)
	}
	if err := s.storeVersion(w, r, v, record{Op: opEnd, Bucket: r.bucket, UploadID: u.ID}); err != nil {
		return err
	}
	nodes := []wire.Node{
		wire.T("Location", "https://"+r.bucket+".s3."+s.config.Region+".amazonaws.com/"+encodeURL(r.key)),
		wire.T("Bucket", r.bucket), wire.T("Key", r.key), wire.T("ETag", quote(v.ETag)),
	}
	return reply(w, "CompleteMultipartUploadResult", append(nodes, v.Checksum.nodes()...)...)
}

// chooseParts returns the parts that the client lists, in the same order.
func (u *upload) chooseParts(wanted []completePart) ([]*part, error) {
	for i, want := range wanted {
		if i > 0 && want.PartNumber <= wanted[i-1].PartNumber {
			return nil, failf(
				http.StatusBadRequest, "InvalidPartOrder",
				"The list of parts was not in ascending order. Parts must be ordered by part number.",
			).with("UploadId", u.ID)
		}
	}
	var chosen []*part
	for i, want := range wanted {
		p := u.parts[want.PartNumber]
		if p == nil || p.ETag != strings.Trim(want.ETag, `"`) {
			return nil, failf(
				http.StatusBadRequest, "InvalidPart",
				"One or more of the specified parts could not be found.  The part may not have been uploaded, "+
					"or the specified entity tag may not match the part's entity tag.",
			).with("UploadId", u.ID).with("PartNumber", strconv.Itoa(want.PartNumber)).with("ETag", want.ETag)
		}
		if i < len(wanted)-1 && p.Size < minPart {
			return nil, failf(
				http.StatusBadRequest, "EntityTooSmall",
				"Your proposed upload is smaller than the minimum allowed size",
			).
				with("ProposedSize", strconv.FormatInt(p.Size, 10)).with("MinSizeAllowed", strconv.Itoa(minPart)).with(
				"PartNumber", strconv.Itoa(p.Number),
			).with("ETag", want.ETag)
		}
		chosen = append(chosen, p)
	}
	return chosen, nil
}

// assemble joins the parts into an object. The ETag is the MD5 of the parts' MD5s, followed by `-`
// and the number of parts.
func (s *Service) assemble(u *upload, parts []*part) (*version, error) {
	v := *u.Draft
	etag := md5.New()
	var names []string
	for _, p := range parts {
		raw, _ := hex.DecodeString(p.ETag)
		_, _ = etag.Write(raw)
		names = append(names, p.Blob)
		v.Parts = append(v.Parts, p.Size)
	}
	v.ETag = hex.EncodeToString(etag.Sum(nil)) + "-" + strconv.Itoa(len(parts))
	algorithm := u.Algorithm
	if algorithm == "" {
		algorithm = defaultAlgorithm
	}
	sum := algorithms[algorithm]()
	var err error
	if v.Blob, v.Size, err = s.joinBlobs(names, sum); err != nil {
		return nil, err
	}
	v.Checksum = checksum{Algorithm: algorithm, Value: encodeSum(sum), Type: fullObject}
	if u.Type == composite {
		v.Checksum = compositeChecksum(algorithm, parts)
	}
	return &v, nil
}
