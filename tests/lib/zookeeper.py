"""Clusters of the time before KRaft: Kafka 2.x brokers and the ZooKeeper that they need."""

import subprocess

from . import jars
from .cluster import HOST, Cluster, free_port


class ZooKeeperCluster(Cluster):
    """A `Cluster` of Kafka 2.x. The probe and the tools are of the oldest version that is tested in full, whose clients
    still talk to such brokers. ZooKeeper is started with the brokers and never disturbed."""

    def __init__(self, version, folder, **options):
        super().__init__(version, folder, **options)
        self.client_version = jars.VERSIONS[0]
        self._zookeeper_port = free_port()
        self._zookeeper = None

    def start(self, wait=True):
        folder = self.folder / "zookeeper"
        folder.mkdir(parents=True)
        (folder / "zookeeper.properties").write_text(
            f"dataDir={folder / 'data'}\nclientPort={self._zookeeper_port}\nclientPortAddress={HOST}\n"
            "maxClientCnxns=0\nadmin.enableServer=false\ntickTime=1000\n")
        with open(folder / "zookeeper.log", "ab") as log:
            self._zookeeper = subprocess.Popen(
                jars.java(self.version, ["-Xmx128m"], "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                          folder / "zookeeper.properties", archive=False, detached=self._detached),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        return super().start(wait)

    def _properties(self, broker):
        properties = super()._properties(broker)
        for name in ("process.roles", "node.id", "controller.quorum.voters", "controller.listener.names"):
            del properties[name]
        for name in ("listeners", "listener.security.protocol.map"):
            properties[name] = ",".join(x for x in properties[name].split(",") if not x.startswith("CONTROLLER"))
        properties["broker.id"] = broker.id
        properties["zookeeper.connect"] = f"{HOST}:{self._zookeeper_port}"
        properties["zookeeper.session.timeout.ms"] = 6000
        if self.acls:
            properties["authorizer.class.name"] = "kafka.security.authorizer.AclAuthorizer"
        properties.update(self.config)
        return properties

    def _bootstrap_checkpoint(self):
        jars.libs(self.version)

    def _format(self, broker, boot):
        """Such a broker writes its meta.properties itself."""

    def _kill_all(self):
        super()._kill_all()
        if self._zookeeper:
            self._zookeeper.kill()
            self._zookeeper.wait()
