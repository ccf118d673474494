#include "base/ids.h"

#include <algorithm>

namespace maxbrod {

Uuid Uuid::FromBytes(const uint8_t* p) {
  Uuid id;
  std::copy(p, p + 16, id.bytes_.begin());
  return id;
}

std::string Uuid::ToBase64() const {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  uint32_t bits = 0;
  int count = 0;
  for (uint8_t b : bytes_) {
    bits = (bits << 8) | b;
    count += 8;
    while (count >= 6) {
      count -= 6;
      text.push_back(kAlphabet[(bits >> count) & 63]);
    }
  }
  text.push_back(kAlphabet[(bits << (6 - count)) & 63]);
  return text;
}

bool Uuid::ParseHex(std::string_view text, Uuid* out) {
  Bytes bytes;
  if (text.size() != 32 || !FromHex(text, &bytes)) return false;
  *out = FromBytes(bytes.data());
  return true;
}

}  // namespace maxbrod
