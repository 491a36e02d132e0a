"""Removes the CloudFormation stacks of branches that no longer exist.

For every stack whose `branch` tag names no live branch: empties the stack's buckets, every version and every
delete marker, then deletes the stack and waits until it is gone. Prints the names of the stacks it removed.
"""

import argparse

import boto3
from botocore.config import Config


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", help="the AWS endpoint; AWS itself if none is given")
    parser.add_argument("--region", default="eu-central-1")
    parser.add_argument("--live", nargs="*", default=[], help="the branches that exist")
    return parser.parse_args()


def branch_of(stack):
    for tag in stack.get("Tags", []):
        if tag["Key"] == "branch":
            return tag["Value"]
    return None


def orphans(cloudformation, live):
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            branch = branch_of(stack)
            if branch is not None and branch not in live and "ParentId" not in stack:
                yield stack


def empty(s3, bucket):
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        doomed = [
            {"Key": entry["Key"], "VersionId": entry["VersionId"]}
            for entry in page.get("Versions", []) + page.get("DeleteMarkers", [])
        ]
        if not doomed:
            continue
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True})
        if answer.get("Errors"):
            raise SystemExit(f"bucket {bucket}: {answer['Errors'][0]}")


def remove(cloudformation, s3, stack):
    resources = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack["StackId"])
    for page in resources:
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::S3::Bucket" and resource["ResourceStatus"] != "DELETE_COMPLETE":
                empty(s3, resource["PhysicalResourceId"])
    cloudformation.delete_stack(StackName=stack["StackId"])
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack["StackId"], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def main():
    options = arguments()
    settings = {
        "endpoint_url": options.endpoint,
        "region_name": options.region,
        "config": Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    }
    cloudformation = boto3.client("cloudformation", **settings)
    s3 = boto3.client("s3", **settings)
    for stack in list(orphans(cloudformation, options.live)):
        remove(cloudformation, s3, stack)
        print(stack["StackName"])


if __name__ == "__main__":
    main()
