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
	// mostObjects is how many objects of a bucket are shown.
	mostObjects = 200
	// mostPreviews is how many of them are shown with their text, and shortText the longest such
	// text in bytes.
	mostPreviews = 12
	shortText    = 200
)

// bucketView is one of the environment's buckets.
type bucketView struct {
	// Name is what the app knows it by, Bucket its name in S3.
	Name, Bucket string
	Objects      []objectView
	// More says that the bucket holds more objects than are shown.
	More bool
	// Trouble is why the bucket could not be read.
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

// preview is a short object's text; empty for what is not text or cannot be read.
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

// size writes a number of bytes for people.
func size(bytes int64) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
