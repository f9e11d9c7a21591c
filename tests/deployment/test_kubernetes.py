"""The documentation's manifest, held to the schema of Kubernetes.

Not part of the default run: the package with the schemas is large. `.ci/run` installs it.
"""

from __future__ import annotations

import kubernetes_validate
import yaml

from tests.pages import block


def test_the_manifest_follows_the_schema() -> None:
    manifest = yaml.safe_load(block("howto/kubernetes.md", "app.yaml"))
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
