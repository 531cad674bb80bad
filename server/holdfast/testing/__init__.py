"""The test kit, for the tests of apps and plugins: `pytest_plugins = ["holdfast.testing"]`.

Needs `pip install holdfast[testing]`. docs/reference/testing.md has all of it. PYTEST_DONT_REWRITE: tests import from
here what pytest has imported before.
"""

from holdfast.testing.client import Client
from holdfast.testing.clock import Clock
from holdfast.testing.fixtures import (
    StartProject,
    holdfast_cluster,
    holdfast_plugins,
    holdfast_settings,
    in_one_loop,
    project,
    shared_project,
    start_project,
)
from holdfast.testing.mailbox import Mail, Mailbox
from holdfast.testing.postgres import Cluster
from holdfast.testing.project import Project
from holdfast.testing.queued import QueuedJob
from holdfast.testing.receiver import Call, Receiver, Webhook
from holdfast.testing.running import running_project
from holdfast.testing.scenario import Scenario, refusal

__all__ = [
    "Call",
    "Client",
    "Clock",
    "Cluster",
    "Mail",
    "Mailbox",
    "Project",
    "QueuedJob",
    "Receiver",
    "Scenario",
    "StartProject",
    "Webhook",
    "holdfast_cluster",
    "holdfast_plugins",
    "holdfast_settings",
    "in_one_loop",
    "project",
    "refusal",
    "running_project",
    "shared_project",
    "start_project",
]
