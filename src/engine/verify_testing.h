// What the tests of verification share: batches with real records, and a repository in memory that
// holds them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kafka/record.h"
#include "repo/repository.h"
#include "store/fault_store.h"
#include "store/mem_store.h"

namespace maxbrod::engine {

struct TestRecord {
  int64_t offset = 0;
  std::optional<std::string> key, value;
  int64_t timestamp = 0;
  std::vector<std::pair<std::string, std::string>> headers;
};

// Records "k<offset>" -> "v<offset>" at [from, to), timestamps 1'000'000 + offset.
std::vector<TestRecord> TestRecords(int64_t from, int64_t to);
// One sound batch; fails the test when there is none.
Bytes TestBatch(const std::vector<TestRecord>& records, kafka::BatchSpec spec = {});
inline Bytes TestBatch(int64_t from, int64_t to, CompressionType codec = CompressionType::kNone) {
  kafka::BatchSpec spec;
  spec.codec = codec;
  return TestBatch(TestRecords(from, to), spec);
}
Bytes Concat(const std::vector<Bytes>& batches);

// A repository on a MemStore. Topics have the id zero.
class TestRepository {
 public:
  TestRepository();

  // A pack with one block per element, all of one partition; their range is claimed with the next
  // snapshot.
  void AddPack(const std::string& topic, int32_t partition, const std::vector<Bytes>& blocks);
  // The same, with statistics that are not those of the batches.
  void AddPackWithStats(const std::string& topic, int32_t partition, const Bytes& block,
                        const repo::BlockStats& stats);
  // A snapshot of [start, end) of each partition added so far (start: of its first block).
  format::SnapshotRef Snapshot(const std::string& name);

  repo::Repository& repository() { return *repository_; }
  store::MemStore& store() { return *store_; }
  // What the repository reads goes through it.
  store::FaultStore& faults() { return *faults_; }
  // Names of the objects that begin with `prefix`.
  std::vector<std::string> Names(const std::string& prefix);
  Bytes Read(const std::string& name);
  // Flips one bit of an object.
  void Flip(const std::string& name, size_t byte, int bit = 0);
  std::vector<repo::BlockUse> Blocks(const format::SnapshotRef& ref, const std::string& topic,
                                     int32_t partition);

 private:
  struct Log {
    int64_t start = 0, end = 0;
    bool claimed = false;
  };
  std::shared_ptr<store::MemStore> store_ = std::make_shared<store::MemStore>();
  store::FaultStore* faults_ = nullptr;  // owned by the repository
  std::unique_ptr<repo::Repository> repository_;
  std::map<TopicPartition, Log> logs_;
  format::AddPacks pending_;
};

}  // namespace maxbrod::engine
