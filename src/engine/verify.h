// What both kinds of verification share: what is wrong, and where.
//
// VerifyRepository (verify_repository.h) reads the repository's own bytes back; VerifyCluster
// (verify_live.h) compares a cluster with a snapshot. Neither stops at the first thing it finds.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace maxbrod::engine {

// Of everything that is counted, so many are listed one by one.
inline constexpr size_t kListedMax = 1000;

// Something stored is damaged or does not fit together.
struct Problem {
  std::string object;  // name in the store
  // The records it touches; topic is empty where it is nobody's data.
  std::string topic;
  int32_t partition = -1;
  int64_t first_offset = -1;
  int64_t last_offset = -1;
  std::string what;
  // "t-3 offsets 5 to 9", or nothing.
  std::string Where() const;
  std::string ToString() const;
};

enum class DifferenceKind : uint8_t {
  kMissing,  // in the snapshot, not on the cluster
  kExtra,    // on the cluster, not in the snapshot
  kChanged,  // the same offset, another record
  kConfig,
  kGroup,
  kOffset,  // log start or end
};
inline constexpr size_t kDifferenceKinds = 6;
// "missing", "extra", ... as users and JSON see it.
const char* NameOf(DifferenceKind kind);

// The cluster is not what the snapshot says.
struct Difference {
  DifferenceKind kind = DifferenceKind::kMissing;
  std::string topic;  // as it is named on the cluster; empty for groups as a whole
  int32_t partition = -1;
  int64_t first_offset = -1;
  int64_t last_offset = -1;
  uint64_t count = 1;  // records; 1 for everything else
  std::string group;
  std::string what;  // never holds keys or values
  std::string Where() const;
  std::string ToString() const;
};

// Thread-safe. Lists the first kListedMax and counts all.
class ProblemList {
 public:
  void Add(Problem problem);
  std::vector<Problem> listed() const;
  uint64_t count() const;
  // Whether some problem is of this object.
  bool Names(const std::string& object) const;

 private:
  mutable std::mutex mutex_;
  std::vector<Problem> listed_;
  std::set<std::string> objects_;
  uint64_t count_ = 0;
};

// Thread-safe. Lists the first kListedMax / 2 of each kind at most and counts all.
class DifferenceList {
 public:
  void Add(Difference difference);
  // In the order of topic, partition, offset; groups last.
  std::vector<Difference> listed() const;
  // Differences (an adjacent range is one) and records by kind.
  std::array<uint64_t, kDifferenceKinds> counts() const;
  std::array<uint64_t, kDifferenceKinds> records() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Difference> listed_;
  std::array<uint64_t, kDifferenceKinds> listed_of_{};
  std::array<uint64_t, kDifferenceKinds> counts_{};
  std::array<uint64_t, kDifferenceKinds> records_{};
};

// Chooses blocks: the same ones for the same seed, whatever order they are asked in. A value;
// thread-safe.
class Sampler {
 public:
  Sampler() = default;  // everything
  // `fraction` in (0, 1].
  Sampler(double fraction, uint64_t seed) : fraction_(fraction), seed_(seed) {}
  bool all() const { return fraction_ >= 1; }
  double fraction() const { return fraction_; }
  uint64_t seed() const { return seed_; }
  bool Takes(ByteView pack_id, uint64_t pack_offset) const;

 private:
  double fraction_ = 1;
  uint64_t seed_ = 0;
};

// "1%", "0.5%" or "1" to a fraction. kInvalidArgument unless it is more than 0 and at most 100.
Result<double> ParsePercent(const std::string& text);

// A 64-bit mix for digests in memory, not for storage.
uint64_t Mix(uint64_t seed, uint64_t value);
uint64_t Mix(uint64_t seed, ByteView bytes);

}  // namespace maxbrod::engine
