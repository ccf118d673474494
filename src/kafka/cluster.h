// A cluster: its metadata, who leads what, and connections to its brokers; administration calls
// with routing and retries.
//
// Retries: retriable error codes and lost connections are tried again with capped, jittered backoff
// until the context's deadline (or config.api_timeout); everything else fails at once, naming
// broker, API, topic-partition and error.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "kafka/client_config.h"
#include "kafka/connection.h"

namespace maxbrod::kafka {

struct Broker {
  BrokerId id{-1};
  HostPort address;
  std::string rack;
};

struct PartitionMetadata {
  int32_t partition = 0;
  int16_t error = 0;
  BrokerId leader{-1};
  int32_t leader_epoch = -1;
  std::vector<int32_t> replicas, isr, offline;
};

struct TopicMetadata {
  std::string name;
  TopicId id;  // zero on brokers before 2.8
  int16_t error = 0;
  bool internal = false;
  std::vector<PartitionMetadata> partitions;  // ascending
};

struct ClusterMetadata {
  std::string cluster_id;
  BrokerId controller{-1};
  std::map<BrokerId, Broker> brokers;
  std::map<std::string, TopicMetadata> topics;
};

// ListOffsets' special timestamps.
inline constexpr int64_t kLatest = -1;
inline constexpr int64_t kEarliest = -2;
inline constexpr int64_t kMaxTimestamp = -3;  // KIP-734

enum class Isolation : int8_t { kReadUncommitted = 0, kReadCommitted = 1 };

struct ListedOffset {
  int16_t error = 0;
  int64_t offset = -1;
  int64_t timestamp = -1;
  int32_t leader_epoch = -1;
};

struct EpochEnd {
  int16_t error = 0;
  int32_t leader_epoch = -1;  // largest epoch not above the asked one; -1 unknown
  int64_t end_offset = -1;    // where it ends; for the current epoch the leader's log end offset
};

enum class ConfigSource : int8_t {
  kUnknown = 0,
  kTopic = 1,
  kDynamicBroker = 2,
  kDynamicDefaultBroker = 3,
  kStaticBroker = 4,
  kDefault = 5,
  kDynamicBrokerLogger = 6,
  kClientMetrics = 7,
  kGroup = 8,
};
struct ConfigValue {
  std::string name;
  std::optional<std::string> value;  // none when sensitive
  ConfigSource source = ConfigSource::kUnknown;
  bool read_only = false;
  bool sensitive = false;
};
enum class ResourceType : int8_t { kTopic = 2, kBroker = 4 };

struct NewTopic {
  std::string name;
  int32_t partitions = 1;
  int16_t replication_factor = -1;
  std::vector<std::pair<std::string, std::string>> configs;
  // Replicas by partition, the preferred leader first; empty: the brokers choose.
  std::vector<std::vector<int32_t>> assignments = {};
};
struct CreatedTopic {
  Status status;
  TopicId id;  // zero where the broker does not tell
};

struct ConfigChange {
  std::string name;
  std::optional<std::string> value;  // none: delete the override
};

struct GroupListing {
  std::string group, protocol_type, state, type;  // type empty before ListGroups v5
};
struct GroupDescription {
  std::string group, protocol_type, protocol, state, type;
  Status status;
  std::vector<std::string> members;  // "member-id (client-id, host)"
};
struct CommittedOffset {
  std::string topic;
  int32_t partition = 0;
  int64_t offset = -1;
  int32_t leader_epoch = -1;
  std::string metadata;
  int16_t error = 0;
};

struct LogDirEntry {
  BrokerId broker{-1};
  std::string path;
  TopicPartition partition;
  int64_t size = 0;
  int64_t offset_lag = 0;
  bool future = false;
};
struct LogDirSpace {
  BrokerId broker{-1};
  std::string path;
  int64_t total = -1, usable = -1;  // KIP-827; -1 unknown
};

struct ActiveProducer {
  int64_t producer_id = -1;
  int32_t producer_epoch = -1;
  int64_t last_timestamp = -1;
  int64_t current_txn_start_offset = -1;
};

template <typename T>
using PerPartition = std::map<TopicPartition, T>;

// Thread-safe. Must outlive the connections it opened.
class Cluster {
 public:
  // Reaches a bootstrap server and reads the metadata.
  static Result<std::unique_ptr<Cluster>> Connect(const ClientConfig& config,
                                                  const CallContext& context);
  ~Cluster();

  const ClientConfig& config() const;
  // A new connection of one's own to a broker (data path). kUnavailable retryable when it is down.
  Result<std::unique_ptr<Connection>> OpenConnection(BrokerId broker, const CallContext& context);

  // What is known; Refresh asks again (all topics when `topics` is empty).
  std::shared_ptr<const ClusterMetadata> metadata() const;
  Result<std::shared_ptr<const ClusterMetadata>> Refresh(const CallContext& context);
  Result<std::shared_ptr<const ClusterMetadata>> RefreshTopics(
      const std::vector<std::string>& topics, const CallContext& context);
  // -1 when unknown.
  BrokerId LeaderOf(const TopicPartition& partition) const;

  // Grouped by leader, one request per broker (chunked), leader changes retried. Partition errors
  // that retrying cannot cure stand in the result.
  Result<PerPartition<ListedOffset>> ListOffsets(const PerPartition<int64_t>& timestamps,
                                                 Isolation isolation, const CallContext& context);
  Result<PerPartition<EpochEnd>> OffsetsForLeaderEpoch(const PerPartition<int32_t>& epochs,
                                                       const CallContext& context);
  // Truncates below the offset; the result is the new low watermark.
  Result<PerPartition<Result<int64_t>>> DeleteRecords(const PerPartition<int64_t>& before,
                                                      const CallContext& context);
  Result<PerPartition<std::vector<ActiveProducer>>> DescribeProducers(
      const std::vector<TopicPartition>& partitions, const CallContext& context);

  Result<std::map<std::string, std::vector<ConfigValue>>> DescribeTopicConfigs(
      const std::vector<std::string>& topics, const CallContext& context);
  Result<std::vector<ConfigValue>> DescribeBrokerConfigs(BrokerId broker,
                                                         const CallContext& context);
  // As one broker itself sees the topic configs now (DescribeConfigs is answered from that broker's
  // own view).
  Result<std::map<std::string, std::vector<ConfigValue>>> DescribeTopicConfigsOn(
      BrokerId broker, const std::vector<std::string>& topics, const CallContext& context);
  Result<std::map<std::string, Status>> AlterTopicConfigs(
      const std::map<std::string, std::vector<ConfigChange>>& changes, bool validate_only,
      const CallContext& context);

  Result<std::map<std::string, CreatedTopic>> CreateTopics(const std::vector<NewTopic>& topics,
                                                           bool validate_only,
                                                           const CallContext& context);
  Result<std::map<std::string, Status>> DeleteTopics(const std::vector<std::string>& topics,
                                                     const CallContext& context);

  Result<std::vector<GroupListing>> ListGroups(const CallContext& context);
  // ConsumerGroupDescribe for KIP-848 groups, DescribeGroups for the others.
  Result<std::vector<GroupDescription>> DescribeGroups(const std::vector<GroupListing>& groups,
                                                       const CallContext& context);
  Result<std::map<std::string, Result<std::vector<CommittedOffset>>>> FetchGroupOffsets(
      const std::vector<std::string>& groups, const CallContext& context);
  // Generation -1, as a simple group. True when the retention was taken (OffsetCommit v2-v4); false
  // where the broker has later versions only, and keeps the offsets for as long as it is set to.
  Result<bool> CommitGroupOffsets(const std::string& group,
                                  const std::vector<CommittedOffset>& offsets, Millis retention,
                                  const CallContext& context);

  Result<std::pair<std::vector<LogDirEntry>, std::vector<LogDirSpace>>> DescribeLogDirs(
      const CallContext& context);
  // {producer id, epoch} of an idempotent producer (no transactional id).
  Result<std::pair<int64_t, int16_t>> InitProducerId(const CallContext& context);

  // The broker to ask about a transactional id (AddPartitionsToTxn, EndTxn). Not remembered.
  Result<BrokerId> TransactionCoordinator(const std::string& transactional_id,
                                          const CallContext& context);

  // Whether clients may write markers here: OK, kPermission or kUnsupported. Writes nothing.
  Status ProbeWriteTxnMarkers(const CallContext& context);
  // Whether the brokers have DeleteRecords at all (the right to it is one on each topic): OK or
  // kUnsupported. Deletes nothing.
  Status ProbeDeleteRecords(const CallContext& context);

  struct Impl;  // cluster_impl.h, for cluster*.cc

 private:
  friend class Admin;         // admin.h
  friend class Transactions;  // transactions.h
  explicit Cluster(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace maxbrod::kafka
