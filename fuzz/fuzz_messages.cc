// Any bytes as a message. Input: API key, version (top bit: response), body. What decodes must
// encode, and what was encoded must decode to the same again.
#include <cstdlib>

#include "kafka/messages/all.h"

namespace {

using maxbrod::Bytes;
using maxbrod::ByteView;
using maxbrod::kafka::WireWriter;

template <class Message>
void Try(ByteView body, int16_t version) {
  Message message;
  if (!DecodeMessage(body, version, &message).ok()) return;
  WireWriter first;
  if (!EncodeMessage(message, version, &first).ok()) std::abort();
  Message again;
  if (!DecodeMessage(first.buffer(), version, &again).ok()) std::abort();
  WireWriter second;
  if (!EncodeMessage(again, version, &second).ok()) std::abort();
  if (first.buffer() != second.buffer()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  int16_t key = data[0];
  auto version = static_cast<int16_t>(data[1] & 0x7f);
  bool response = (data[1] & 0x80) != 0;
  ByteView body(data + 2, size - 2);
  maxbrod::kafka::ForEachRequest([&]<class Request>() {
    if (Request::kApi.key != key) return;
    if (response) {
      Try<typename Request::Response>(body, version);
    } else {
      Try<Request>(body, version);
    }
  });
  return 0;
}
