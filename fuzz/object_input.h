// Checksums keep a fuzzer out of everything behind them. So these targets read their input twice:
// as a stored object as it is, and as the plain records (each a 16-bit length and its bytes) of an
// object whose frames and checks are made for it.
#pragma once

#include <algorithm>
#include <vector>

#include "repo/object.h"

namespace maxbrod::fuzz {

inline std::vector<Bytes> SplitRecords(ByteView data) {
  std::vector<Bytes> records;
  while (data.size() >= 2) {
    size_t n = std::min<size_t>(LoadBig<uint16_t>(data.data()), data.size() - 2);
    records.emplace_back(data.begin() + 2, data.begin() + 2 + static_cast<ptrdiff_t>(n));
    data = data.subspan(2 + n);
  }
  return records;
}

inline repo::Salt FixedSalt() {
  repo::Salt salt;
  salt.fill(7);
  return salt;
}

// An object of these records, sound in all but what the records say.
inline Bytes Wrap(repo::ObjectType type, const std::vector<Bytes>& records) {
  repo::ObjectBuilder builder(type, FixedSalt());
  if (records.empty()) builder.Add(repo::EncodePayload({}));
  for (const Bytes& record : records) builder.Add(repo::EncodePayload(record));
  return builder.Finish();
}

}  // namespace maxbrod::fuzz
