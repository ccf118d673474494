// Any bytes as variable-length integers: readers stay inside, and reading back what was written for
// a value gives the value.
#include <cstdint>
#include <cstdlib>

#include "codec/varint.h"

using maxbrod::Bytes;
using maxbrod::ByteView;

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

template <typename T, typename Read, typename Append, typename Size>
void Each(ByteView in, size_t bytes_max, Read read, Append append, Size size_of) {
  for (;;) {
    ByteView before = in;
    T value{};
    if (!read(&in, &value)) {
      Require(in.data() == before.data() && in.size() == before.size());
      return;
    }
    size_t taken = before.size() - in.size();
    Require(taken >= 1 && taken <= bytes_max);
    Bytes written;
    append(written, value);
    Require(written.size() == size_of(value) && written.size() <= taken);
    ByteView again = written;
    T back{};
    Require(read(&again, &back) && back == value && again.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace maxbrod;
  ByteView in(data, size);
  Each<uint32_t>(in, kVarintBytesMax, ReadUnsignedVarint, AppendUnsignedVarint,
                 SizeOfUnsignedVarint);
  Each<int32_t>(in, kVarintBytesMax, ReadVarint, AppendVarint, SizeOfVarint);
  Each<uint64_t>(in, kVarlongBytesMax, ReadUnsignedVarlong, AppendUnsignedVarlong,
                 SizeOfUnsignedVarlong);
  Each<int64_t>(in, kVarlongBytesMax, ReadVarlong, AppendVarlong, SizeOfVarlong);
  return 0;
}
