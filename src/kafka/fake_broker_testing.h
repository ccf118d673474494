// A cluster of fake brokers inside the process, for what real brokers cannot be made to do: fail,
// delay, tear or change a single answer. It speaks the real protocol over loopback sockets and
// keeps topics, logs, configs and groups in memory. For tests only.
//
//   FakeCluster fake({.brokers = 3});
//   fake.With([](FakeWorld& world) { world.AddTopic("orders", 4); });
//   fake.Once(ListOffsetsRequest::kApi.key, FakeEdit<ListOffsetsResponse>([](auto& r) { ... }));
//   auto cluster = Cluster::Connect(fake.config(), {});
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kafka/admin.h"
#include "kafka/cluster.h"
#include "kafka/data_path.h"
#include "kafka/messages/message.h"

namespace maxbrod::kafka {

// Which versions of the APIs are announced; the last is what serverless clusters of Amazon MSK have
// been seen to announce.
enum class FakeRelease : uint8_t { k28, k39, k43, kServerless };

struct FakePartition {
  int32_t leader = 1;  // -1: none
  int32_t leader_epoch = 0;
  int64_t log_start_offset = 0;
  int64_t end_offset = 0;
  int64_t last_stable_offset = -1;  // -1: the end
  std::vector<FetchedAbort> aborted;
  std::map<int64_t, Bytes> batches;                 // by base offset
  std::vector<std::pair<int32_t, int64_t>> epochs;  // {epoch, first offset}, ascending
  std::vector<ActiveProducer> producers;
  // Brokers that serve it as followers (KIP-392), up to their own high watermarks; clients that
  // name a rack are sent to the preferred one, as long as it is a follower.
  std::map<int32_t, int64_t> followers;
  int32_t preferred_replica = -1;
  int64_t local_start = -1;  // what lies below is in remote storage (-1: nothing)

  // Gives the batch the next offsets and the leader's epoch, as a broker does.
  int64_t Append(ByteView batch);
  int64_t Stable() const { return last_stable_offset < 0 ? end_offset : last_stable_offset; }
};

struct FakeTopic {
  Uuid id;
  std::vector<FakePartition> partitions;
  std::map<std::string, std::string> configs;  // overrides
};

struct FakeGroup {
  int32_t coordinator = 1;
  std::string type = "classic", state = "Empty", protocol_type;
  std::vector<std::string> members;  // ids; with any, commits from outside are refused
  std::map<TopicPartition, CommittedOffset> offsets;
  int64_t retention_ms = 0;  // of the last commit
};

struct FakeTransaction {
  int32_t coordinator = 1;
  int64_t producer_id = -1;
  int16_t epoch = -1;
  std::string state = "Empty";
  int32_t timeout_ms = 0;
  std::set<TopicPartition> partitions = {};
  int busy_after_end = 0;  // so many answers CONCURRENT_TRANSACTIONS after an end
  int busy_left = 0;       // and so many now
};

// What the brokers serve. Guarded by the cluster: see FakeCluster::With.
struct FakeWorld {
  std::map<std::string, FakeTopic> topics;
  std::map<std::string, FakeGroup> groups;
  std::map<std::string, FakeTransaction> transactions;  // by transactional id
  std::map<std::string, std::string> config_defaults = {{"cleanup.policy", "delete"},
                                                        {"retention.ms", "604800000"}};
  int32_t controller = 1;
  int32_t throttle_ms = 0;      // in every answer that can say it
  bool markers_allowed = true;  // WriteTxnMarkers
  // After so many markers the broker has too few replicas, for so many more.
  int64_t markers_before_errors = 0, marker_errors = 0;
  int64_t next_producer_id = 1000;
  int32_t transaction_timeout_max_ms = 900'000;
  int64_t session_lifetime_ms = 0;  // of SASL
  int authentications = 0;

  std::set<Acl> acls;
  std::map<QuotaEntity, QuotaValues> quotas;
  std::map<std::string, std::vector<ScramCredential>> scram_users;
  // Dynamic configs of groups, client metrics and all brokers: {resource type, name}.
  std::map<std::pair<int8_t, std::string>, std::map<std::string, std::string>> resource_configs;
  std::map<int16_t, int16_t> refusals;  // API key -> the error that these APIs answer with

  // Partitions are led by brokers 1, 2, ... in turn.
  FakeTopic& AddTopic(const std::string& name, int32_t partitions, int32_t brokers = 1);
  FakePartition& At(const TopicPartition& partition);
  const std::string* NameOf(const Uuid& id) const;
};

struct FakeRequest {
  int32_t broker = 0;
  RequestHeader header;
  ByteView body;
  int count = 0;  // of this API on this broker, from 1

  template <typename Request>
  Request As() const {
    Request request;
    MB_CHECK(DecodeMessage(body, header.api_version, &request).ok());
    return request;
  }
};

// What happens to one request.
struct FakeAction {
  Millis delay{0};      // before the answer
  bool silent = false;  // no answer ever
  std::optional<size_t>
      hang_up_after;  // only so many bytes of the answer, then the connection is closed
  std::function<Bytes(const FakeRequest&, Bytes)> change;  // of the answer's frame, size included
};
// Decides about a request of the API it was given for; nullopt leaves it alone.
using FakeControl = std::function<std::optional<FakeAction>(const FakeRequest&)>;

// Changes an answer before it is sent.
template <typename Response>
FakeControl FakeEdit(std::function<void(Response&)> edit) {
  return [edit](const FakeRequest&) {
    FakeAction action;
    action.change = [edit](const FakeRequest& request, Bytes frame) {
      Response response;
      const RequestHeader& header = request.header;
      MB_CHECK(DecodeResponseFrame(ByteView(frame).subspan(4), header.api_version,
                                   header.correlation_id, &response)
                   .ok());
      edit(response);
      WireWriter writer;
      MB_CHECK(
          EncodeResponseFrame(response, header.api_version, header.correlation_id, &writer).ok());
      return writer.Flatten();
    };
    return action;
  };
}
FakeControl FakeHangUp(size_t after_bytes = 0);
FakeControl FakeSilence();
FakeControl FakeDelay(Millis delay);
// The first four bytes of the answer.
FakeControl FakeLength(int32_t length);
FakeControl FakeWrongCorrelationId();

struct FakeOptions {
  int32_t brokers = 1;  // ids 1, 2, ...
  FakeRelease release = FakeRelease::k43;
  // With a name, connections must authenticate with SASL PLAIN.
  std::string username = {}, password = {};
};

// Thread-safe. The destructor ends all connections and threads.
class FakeCluster {
 public:
  explicit FakeCluster(FakeOptions options = {});
  ~FakeCluster();
  FakeCluster(const FakeCluster&) = delete;
  FakeCluster& operator=(const FakeCluster&) = delete;

  // For a client of it; retries come quickly.
  ClientConfig config() const;
  HostPort address(int32_t broker) const;

  // Looks at or changes the world while no request is being served.
  void With(const std::function<void(FakeWorld&)>& use);

  // For the next request of this API that the control does not leave alone; several are used in
  // their order.
  void Once(int16_t api_key, FakeControl control);
  // For every request of this API, after those of Once; an empty one takes it away.
  void ControlKey(int16_t api_key, FakeControl control);
  // Controls of Once that no request has used.
  size_t unused_controls() const;
  // Requests of an API seen so far, by one broker or all.
  int Seen(int16_t api_key, std::optional<int32_t> broker = std::nullopt) const;

  // As connections.max.idle.ms does.
  void CloseConnections(int32_t broker);
  // A broker that is down refuses connections and is not in the metadata. Its port stays reserved.
  void Stop(int32_t broker);
  void Start(int32_t broker);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A batch (format 2, no compression) of `records` records with values of `value_bytes`, offsets
// from 0.
Bytes FakeBatch(int32_t records, size_t value_bytes = 10, int64_t timestamp = 1'700'000'000'000);

}  // namespace maxbrod::kafka
