package page

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	// mostObjects is the maximum number of a bucket's objects that are shown.
	mostObjects = 200
	// mostPreviews is the maximum number of objects that are shown with their text. shortText is
	// the maximum length of such a text in bytes.
	mostPreviews = 12
	shortText    = 200
)

// bucketView is the view of one of the environment's buckets.
type bucketView struct {
	// Name is the app's name for the bucket, and Bucket its name in S3.
	Name, Bucket string
	Objects      []objectView
	// More means that the bucket holds more objects than are shown.
	More bool
	// Trouble explains why the bucket could not be read.
	Trouble string
}

type objectView struct {
	Key     string
	Size    int64
	Preview string
}

// bucket reads a bucket through the S3 API, as the app would.
func (h handler) bucket(ctx context.Context, variable, bucket string) bucketView {
	view := bucketView{Name: strings.ReplaceAll(strings.ToLower(variable), "_", "-"), Bucket: bucket}
	listing, err := h.config.S3.ListObjectsV2(
		ctx, &s3.ListObjectsV2Input{Bucket: &bucket, MaxKeys: aws.Int32(mostObjects)},
	)
	if err != nil {
		h.config.Logger.Warn("bucket not read", "bucket", bucket, "error", err)
		view.Trouble = "The bucket could not be read: " + err.Error()
		return view
	}
	view.More = aws.ToBool(listing.IsTruncated)
	previews := 0
	for _, object := range listing.Contents {
		shown := objectView{Key: aws.ToString(object.Key), Size: aws.ToInt64(object.Size)}
		if shown.Size > 0 && shown.Size < shortText && previews < mostPreviews {
			shown.Preview = h.preview(ctx, bucket, shown.Key)
			previews++
		}
		view.Objects = append(view.Objects, shown)
	}
	return view
}

// preview returns a short object's text; empty if it is not text or cannot be read.
func (h handler) preview(ctx context.Context, bucket, key string) string {
	object, err := h.config.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return ""
	}
	defer object.Body.Close()
	body, err := io.ReadAll(io.LimitReader(object.Body, shortText))
	if err != nil || !utf8.Valid(body) || strings.ContainsFunc(string(body), unprintable) {
		return ""
	}
	return strings.TrimSpace(string(body))
}

func unprintable(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }

// size formats a number of bytes.
func size(bytes int64) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
