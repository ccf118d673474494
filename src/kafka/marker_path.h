// WriteTxnMarkers over one Connection: offsets that exist and that no consumer sees (KIP-98,
// KIP-1037).
//
// Each marker is a control batch of one record (78 bytes). Those of one run get consecutive offsets
// if nobody else writes there; the answer comes when all of a request are replicated (acks=all).
// Not idempotent, and the answer does not tell offsets: what counts is the end offset, or the base
// offset of what is produced next.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "kafka/connection.h"

namespace maxbrod::kafka {

// In one run. A request occupies one of the broker's request threads until it is appended.
inline constexpr uint32_t kMarkersPerRunMax = 10'000;
// In all runs of one request, which is a small object each for the broker.
inline constexpr uint64_t kMarkersPerRequestMax = 200'000;

struct MarkerRun {
  std::string topic;
  int32_t partition = 0;
  uint32_t count = 0;  // markers, one after another
};

// Writes the runs' markers in one request, to the broker that leads all their partitions, in the
// name of a producer from Cluster::InitProducerId. That producer must have no transaction and write
// nothing else: its state on the broker is touched by each marker. Does not wait; answers come in
// the order of sending.
//
// The markers say "commit": for the broker both kinds are alike where nothing is open, consumers
// do nothing at a commit, while some look for the transaction at an abort. kInvalidArgument for a
// partition twice (brokers would never answer that), a count of 0, or more than the limits.
Status SendMarkers(Connection& connection, int64_t producer_id, int16_t producer_epoch,
                   std::span<const MarkerRun> runs, const CallContext& context);

struct MarkedPartition {
  size_t index = 0;  // into the runs sent
  // 0: the last marker of the run is written, and so are the others unless their errors were
  // overwritten: brokers keep one error per producer id and partition in their answers. Any other:
  // none, some or all may be written.
  int16_t error = 0;
};

// The same runs as sent, each once in the answer, in their order. kProtocol on lies: a partition
// never sent, or one left out.
Result<std::vector<MarkedPartition>> ReceiveMarkers(Connection& connection,
                                                    std::span<const MarkerRun> runs,
                                                    const CallContext& context);

}  // namespace maxbrod::kafka
