// Inside of the simulator: processes and their view of the store.
#pragma once

#include "repo/simulator_testing.h"

namespace maxbrod::repo {

class SimWorld::ProcessClock : public Clock {
 public:
  ProcessClock(SimWorld& world, Process& process) : world_(world), process_(process) {}
  int64_t WallMillis() override;
  int64_t MonotonicNanos() override;
  using Clock::Sleep;
  bool Sleep(Millis duration, std::stop_token stop) override;

 private:
  SimWorld& world_;
  Process& process_;
};

struct SimWorld::Process {
  Process(SimWorld& world, int number) : id(number), clock(world, *this) {}
  const int id;
  int64_t wake_ms = 0;
  bool done = false;
  // A suspended machine's clock may stand still.
  bool clock_stands_still = false;
  int64_t suspended_ms = 0;
  int64_t skew_ms = 0;
  bool retries = false;  // puts a RetryStore around the store
  int snapshots_taken = 0;
  std::condition_variable baton;
  std::thread thread;
  ProcessClock clock;
};

// `process` null: the world as it is, without faults and without time.
class SimWorld::Handle : public store::Store {
 public:
  Handle(SimWorld& world, Process* process) : world_(world), process_(process) {}

  using Store::PutIfAbsent;
  Result<store::PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                       const CallContext& context) override;
  Result<std::unique_ptr<store::ObjectWriter>> Create(const std::string& name,
                                                      const CallContext& context) override;
  Result<Bytes> Get(const std::string& name, size_t size_max, const CallContext& context) override;
  Status GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                  const CallContext& context) override;
  Result<store::ObjectInfo> Stat(const std::string& name, const CallContext& context) override;
  Result<store::ListPage> List(const std::string& prefix, const std::string& start_after,
                               size_t limit, const CallContext& context) override;
  Status Remove(const std::string& name, const CallContext& context) override;
  Result<int64_t> NowMillis(const CallContext& context) override;
  std::string Url() const override { return "sim:"; }

  Result<store::PutResult> PutBytes(const std::string& name, const Bytes& bytes);

 private:
  class Writer;
  // The way to the store: time passes, the process may die, the request may fail.
  Status Send();
  // The way back.
  void Receive();

  SimWorld& world_;
  Process* const process_;
};

}  // namespace maxbrod::repo
