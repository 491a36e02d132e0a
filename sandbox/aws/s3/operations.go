package s3

import (
	"net/http"
	"slices"
)

// operation is one operation of the S3 API.
type operation struct {
	name string
	// action is the operation's IAM action for bucket policies, and versionAction the one for a
	// request with a versionId. They are empty if no bucket policy applies to the operation, or if
	// its handler checks the permissions.
	action        string
	versionAction string
	// callerAction is the IAM action that the caller's role needs if action is empty.
	callerAction string
	handle       func(*Service, http.ResponseWriter, *request) error
}

// operations has every implemented operation. The key consists of method, scope and subresources,
// as request.selector returns it.
var operations map[string]operation

func init() {
	operations = map[string]operation{
		"GET service": {name: "ListBuckets", callerAction: "s3:ListAllMyBuckets", handle: (*Service).listBuckets},

		"PUT bucket": {
			name:         "CreateBucket",
			callerAction: "s3:CreateBucket",
			handle:       (*Service).createBucket,
		},
		"DELETE bucket":          {name: "DeleteBucket", action: "s3:DeleteBucket", handle: (*Service).deleteBucket},
		"HEAD bucket":            {name: "HeadBucket", action: "s3:ListBucket", handle: (*Service).headBucket},
		"GET bucket list-type=2": {name: "ListObjectsV2", action: "s3:ListBucket", handle: (*Service).listObjectsV2},
		"GET bucket versions": {
			name:   "ListObjectVersions",
			action: "s3:ListBucketVersions",
			handle: (*Service).listVersions,
		},
		"GET bucket uploads": {
			name:   "ListMultipartUploads",
			action: "s3:ListBucketMultipartUploads",
			handle: (*Service).listUploads,
		},
		"POST bucket delete": {name: "DeleteObjects", handle: (*Service).deleteObjects},
		"GET bucket versioning": {
			name:   "GetBucketVersioning",
			action: "s3:GetBucketVersioning",
			handle: (*Service).getVersioning,
		},
		"PUT bucket versioning": {
			name:   "PutBucketVersioning",
			action: "s3:PutBucketVersioning",
			handle: (*Service).putVersioning,
		},
		"GET bucket tagging": {
			name:   "GetBucketTagging",
			action: "s3:GetBucketTagging",
			handle: (*Service).getBucketTagging,
		},
		"PUT bucket tagging": {
			name:   "PutBucketTagging",
			action: "s3:PutBucketTagging",
			handle: (*Service).putBucketTagging,
		},
		"GET bucket object-lock": {
			name:   "GetObjectLockConfiguration",
			action: "s3:GetBucketObjectLockConfiguration",
			handle: (*Service).getObjectLock,
		},
		"GET bucket policy": {
			name:         "GetBucketPolicy",
			callerAction: "s3:GetBucketPolicy",
			handle:       (*Service).getPolicy,
		},
		"PUT bucket policy": {
			name:         "PutBucketPolicy",
			callerAction: "s3:PutBucketPolicy",
			handle:       (*Service).putPolicy,
		},
		"DELETE bucket policy": {
			name:         "DeleteBucketPolicy",
			callerAction: "s3:DeleteBucketPolicy",
			handle:       (*Service).deletePolicy,
		},

		"PUT object":      {name: "PutObject", action: "s3:PutObject", handle: (*Service).putObject},
		"PUT object copy": {name: "CopyObject", action: "s3:PutObject", handle: (*Service).copyObject},
		"GET object": {
			name: "GetObject", action: "s3:GetObject", versionAction: "s3:GetObjectVersion",
			handle: (*Service).getObject,
		},
		"HEAD object": {
			name: "HeadObject", action: "s3:GetObject", versionAction: "s3:GetObjectVersion",
			handle: (*Service).getObject,
		},
		"DELETE object": {
			name: "DeleteObject", action: "s3:DeleteObject", versionAction: "s3:DeleteObjectVersion",
			handle: (*Service).deleteObject,
		},
		"GET object tagging": {
			name: "GetObjectTagging", action: "s3:GetObjectTagging", versionAction: "s3:GetObjectVersionTagging",
			handle: (*Service).getObjectTagging,
		},
		"POST object uploads": {
			name: "CreateMultipartUpload", action: "s3:PutObject", handle: (*Service).createUpload,
		},
		"PUT object uploadId":      {name: "UploadPart", action: "s3:PutObject", handle: (*Service).uploadPart},
		"PUT object uploadId copy": {name: "UploadPartCopy", action: "s3:PutObject", handle: (*Service).uploadPartCopy},
		"POST object uploadId": {
			name: "CompleteMultipartUpload", action: "s3:PutObject", handle: (*Service).completeUpload,
		},
		"DELETE object uploadId": {
			name: "AbortMultipartUpload", action: "s3:AbortMultipartUpload", handle: (*Service).abortUpload,
		},
	}
}

// Operations returns the names of all operations, sorted.
func Operations() []string {
	var names []string
	for _, each := range operations {
		names = append(names, each.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
