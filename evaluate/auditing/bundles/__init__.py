"""Bundles: a run's evidence in one file, which others check without the machine it was made on."""

from evaluate.auditing.bundles.packing import BundleOptions, write_bundle
from evaluate.auditing.bundles.verification import Verified, verify_bundle

__all__ = ["BundleOptions", "Verified", "verify_bundle", "write_bundle"]
