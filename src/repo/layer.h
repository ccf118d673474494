// The repository: packs, commit log, manifests, snapshots. Knows nothing of Kafka connections.
#pragma once
