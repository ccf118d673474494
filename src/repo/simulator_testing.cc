#include "repo/simulator_testing.h"

#include <algorithm>
#include <iostream>

#include "repo/simulator_process_testing.h"
#include "store/retry_store.h"

// OpenSSL 3 calls this interface deprecated in favour of providers; for a test it is the simplest
// way to decide what "random" is.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>

namespace maxbrod::repo {
namespace {

std::mt19937_64* seeded_bytes = nullptr;

int SeededFill(unsigned char* out, int size) {
  for (int i = 0; i < size; ++i) out[i] = static_cast<unsigned char>((*seeded_bytes)() >> 32);
  return 1;
}

int SeededStatus() {
  return 1;
}

const RAND_METHOD kSeededMethod = {nullptr, SeededFill, nullptr, nullptr, SeededFill, SeededStatus};

}  // namespace

SeededRandomBytes::SeededRandomBytes(uint64_t seed) {
  seeded_bytes = new std::mt19937_64(seed);
  MB_CHECK(RAND_set_rand_method(&kSeededMethod) == 1);
}

SeededRandomBytes::~SeededRandomBytes() {
  MB_CHECK(RAND_set_rand_method(nullptr) == 1);
  delete seeded_bytes;
  seeded_bytes = nullptr;
}

void SimCounts::Add(const SimCounts& other) {
  commits += other.commits;
  lost_replies += other.lost_replies;
  late_requests += other.late_requests;
  long_stalls += other.long_stalls;
  deaths += other.deaths;
  strays += other.strays;
  trimmed += other.trimmed;
  swept += other.swept;
  snapshots_read += other.snapshots_read;
  rewrites += other.rewrites;
}

SimWorld::SimWorld(const SimOptions& options) : options_(options), random_(options.seed) {}

SimWorld::~SimWorld() {
  for (const auto& process : processes_) {
    if (process->thread.joinable()) process->thread.join();
  }
}

int64_t SimWorld::Random(int64_t from, int64_t to) {
  auto span = static_cast<uint64_t>(to - from) + 1;
  return from + static_cast<int64_t>(random_() % span);
}

bool SimWorld::Chance(double probability) {
  return static_cast<double>(random_() >> 11) * 0x1p-53 < probability;
}

void SimWorld::Violation(std::string what) {
  violations_.push_back(std::move(what));
}

bool SimWorld::Allowed(const char* what, const Status& status) {
  switch (status.code()) {
    case Code::kConflict:
    case Code::kUnavailable:
    case Code::kAlreadyExists:
    case Code::kNotFound:
    case Code::kTimeout:
      return true;
    default:
      Violation(std::string(what) + ": " + status.ToString());
      return false;
  }
}

void SimWorld::Acknowledge(const Receipt& receipt) {
  acknowledged_.push_back(receipt);
}
void SimWorld::AcknowledgeSnapshot(const std::string& id) {
  snapshots_.push_back(id);
}
void SimWorld::AcknowledgeOperation(const std::string& pin_id) {
  pins_.push_back(pin_id);
}

std::unique_ptr<Repository> SimWorld::OpenRepository(Process& process) {
  OpenOptions options;
  options.program = "simulator";
  options.keys = &key_source_;
  options.clock = &process.clock;
  options.checkpoint_every = 4;
  options.seed = random_() | 1;
  options.faults = options_.faults;
  std::unique_ptr<store::Store> store = std::make_unique<Handle>(*this, &process);
  if (process.retries) {
    store::RetryPolicy policy;
    policy.clock = &process.clock;
    policy.seed = random_() | 1;
    store = std::make_unique<store::RetryStore>(std::shared_ptr<store::Store>(std::move(store)),
                                                policy);
  }
  auto repository = Repository::Open(std::move(store), options, CallContext());
  if (repository.ok()) return std::move(*repository);
  Allowed("open", repository.status());
  return nullptr;
}

void SimWorld::Sleep(Process& process, int64_t ms) {
  Yield(process, ms);
}

void SimWorld::PassBaton() {
  Process* next = nullptr;
  for (const auto& process : processes_) {
    if (process->done) continue;
    if (next == nullptr || process->wake_ms < next->wake_ms) next = process.get();
  }
  current_ = next;
  if (next == nullptr) {
    ended_.notify_all();
    return;
  }
  if (!stopping_) {
    ApplyLate(next->wake_ms);
    now_ms_ = std::max(now_ms_, next->wake_ms);
  }
  next->baton.notify_all();
}

void SimWorld::Yield(Process& process, int64_t ms) {
  std::unique_lock lock(lock_);
  process.wake_ms = now_ms_ + ms;
  if (++operations_ >= options_.operations_max) stopping_ = true;
  PassBaton();
  process.baton.wait(lock, [&] { return current_ == &process; });
  if (stopping_) throw SimDeath();
}

void SimWorld::ProcessMain(Process& process, void (*actor)(SimWorld&, Process&)) {
  {
    std::unique_lock lock(lock_);
    process.baton.wait(lock, [&] { return current_ == &process; });
  }
  while (!stopping_) {
    try {
      actor(*this, process);
      Yield(process, Random(1, 60'000));
    } catch (const SimDeath&) {
      // Dead; perhaps somebody starts it again.
      if (stopping_) break;
      ++counts_.deaths;
      process.wake_ms = now_ms_ + Random(1, kDayMs);
    }
  }
  std::unique_lock lock(lock_);
  process.done = true;
  PassBaton();
}

void SimWorld::Spawn(void (*actor)(SimWorld&, Process&)) {
  auto process = std::make_unique<Process>(*this, static_cast<int>(processes_.size()));
  process->wake_ms = now_ms_ + Random(1, 5000);
  process->clock_stands_still = Chance(0.5);
  process->skew_ms = Random(-600'000, 600'000);
  process->retries = Chance(0.5);
  processes_.push_back(std::move(process));
  Process& made = *processes_.back();
  made.thread = std::thread([this, &made, actor] { ProcessMain(made, actor); });
}

std::vector<std::string> SimWorld::Run() {
  Handle bare(*this, nullptr);
  InitOptions init{"simulator", {}};
  if (options_.encrypted) {
    key_source_.secret.key_file = SecretBytes::Random(kKeyFileBytes);
    init.slots.push_back({&key_source_.secret, {}});
  }
  MB_CHECK(Repository::Init(bare, init, CallContext()).ok());
  if (options_.encrypted) {
    auto config = ReadConfig(bare, {}, CallContext());
    MB_CHECK(config.ok());
    auto keys = Unlock(bare, config->config, key_source_, CallContext());
    MB_CHECK(keys.ok());
    keys_ = *keys;
  }
  {
    std::unique_lock lock(lock_);
    for (int i = 0; i < options_.writers; ++i) Spawn(RunWriter);
    for (int i = 0; i < options_.snapshotters; ++i) Spawn(RunSnapshotter);
    for (int i = 0; i < options_.pruners; ++i) Spawn(RunPruner);
    for (int i = 0; i < options_.pinners; ++i) Spawn(RunPinner);
    for (int i = 0; i < options_.mergers; ++i) Spawn(RunMerger);
    for (int i = 0; i < options_.rewriters; ++i) Spawn(RunRewriter);
    PassBaton();
    ended_.wait(lock, [&] { return current_ == nullptr; });
  }
  for (const auto& process : processes_) process->thread.join();
  // Requests still under way arrive after everybody is dead.
  ApplyLate(INT64_MAX);
  CheckFinal();
  return violations_;
}

}  // namespace maxbrod::repo
