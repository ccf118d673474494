#include "engine/verify.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <tuple>

namespace maxbrod::engine {
namespace {

std::string OffsetsText(const std::string& topic, int32_t partition, int64_t first, int64_t last) {
  if (topic.empty()) return std::string();
  if (partition < 0) return "topic " + topic;
  std::string text = topic + "-" + std::to_string(partition);
  if (first < 0) return text;
  if (last <= first) return text + " offset " + std::to_string(first);
  return text + " offsets " + std::to_string(first) + " to " + std::to_string(last);
}

}  // namespace

std::string Problem::Where() const {
  return OffsetsText(topic, partition, first_offset, last_offset);
}

std::string Problem::ToString() const {
  std::string where = Where();
  std::string text = where.empty() ? object : object + ", " + where;
  return text + ": " + what;
}

const char* NameOf(DifferenceKind kind) {
  static constexpr const char* kNames[kDifferenceKinds] = {"missing", "extra", "changed",
                                                           "config",  "group", "offset"};
  return kNames[static_cast<size_t>(kind)];
}

std::string Difference::Where() const {
  std::string where = OffsetsText(topic, partition, first_offset, last_offset);
  if (group.empty()) return where;
  return where.empty() ? "group " + group : "group " + group + ", " + where;
}

std::string Difference::ToString() const {
  return std::string(NameOf(kind)) + ": " + Where() + ": " + what;
}

void ProblemList::Add(Problem problem) {
  std::lock_guard lock(mutex_);
  ++count_;
  objects_.insert(problem.object);
  if (listed_.size() < kListedMax) listed_.push_back(std::move(problem));
}

std::vector<Problem> ProblemList::listed() const {
  std::lock_guard lock(mutex_);
  std::vector<Problem> sorted = listed_;
  std::sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.topic, a.partition, a.first_offset, a.object, a.what) <
           std::tie(b.topic, b.partition, b.first_offset, b.object, b.what);
  });
  return sorted;
}

bool ProblemList::Names(const std::string& object) const {
  std::lock_guard lock(mutex_);
  return objects_.contains(object);
}

uint64_t ProblemList::count() const {
  std::lock_guard lock(mutex_);
  return count_;
}

void DifferenceList::Add(Difference difference) {
  std::lock_guard lock(mutex_);
  size_t kind = static_cast<size_t>(difference.kind);
  ++counts_[kind];
  records_[kind] += difference.count;
  if (listed_of_[kind] >= kListedMax / 2) return;
  ++listed_of_[kind];
  listed_.push_back(std::move(difference));
}

std::vector<Difference> DifferenceList::listed() const {
  std::lock_guard lock(mutex_);
  std::vector<Difference> sorted = listed_;
  std::sort(sorted.begin(), sorted.end(), [](const Difference& a, const Difference& b) {
    return std::tie(a.group, a.topic, a.partition, a.first_offset, a.kind, a.what) <
           std::tie(b.group, b.topic, b.partition, b.first_offset, b.kind, b.what);
  });
  return sorted;
}

std::array<uint64_t, kDifferenceKinds> DifferenceList::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

std::array<uint64_t, kDifferenceKinds> DifferenceList::records() const {
  std::lock_guard lock(mutex_);
  return records_;
}

uint64_t Mix(uint64_t seed, uint64_t value) {
  // splitmix64's finalizer.
  uint64_t z = (seed ^ value) + 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

uint64_t Mix(uint64_t seed, ByteView bytes) {
  uint64_t h = Mix(seed, bytes.size());
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) h = Mix(h, LoadBig<uint64_t>(bytes.data() + i));
  uint64_t tail = 0;
  for (; i < bytes.size(); ++i) tail = (tail << 8) | bytes[i];
  return Mix(h, tail);
}

bool Sampler::Takes(ByteView pack_id, uint64_t pack_offset) const {
  if (all()) return true;
  uint64_t h = Mix(Mix(seed_, pack_id), pack_offset);
  return static_cast<double>(h >> 11) * 0x1p-53 < fraction_;
}

Result<double> ParsePercent(const std::string& text) {
  std::string number = !text.empty() && text.back() == '%' ? text.substr(0, text.size() - 1) : text;
  char* end = nullptr;
  double percent = std::strtod(number.c_str(), &end);
  bool whole = !number.empty() && end == number.c_str() + number.size();
  if (!whole || !std::isfinite(percent) || percent <= 0 || percent > 100) {
    return Status(Code::kInvalidArgument, "'" + text + "' is no sample")
        .WithHint("give a percentage above 0 and up to 100, for example 1%");
  }
  return percent / 100;
}

}  // namespace maxbrod::engine
