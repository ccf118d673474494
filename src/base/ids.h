// Strong types for what must not be mixed up. Offsets stay int64_t (they are calculated with all
// the time) and always carry "offset" in their name.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace maxbrod {

// An integer that only compares with, and is only assigned from, its own kind.
template <typename Tag, typename Rep>
class StrongInt {
 public:
  constexpr StrongInt() = default;
  constexpr explicit StrongInt(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr StrongInt Next() const { return StrongInt(static_cast<Rep>(value_ + 1)); }
  auto operator<=>(const StrongInt&) const = default;

 private:
  Rep value_ = 0;
};

using BrokerId = StrongInt<struct BrokerIdTag, int32_t>;
// Position of a commit in a repository's log; the first commit is 1, 0 means "none".
using Sequence = StrongInt<struct SequenceTag, uint64_t>;
// Counts the times a partition's log was read anew from its start (docs/format.md, "base
// generation").
using Generation = StrongInt<struct GenerationTag, uint32_t>;
// A line of a partition's history: a truncation or unclean election begins a new one.
using BranchId = StrongInt<struct BranchIdTag, uint32_t>;

// 16 bytes, compared as bytes. Kafka's Uuid (topic ids, KIP-516) and our own random ids.
class Uuid {
 public:
  Uuid() = default;
  explicit Uuid(const std::array<uint8_t, 16>& bytes) : bytes_(bytes) {}
  // The caller guarantees 16 readable bytes.
  static Uuid FromBytes(const uint8_t* p);
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  ByteView view() const { return bytes_; }
  bool IsZero() const { return *this == Uuid(); }
  // Kafka prints ids as unpadded URL-safe base64, 22 characters (org.apache.kafka.common.Uuid).
  std::string ToBase64() const;
  std::string ToHex() const { return maxbrod::ToHex(bytes_); }
  // False when `text` is not 32 hexadecimal digits.
  static bool ParseHex(std::string_view text, Uuid* out);
  auto operator<=>(const Uuid&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};
};

// Which topic, across renames and re-creations; zero on brokers without topic ids.
struct TopicId {
  Uuid id;
  auto operator<=>(const TopicId&) const = default;
};
// A pack in a repository: random, never used twice.
struct PackId {
  Uuid id;
  auto operator<=>(const PackId&) const = default;
};

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
  // "topic-3", as Kafka prints it.
  std::string ToString() const { return topic + "-" + std::to_string(partition); }
};

}  // namespace maxbrod

template <>
struct std::hash<maxbrod::TopicPartition> {
  size_t operator()(const maxbrod::TopicPartition& tp) const noexcept {
    return std::hash<std::string>()(tp.topic) * 31 + static_cast<size_t>(tp.partition);
  }
};
template <>
struct std::hash<maxbrod::Uuid> {
  size_t operator()(const maxbrod::Uuid& id) const noexcept {
    return std::hash<std::string_view>()(maxbrod::AsText(id.view()));
  }
};
