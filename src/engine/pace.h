// How a job keeps from disturbing the cluster it works on: bytes per second, requests per second,
// and giving way when the brokers' latency rises (--gentle). One for each job, shared by all of its
// workers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "engine/broker_gate.h"
#include "engine/progress.h"
#include "kafka/cluster.h"
#include "os/token_bucket.h"

namespace maxbrod::engine {

struct PaceOptions {
  uint64_t bytes_per_second = 0;     // of records, either way; 0: unlimited
  uint64_t requests_per_second = 0;  // to all brokers together; 0: unlimited
  bool gentle = false;
  // Near which replicas are read, KIP-392; empty: what the cluster's ClientConfig says.
  std::string rack;
  // Partitions of one broker that are read from remote storage at once (KIP-405): each occupies one
  // of its remote.log.reader.threads.
  size_t remote_reads = 2;
};

struct PaceReport {
  double throttled_seconds = 0;  // the brokers' quotas held us back (one connection at least)
  bool gentle = false;
  uint64_t times_reduced = 0;  // by --gentle, all brokers together
  double mean_share = 1;       // of full parallelism, mean over the brokers
  // What is to be told of it, a line each; empty where nothing held us back.
  std::vector<std::string> Notes(double seconds) const;
};

// Thread-safe. The cluster must outlive it. The destructor ends the probes.
class Pace {
 public:
  // `full`: requests that may be under way at one broker where nothing holds us back.
  Pace(kafka::Cluster& cluster, const PaceOptions& options, size_t full, Clock& clock);
  ~Pace();

  // A request under way; its end is told by the destructor. Movable, and may be empty.
  class Pass {
   public:
    Pass() = default;
    Pass(Pass&& other) noexcept { *this = std::move(other); }
    Pass& operator=(Pass&& other) noexcept;
    ~Pass() { End(); }
    void End();

   private:
    friend class Pace;
    Pass(BrokerGate* gate, Clock* clock)
        : gate_(gate), clock_(clock), since_nanos_(clock->MonotonicNanos()) {}
    BrokerGate* gate_ = nullptr;
    Clock* clock_ = nullptr;
    int64_t since_nanos_ = 0;
  };

  // Waits until a request to this broker may go. kCancelled.
  Status Enter(BrokerId broker, Pass* pass, const CallContext& context);
  // False, and nothing taken, where it would have to wait.
  bool TryEnter(BrokerId broker, Pass* pass);

  // Waits until so many bytes may pass; for a reader, what it asks for, and then SettleBytes with
  // what came: less at a log's end, more where a batch is larger than what was asked for (KIP-74).
  Status TakeBytes(uint64_t bytes, const CallContext& context) {
    return bytes_.Take(static_cast<double>(bytes), context);
  }
  void SettleBytes(uint64_t taken, uint64_t used) {
    bytes_.Settle(static_cast<double>(taken), static_cast<double>(used));
  }
  // How large one request or answer should be: no larger than a fraction of a second's worth, so
  // that a limit is kept evenly; with --gentle no larger than what a broker serves at a stroke.
  size_t ChunkBytes(size_t most) const;

  const std::string& rack() const { return rack_; }
  PaceReport Report();

 private:
  struct Door {
    explicit Door(double full, Clock& clock) : gate(full, clock) {}
    BrokerGate gate;
    std::jthread prober;
  };
  // Opens the door, and begins to probe, at the first request to a broker.
  BrokerGate& GateOf(BrokerId broker);
  void Probe(BrokerId broker, BrokerGate* gate, const std::stop_token& stop);
  Status ProbeOnce(BrokerId broker, std::unique_ptr<kafka::Connection>* connection,
                   BrokerGate* gate, const CallContext& context);
  Millis ProbeInterval() const;

  kafka::Cluster& cluster_;
  const PaceOptions options_;
  const double full_;
  Clock& clock_;
  const std::string rack_;
  TokenBucket bytes_;
  const double throttled_before_;  // another job's, on the same cluster object
  std::mutex mutex_;
  std::map<BrokerId, std::unique_ptr<Door>> doors_;
};

}  // namespace maxbrod::engine
