"""Whether the functions can verify what a region's database instances show them."""

from pathlib import Path

from cryptography import x509

import chalicelib
from infra.errors import StepFailed

ROOTS = Path(next(iter(chalicelib.__path__))) / "stores" / "rds_roots.pem"


def known_regions() -> frozenset[str]:
    """The regions whose authority ships with the functions."""
    names = (str(root.subject.rfc4514_string()) for root in x509.load_pem_x509_certificates(ROOTS.read_bytes()))
    return frozenset(name.partition("Amazon RDS ")[2].partition(" ")[0] for name in names)


def demand_known_authority(region: str, *, replicas: int) -> None:
    """Return when every server's certificate will be verified there.

    Raises:
        StepFailed: read replicas in a region whose authority nobody gave us.
    """
    if replicas and region not in known_regions():
        raise StepFailed(
            f"Read replicas in {region} cannot be verified: {ROOTS.name} has no authority of that region.",
            remedy="Add its rds-ca-rsa2048-g1 root from Amazon's list to that file, or set ReadReplicas to 0.",
        )
