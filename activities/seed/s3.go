package seed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/url"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
	"perch/activities/sourceerr"
	"perch/cfn"
	"perch/source"
)

// copyStep runs one step and returns how many objects it wrote.
func (s *Seeder) copyStep(ctx context.Context, in Target, step perch.SeedS3) (int, error) {
	name, prefix, _ := strings.Cut(step.To, "/")
	bucket, err := s.Bucket(ctx, in.StackID, name)
	if err != nil {
		return 0, err
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	if address, ok := strings.CutPrefix(step.From, "s3://"); ok {
		return s.copyPrefix(ctx, address, bucket, prefix)
	}
	return s.copyFolder(ctx, in.Commit, step.From, bucket, prefix)
}

// Bucket returns the physical name of the environment's bucket that perch.yaml calls name. In a
// custom template, name is the bucket's logical id. Bucket skips resources that are not buckets: a
// template can choose their physical ids, such as the name of another environment's bucket.
func (s *Seeder) Bucket(ctx context.Context, stackID, name string) (string, error) {
	for _, id := range []string{cfn.BucketID(name), name} {
		out, err := s.stacks.DescribeStackResource(
			ctx,
			&cloudformation.DescribeStackResourceInput{StackName: &stackID, LogicalResourceId: &id},
		)
		if err != nil && !awserr.UnknownStack(err) {
			return "", awserr.Wrap(err, "look for bucket %q of stack %s", name, stackID)
		}
		if err == nil && aws.ToString(out.StackResourceDetail.ResourceType) == "AWS::S3::Bucket" {
			return aws.ToString(out.StackResourceDetail.PhysicalResourceId), nil
		}
	}
	return "", awserr.Final(
		perch.ErrorInvalid,
		"look for bucket %q of stack %s: the stack has no such bucket; correct `to` of the seed step in perch.yaml",
		name,
		stackID,
	)
}

func (s *Seeder) copyFolder(ctx context.Context, commit, folder, bucket, prefix string) (int, error) {
	var small map[string][]byte
	files, err := s.Source.Files(ctx, commit, folder)
	if err == nil {
		small, err = checkFiles(commit, folder, files)
	}
	if fault := sourceerr.CommitFault(err); fault != "" {
		return 0, awserr.Final(perch.ErrorSeedFailed, "seed step from %q: %s; nothing was copied", folder, fault)
	}
	if err != nil && !errors.Is(err, source.ErrNoFolder) {
		return 0, sourceerr.Wrap(err, "read the files of %s at %s", folder, commit)
	}
	if len(files) == 0 {
		return 0, awserr.Final(
			perch.ErrorSeedFailed,
			"seed step from %q: commit %s has no files there; correct `from` in perch.yaml or commit the folder",
			folder,
			commit,
		)
	}
	for _, file := range files {
		data, known := small[file.Path]
		if !known {
			if data, err = readFile(file); err != nil {
				return 0, sourceerr.Wrap(err, "read %s at %s", file.Path, commit)
			}
		}
		if err := s.putObject(ctx, bucket, prefix+file.Path, data); err != nil {
			return 0, err
		}
	}
	return len(files), nil
}

// largestSeed is the size of the largest file that is copied from the repository, in bytes. A
// worker holds the file in memory, and may hold those of other runs at the same time.
const largestSeed = 100 << 20

// checkFiles returns an error if a file of the folder is too large or is a Git LFS pointer. The
// caller calls it before it copies any file. small has the contents of the files that checkFiles
// had to read.
func checkFiles(commit, folder string, files []source.File) (small map[string][]byte, err error) {
	small = map[string][]byte{}
	for _, file := range files {
		name := path.Join(folder, file.Path)
		switch {
		case file.Size > largestSeed:
			return nil, source.TooLarge(commit, name, file.Size, largestSeed)
		case file.Size >= source.LargestPointer:
			continue
		}
		content, err := readFile(file)
		if err == nil {
			err = source.CheckPointer(commit, name, content)
		}
		if err != nil {
			return nil, err
		}
		small[file.Path] = content
	}
	return small, nil
}

func readFile(file source.File) ([]byte, error) {
	reader, err := file.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(reader)
	return data, errors.Join(err, reader.Close())
}

func (s *Seeder) putObject(ctx context.Context, bucket, key string, data []byte) error {
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data)}
	if kind := mime.TypeByExtension(path.Ext(key)); kind != "" {
		in.ContentType = &kind
	}
	_, err := s.s3.PutObject(ctx, in)
	return awserr.Wrap(err, "write seed object %s to bucket %s", key, bucket)
}

func (s *Seeder) copyPrefix(ctx context.Context, address, bucket, prefix string) (int, error) {
	from, below, _ := strings.Cut(address, "/")
	if below != "" && !strings.HasSuffix(below, "/") {
		below += "/" // Without it, data would also match database, which the policy may not allow.
	}
	written := 0
	pages := s3.NewListObjectsV2Paginator(s.s3, &s3.ListObjectsV2Input{Bucket: &from, Prefix: &below})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if awserr.HasCode(err, "NoSuchBucket") {
			return 0, awserr.Final(
				perch.ErrorSeedFailed,
				"seed step from s3://%s: there is no bucket %s",
				address,
				from,
			)
		}
		if err != nil {
			return 0, awserr.Wrap(err, "list seed objects of s3://%s", address)
		}
		for _, object := range page.Contents {
			name := strings.TrimPrefix(aws.ToString(object.Key), below)
			if name == "" {
				continue // The S3 console creates such an object for a folder.
			}
			if err := s.copyObject(ctx, from, below+name, bucket, prefix+name); err != nil {
				return 0, err
			}
			written++
		}
	}
	if written == 0 {
		return 0, awserr.Final(perch.ErrorSeedFailed, "seed step from s3://%s: there is no object under it", address)
	}
	return written, nil
}

func (s *Seeder) copyObject(ctx context.Context, from, key, bucket, to string) error {
	_, err := s.s3.CopyObject(
		ctx,
		&s3.CopyObjectInput{Bucket: &bucket, Key: &to, CopySource: aws.String(copySource(from, key))},
	)
	return awserr.Wrap(err, "copy seed object %s of bucket %s to bucket %s", key, from, bucket)
}

// copySource returns an object's address in the form that CopyObject takes.
func copySource(bucket, key string) string {
	return url.PathEscape(bucket) + "/" + strings.ReplaceAll(url.PathEscape(key), "%2F", "/")
}
