// WriteTxnMarkers version 1 and its answer. Shares nothing with maxbrod.
#pragma once

#include <string>
#include <vector>

#include "raw_wire.h"

namespace raw {

// A producer id of which the broker has never heard: a marker for it ends nothing.
constexpr uint64_t kStranger = 3'000'000;

inline uint64_t Varint(const char*& p) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    uint64_t byte = static_cast<unsigned char>(*p++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

inline void PutVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// `each` entries that name all the partitions.
inline std::string MarkersRequest(const std::string& topic, const std::vector<int>& partitions,
                                  size_t each, uint64_t producer) {
  std::string entry;
  Put<uint64_t>(entry, producer);
  Put<uint16_t>(entry, 0);  // epoch
  entry.push_back(1);       // commit
  PutVarint(entry, 1 + 1);
  PutVarint(entry, topic.size() + 1);
  entry += topic;
  PutVarint(entry, partitions.size() + 1);
  for (int p : partitions) Put<uint32_t>(entry, static_cast<uint32_t>(p));
  entry.push_back(0);       // tags
  Put<uint32_t>(entry, 0);  // coordinator epoch
  entry.push_back(0);
  std::string body = Header(27, 1);
  body.push_back(0);
  PutVarint(body, each + 1);
  for (size_t i = 0; i < each; ++i) body += entry;
  body.push_back(0);
  return Framed(body, 0);
}

inline void CheckMarkers(const char* p) {
  ++p;  // the header's tags
  for (uint64_t markers = Varint(p); markers > 1; --markers) {
    p += 8;
    for (uint64_t topics = Varint(p); topics > 1; --topics) {
      uint64_t name = Varint(p);
      p += name - 1;
      for (uint64_t partitions = Varint(p); partitions > 1; --partitions, p += 4 + 2 + 1) {
        if (Get<int16_t>(p + 4) != 0) Die("marker error " + std::to_string(Get<int16_t>(p + 4)));
      }
      ++p;
    }
    ++p;
  }
}

}  // namespace raw
