"""Empties a bucket, for CloudFormation deletes only empty ones."""

from infra.target import AwsClient


def empty_bucket(s3: AwsClient, bucket: str | None) -> None:
    """Delete every version of every object; None is a bucket that is gone already."""
    if bucket is None:
        return
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [
            {"Key": one["Key"], "VersionId": one["VersionId"]}
            for kind in ("Versions", "DeleteMarkers")
            for one in page.get(kind, ())
        ]
        if versions:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
