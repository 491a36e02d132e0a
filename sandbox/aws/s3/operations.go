package s3

import "net/http"

// operation is one operation of the S3 API.
type operation struct {
	name string
	// action is the IAM action that a bucket policy knows it by, versionAction the one for a request with a versionId. Operations that
	// ask for themselves have none.
	action        string
	versionAction string
	// callerAction is the IAM action that the caller's role needs, if a bucket policy is not asked.
	callerAction string
	handle       func(*Service, http.ResponseWriter, *request) error
}

// operations knows every implemented operation by method, scope and subresource; request.selector makes the keys.
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
		"GET bucket":             {name: "ListObjects", action: "s3:ListBucket", handle: (*Service).listObjects},
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
		"GET bucket location": {
			name:   "GetBucketLocation",
			action: "s3:GetBucketLocation",
			handle: (*Service).getLocation,
		},
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
		"DELETE bucket tagging": {
			name:   "DeleteBucketTagging",
			action: "s3:PutBucketTagging",
			handle: (*Service).deleteBucketTagging,
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
		"GET bucket publicAccessBlock": {
			name:   "GetPublicAccessBlock",
			action: "s3:GetBucketPublicAccessBlock",
			handle: (*Service).getPublicAccess,
		},
		"PUT bucket publicAccessBlock": {
			name:   "PutPublicAccessBlock",
			action: "s3:PutBucketPublicAccessBlock",
			handle: (*Service).putPublicAccess,
		},
		"DELETE bucket publicAccessBlock": {
			name:   "DeletePublicAccessBlock",
			action: "s3:PutBucketPublicAccessBlock",
			handle: (*Service).deletePublicAccess,
		},
		"GET bucket encryption": {
			name:   "GetBucketEncryption",
			action: "s3:GetEncryptionConfiguration",
			handle: (*Service).getEncryption,
		},
		"PUT bucket encryption": {
			name:   "PutBucketEncryption",
			action: "s3:PutEncryptionConfiguration",
			handle: (*Service).putEncryption,
		},
		"DELETE bucket encryption": {
			name:   "DeleteBucketEncryption",
			action: "s3:PutEncryptionConfiguration",
			handle: (*Service).deleteEncryption,
		},
		"GET bucket ownershipControls": {
			name:   "GetBucketOwnershipControls",
			action: "s3:GetBucketOwnershipControls",
			handle: (*Service).getOwnership,
		},
		"PUT bucket ownershipControls": {
			name:   "PutBucketOwnershipControls",
			action: "s3:PutBucketOwnershipControls",
			handle: (*Service).putOwnership,
		},
		"DELETE bucket ownershipControls": {
			name:   "DeleteBucketOwnershipControls",
			action: "s3:PutBucketOwnershipControls",
			handle: (*Service).deleteOwnership,
		},

		"PUT object":               {name: "PutObject", action: "s3:PutObject", handle: (*Service).putObject},
		"PUT object copy":          {name: "CopyObject", action: "s3:PutObject", handle: (*Service).copyObject},
		"GET object":               {name: "GetObject", action: "s3:GetObject", versionAction: "s3:GetObjectVersion", handle: (*Service).getObject},
		"HEAD object":              {name: "HeadObject", action: "s3:GetObject", versionAction: "s3:GetObjectVersion", handle: (*Service).getObject},
		"DELETE object":            {name: "DeleteObject", action: "s3:DeleteObject", versionAction: "s3:DeleteObjectVersion", handle: (*Service).deleteObject},
		"GET object tagging":       {name: "GetObjectTagging", action: "s3:GetObjectTagging", versionAction: "s3:GetObjectVersionTagging", handle: (*Service).getObjectTagging},
		"PUT object tagging":       {name: "PutObjectTagging", action: "s3:PutObjectTagging", versionAction: "s3:PutObjectVersionTagging", handle: (*Service).putObjectTagging},
		"DELETE object tagging":    {name: "DeleteObjectTagging", action: "s3:DeleteObjectTagging", versionAction: "s3:DeleteObjectVersionTagging", handle: (*Service).deleteObjectTagging},
		"GET object legal-hold":    {name: "GetObjectLegalHold", action: "s3:GetObjectLegalHold", handle: (*Service).getLegalHold},
		"PUT object legal-hold":    {name: "PutObjectLegalHold", action: "s3:PutObjectLegalHold", handle: (*Service).putLegalHold},
		"GET object retention":     {name: "GetObjectRetention", action: "s3:GetObjectRetention", handle: (*Service).getRetention},
		"PUT object retention":     {name: "PutObjectRetention", action: "s3:PutObjectRetention", handle: (*Service).putRetention},
		"POST object uploads":      {name: "CreateMultipartUpload", action: "s3:PutObject", handle: (*Service).createUpload},
		"PUT object uploadId":      {name: "UploadPart", action: "s3:PutObject", handle: (*Service).uploadPart},
		"PUT object uploadId copy": {name: "UploadPartCopy", action: "s3:PutObject", handle: (*Service).uploadPartCopy},
		"POST object uploadId":     {name: "CompleteMultipartUpload", action: "s3:PutObject", handle: (*Service).completeUpload},
		"DELETE object uploadId":   {name: "AbortMultipartUpload", action: "s3:AbortMultipartUpload", handle: (*Service).abortUpload},
		"GET object uploadId":      {name: "ListParts", action: "s3:ListMultipartUploadParts", handle: (*Service).listParts},
	}
}
