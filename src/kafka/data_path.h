// Fetch and Produce of raw batches over one Connection: no decoding of records, no copy of
// payloads.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "kafka/cluster.h"
#include "kafka/connection.h"

namespace maxbrod::kafka {

struct FetchPartition {
  std::string topic;
  TopicId topic_id;  // used with Fetch v13+ (KIP-516): a recreated topic answers UNKNOWN_TOPIC_ID
  int32_t partition = 0;
  int64_t fetch_offset = 0;
  int32_t current_leader_epoch = -1;
  int32_t partition_max_bytes = 1 << 20;
};

struct FetchSpec {
  Isolation isolation = Isolation::kReadCommitted;
  int32_t max_wait_ms = 500;
  int32_t min_bytes = 1;
  int32_t max_bytes = 50 << 20;
  std::string rack;
  std::vector<FetchPartition> partitions;
};

struct FetchedAbort {
  int64_t producer_id = -1;
  int64_t first_offset = -1;
};

// Views into the response's buffer.
struct FetchedPartition {
  size_t index = 0;  // into FetchSpec.partitions
  int16_t error = 0;
  int64_t high_watermark = -1;
  int64_t last_stable_offset = -1;
  int64_t log_start_offset = -1;
  int32_t preferred_read_replica = -1;
  std::vector<FetchedAbort> aborted;
  ByteView records;  // batches as the broker stores them; the last may be cut off
};

struct FetchResponseView {
  int32_t throttle_ms =
      0;  // already served by the broker (KIP-219): wait that long before the next request
  int16_t error = 0;
  std::vector<FetchedPartition> partitions;
};

// Sends without waiting; answers come in the order of sending.
Status SendFetch(Connection& connection, const FetchSpec& spec, const CallContext& context);
// `buffer` holds the bytes the views point into. kProtocol on lies, also about partitions never
// asked for.
Result<FetchResponseView> ReceiveFetch(Connection& connection, const FetchSpec& spec, Bytes* buffer,
                                       const CallContext& context);

struct ProduceBatch {
  std::string topic;
  TopicId topic_id;  // Produce v13+
  int32_t partition = 0;
  std::span<const ByteView>
      pieces;  // the batch, in pieces; views must live until SendProduce returns
};

struct ProducedPartition {
  size_t index = 0;  // into the batches sent
  int16_t error = 0;
  int64_t base_offset = -1;
  int64_t log_start_offset = -1;
  std::string message;
};

struct ProduceResponseView {
  int32_t throttle_ms = 0;
  std::vector<ProducedPartition> partitions;
};

// acks=all. At most one batch per partition in a request (two: kInvalidArgument; the broker would
// say INVALID_RECORD). Transactional batches (attribute 0x10) need their transactional id: brokers
// refuse them without.
Status SendProduce(Connection& connection, std::span<const ProduceBatch> batches,
                   int32_t timeout_ms, const CallContext& context,
                   const std::string& transactional_id = {});
// The same batches as sent (their pieces are not looked at). kProtocol on lies: a partition never
// sent, one twice, or one left out.
Result<ProduceResponseView> ReceiveProduce(Connection& connection,
                                           std::span<const ProduceBatch> batches,
                                           const CallContext& context);

}  // namespace maxbrod::kafka
