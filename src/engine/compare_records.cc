#include "engine/compare_records.h"

#include <cstring>

namespace maxbrod::engine {
namespace {

using kafka::BatchAttributes;

// Marks that decide what the records' bytes mean; the others are a matter of how they came into the
// log.
constexpr int16_t kMeaning =
    BatchAttributes::kCodecMask | BatchAttributes::kLogAppendTime | BatchAttributes::kControl;

bool SameBytes(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

bool SameField(const std::optional<ByteView>& a, const std::optional<ByteView>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a.has_value() || SameBytes(*a, *b);
}

std::string LengthText(const std::optional<ByteView>& field) {
  return field ? std::to_string(field->size()) + " bytes" : "null";
}

void NameField(const char* name, const std::optional<ByteView>& snapshot,
               const std::optional<ByteView>& live, std::string* text) {
  if (SameField(snapshot, live)) return;
  *text += (text->empty() ? "" : ", ") + std::string(name) + " (" + LengthText(live) +
           ", the snapshot's " + LengthText(snapshot) + ")";
}

bool SameHeaders(const kafka::RecordView& a, const kafka::RecordView& b) {
  return a.header_count == b.header_count && SameBytes(a.header_bytes, b.header_bytes);
}

}  // namespace

bool SameBatch(const kafka::BatchEntry& snapshot, const kafka::BatchEntry& live) {
  if (snapshot.old_magic || live.old_magic) {
    return snapshot.old_magic == live.old_magic && SameBytes(snapshot.bytes, live.bytes);
  }
  const kafka::BatchHeader& a = snapshot.header;
  const kafka::BatchHeader& b = live.header;
  return a.base_offset == b.base_offset && a.last_offset_delta == b.last_offset_delta &&
         a.record_count == b.record_count &&
         (a.attributes & kMeaning) == (b.attributes & kMeaning) &&
         a.base_timestamp == b.base_timestamp && a.max_timestamp == b.max_timestamp &&
         SameBytes(snapshot.bytes.subspan(kafka::kBatchHeaderBytes),
                   live.bytes.subspan(kafka::kBatchHeaderBytes));
}

std::string WhatChanged(const kafka::RecordView& snapshot, const kafka::RecordView& live) {
  std::string text;
  if (snapshot.timestamp != live.timestamp) {
    text = "timestamp (" + std::to_string(live.timestamp) + ", the snapshot's " +
           std::to_string(snapshot.timestamp) + ")";
  }
  bool encoded = !snapshot.encoded.empty() && !live.encoded.empty();
  if (encoded && SameBytes(snapshot.encoded, live.encoded)) return text;
  NameField("key", snapshot.key, live.key, &text);
  NameField("value", snapshot.value, live.value, &text);
  if (!SameHeaders(snapshot, live)) {
    text += (text.empty() ? "" : ", ") + std::string("headers (") +
            std::to_string(live.header_count) + ", the snapshot's " +
            std::to_string(snapshot.header_count) + ")";
  }
  return text;
}

}  // namespace maxbrod::engine
