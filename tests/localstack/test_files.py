"""What LocalStack writes lies in the folder of its world, so that several users of a machine can each have one."""

from offline.cloud.stack import CloudStack


def test_what_is_uploaded_lies_in_the_worlds_own_folder(cloud: CloudStack) -> None:
    s3 = cloud.target.client("s3")
    s3.create_bucket(Bucket="whose", CreateBucketConfiguration={"LocationConstraint": cloud.target.region})
    s3.put_object(Bucket="whose", Key="object", Body=b"mine")
    assert [folder for folder in cloud.layout.root.rglob("s3/whose") if folder.is_dir()] != []
