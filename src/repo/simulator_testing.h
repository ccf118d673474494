// A simulated world: a store in virtual time and processes (threads, of which only one runs at a
// time) that stall, die, and lose replies. Everything is decided by one seed.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "repo/gc.h"
#include "repo/repository.h"
#include "store/store.h"

namespace maxbrod::repo {

// What a schedule is made of. Faults of the protocol and of the store are for mutation tests: each
// must be noticed.
struct SimOptions {
  uint64_t seed = 1;
  int writers = 2;
  int snapshotters = 1;
  int pruners = 1;
  int pinners = 1;
  int mergers = 1;
  int rewriters = 1;
  uint64_t operations_max = 3000;     // halves of requests, and pauses, over all processes
  double lost_reply = 0.02;           // a write is applied, its reply is not seen
  double late_request = 0.02;         // a write is applied up to six days after it "failed"
  double error = 0.01;                // a request fails for certain
  double stall = 0.01;                // minutes to an hour and a half
  double long_stall = 0.01;           // days
  double death = 0.005;               // the process dies at this operation
  bool store_overwrites_log = false;  // the store ignores conditions in log/
  bool condemn_blindly = false;       // prune condemns what is reachable
  bool encrypted = false;
  bool rewrite_names_nothing = false;  // a rewrite does not tell what it relies on
  bool merge_names_nothing = false;    // a merge does not tell which pack it relies on
  GcOptions gc;
  ProtocolFaults faults;
};

// What happened in a schedule: a fault that never strikes tests nothing.
struct SimCounts {
  uint64_t commits = 0;
  uint64_t lost_replies = 0;
  uint64_t late_requests = 0;
  uint64_t long_stalls = 0;
  uint64_t deaths = 0;
  uint64_t strays = 0;   // bytes put into a slot after its commit was trimmed
  uint64_t trimmed = 0;  // commits removed
  uint64_t swept = 0;    // packs, manifests and snapshots removed
  uint64_t snapshots_read = 0;
  uint64_t rewrites = 0;  // committed ones
  void Add(const SimCounts& other);
};

// Thrown through the code under test when its process dies: nothing of it runs on.
struct SimDeath {};

class SimWorld {
 public:
  explicit SimWorld(const SimOptions& options);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // Runs the schedule to its end and checks the invariants. Returns what was violated.
  std::vector<std::string> Run();
  // What happened, for a person: one line for each commit.
  std::string History();

  struct Process;
  class Handle;  // a Store, as one process sees it
  class ProcessClock;

  const SimCounts& counts() const { return counts_; }
  void CountRewrite() { ++counts_.rewrites; }

  // For actors; the calling process holds the baton.
  std::mt19937_64& random() { return random_; }
  int64_t Random(int64_t from, int64_t to);  // inclusive
  bool Chance(double probability);
  int64_t now_ms() const { return now_ms_; }
  const SimOptions& options() const { return options_; }
  std::unique_ptr<Repository> OpenRepository(Process& process);
  void Sleep(Process& process, int64_t ms);
  void Acknowledge(const Receipt& receipt);
  void AcknowledgeSnapshot(const std::string& id);
  void AcknowledgeOperation(const std::string& pin_id);
  // A status that the protocol may not give is a violation: damage and bugs of ours.
  bool Allowed(const char* what, const Status& status);
  void Violation(std::string what);

 private:
  struct Object {
    Bytes bytes;
    int64_t modified_ms = 0;
  };
  struct LateRequest {
    bool put = false;
    std::string name;
    Bytes bytes;
  };

  void Spawn(void (*actor)(SimWorld&, Process&));
  void ProcessMain(Process& process, void (*actor)(SimWorld&, Process&));
  // Gives the baton away until `ms` of virtual time have passed. Throws SimDeath.
  void Yield(Process& process, int64_t ms);
  void PassBaton();  // lock_ is held
  void ApplyLate(int64_t until_ms);
  store::PutOutcome Apply(const std::string& name, const Bytes& bytes);
  // The time a request or a reply takes, stalls included.
  int64_t Delay(Process& process);

  void CheckFinal();
  std::unique_ptr<State> FoldHistory();
  void CheckAcknowledged(const State& state);
  void CheckReadable(Repository& repository, const State& state);
  void CheckClaims(Repository& repository, const State& state);

  const SimOptions options_;
  std::mt19937_64 random_;
  std::mutex lock_;
  std::condition_variable ended_;
  std::vector<std::unique_ptr<Process>> processes_;
  Process* current_ = nullptr;
  bool stopping_ = false;
  uint64_t operations_ = 0;
  int64_t now_ms_ = 1'700'000'000'000;
  std::map<std::string, Object> objects_;
  std::multimap<int64_t, LateRequest> late_;
  std::map<uint64_t, Bytes> first_commits_;  // what each slot held first
  KeySource key_source_;
  std::shared_ptr<Keyring> keys_;
  std::vector<Receipt> acknowledged_;
  std::vector<std::string> snapshots_;
  std::vector<std::string> pins_;
  std::vector<std::string> violations_;
  SimCounts counts_;
};

// The actors (simulator_actors_testing.cc).
void RunWriter(SimWorld& world, SimWorld::Process& process);
void RunSnapshotter(SimWorld& world, SimWorld::Process& process);
void RunPruner(SimWorld& world, SimWorld::Process& process);
void RunPinner(SimWorld& world, SimWorld::Process& process);
void RunMerger(SimWorld& world, SimWorld::Process& process);
void RunRewriter(SimWorld& world, SimWorld::Process& process);

// Until destroyed, OpenSSL's random bytes come from the seed: a schedule can be replayed. Not for
// several threads at once.
class SeededRandomBytes {
 public:
  explicit SeededRandomBytes(uint64_t seed);
  ~SeededRandomBytes();
};

}  // namespace maxbrod::repo
