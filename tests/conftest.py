"""Fixtures of the integration tests. Every test that starts brokers gets them from here, so that they end with it."""

import os
import random

import pytest

from lib import jars
from lib.cluster import Cluster
from lib.maxbrod import Maxbrod
from lib.zookeeper import ZooKeeperCluster


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that skips itself has proved nothing: it fails."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped; tests must not be"


class Clusters:
    """Starts clusters below a folder and destroys them all at the end; logs of what failed stay."""

    def __init__(self, folder):
        self._folder = folder
        self._clusters = []

    def __call__(self, version=jars.NEWEST, name=None, **options):
        name = name or f"cluster-{len(self._clusters) + 1}"
        kind = ZooKeeperCluster if version.startswith("2.") else Cluster
        cluster = kind(version, self._folder / name, **options)
        self._clusters.append(cluster)
        return cluster.start()

    def destroy(self):
        for cluster in self._clusters:
            cluster.destroy()


@pytest.fixture
def clusters(tmp_path):
    """A factory of clusters that live as long as one test: clusters(version, brokers=3, ...)."""
    factory = Clusters(tmp_path)
    yield factory
    factory.destroy()


@pytest.fixture(scope="module", params=jars.VERSIONS)
def version(request):
    """Each Kafka version the project is tested with."""
    return request.param


@pytest.fixture(scope="module")
def broker_config():
    """What the brokers of `pair` have set beside the harness's own settings; a file may give its own."""
    return {}


@pytest.fixture(scope="module")
def pair(version, broker_config, tmp_path_factory):
    """One-broker clusters .source and .target of each version, for all tests of a file: use topics of your own."""
    factory = Clusters(tmp_path_factory.mktemp(f"pair-{version}"))
    factory.source = factory(version, "source", config=broker_config)
    factory.target = factory(version, "target", config=broker_config)
    yield factory
    factory.destroy()


@pytest.fixture
def repo(tmp_path):
    """An initialised repository of the test's own."""
    maxbrod = Maxbrod(tmp_path / "repo")
    maxbrod.init()
    return maxbrod


@pytest.fixture
def seed(request):
    """A random seed, printed with the test that fails; MAXBROD_TEST_SEED repeats a run."""
    value = int(os.environ.get("MAXBROD_TEST_SEED", random.SystemRandom().randint(1, 1 << 31)))
    print(f"MAXBROD_TEST_SEED={value}")
    return value
