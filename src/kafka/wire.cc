#include "kafka/wire.h"

#include <limits>

namespace maxbrod::kafka {
namespace {

constexpr size_t kInt32Max = static_cast<size_t>(std::numeric_limits<int32_t>::max());
constexpr size_t kInt16Max = static_cast<size_t>(std::numeric_limits<int16_t>::max());

}  // namespace

Status WireReader::status() const {
  if (error_ == nullptr) return Status::Ok();
  return Status(Code::kProtocol, std::string(error_) + " (at byte " + std::to_string(position_) +
                                     " of " + std::to_string(size_) + ")");
}

void WireReader::Fail(const char* error) {
  if (error_ != nullptr) return;
  error_ = error;
  // Nothing is left to read: every later read fails its bounds check and returns a zero value.
  source_ = source_.first(position_);
}

Uuid WireReader::Uuid() {
  ByteView bytes = Raw(16);
  return bytes.size() == 16 ? maxbrod::Uuid::FromBytes(bytes.data()) : maxbrod::Uuid();
}

uint32_t WireReader::UnsignedVarint() {
  uint32_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (left() == 0) {
      FailShort();
      return 0;
    }
    uint8_t byte = source_[position_++];
    if (shift == 28 && byte > 0x0f) break;
    value |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  Fail("a varint is longer than 32 bits");
  return 0;
}

int32_t WireReader::Varint() {
  uint32_t raw = UnsignedVarint();
  return static_cast<int32_t>((raw >> 1) ^ (~(raw & 1) + 1));
}

int64_t WireReader::Varlong() {
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (left() == 0) {
      FailShort();
      return 0;
    }
    uint8_t byte = source_[position_++];
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  Fail("a varint is longer than 64 bits");
  return 0;
}

ByteView WireReader::Raw(size_t size) {
  if (size > left()) {
    Fail("a length exceeds the message");
    return {};
  }
  ByteView bytes = source_.subspan(position_, size);
  position_ += size;
  return bytes;
}

std::optional<std::string_view> WireReader::NullableString(bool compact) {
  if (compact) {
    uint32_t raw = UnsignedVarint();
    if (raw == 0) return std::nullopt;
    if (raw - 1 > kInt16Max) {
      Fail("a string is longer than 32767 bytes");
      return std::nullopt;
    }
    return AsText(Raw(raw - 1));
  }
  int16_t length = Int16();
  if (length == -1) return std::nullopt;
  if (length < 0) {
    Fail("a string has a negative length");
    return std::nullopt;
  }
  return AsText(Raw(static_cast<size_t>(length)));
}

std::string_view WireReader::String(bool compact) {
  std::optional<std::string_view> text = NullableString(compact);
  if (!text) Fail("a string is null that must not be");
  return text.value_or(std::string_view());
}

std::optional<ByteView> WireReader::NullableBytes(bool compact) {
  if (compact) {
    uint32_t raw = UnsignedVarint();
    if (raw == 0) return std::nullopt;
    return Raw(raw - 1);
  }
  int32_t length = Int32();
  if (length == -1) return std::nullopt;
  if (length < 0) {
    Fail("a bytes field has a negative length");
    return std::nullopt;
  }
  return Raw(static_cast<size_t>(length));
}

ByteView WireReader::BytesField(bool compact) {
  std::optional<ByteView> bytes = NullableBytes(compact);
  if (!bytes) Fail("a bytes field is null that must not be");
  return bytes.value_or(ByteView());
}

std::optional<size_t> WireReader::NullableArray(bool compact, size_t element_bytes_min) {
  size_t count = 0;
  if (compact) {
    uint32_t raw = UnsignedVarint();
    if (raw == 0) return std::nullopt;
    count = raw - 1;
  } else {
    int32_t raw = Int32();
    if (raw == -1) return std::nullopt;
    if (raw < 0) {
      Fail("an array has a negative length");
      return std::nullopt;
    }
    count = static_cast<size_t>(raw);
  }
  if (count > left() / element_bytes_min) {
    Fail("an array has more elements than the message can hold");
    return std::nullopt;
  }
  return count;
}

size_t WireReader::Array(bool compact, size_t element_bytes_min) {
  std::optional<size_t> count = NullableArray(compact, element_bytes_min);
  if (!count) Fail("an array is null that must not be");
  return count.value_or(0);
}

void WireReader::WalkTaggedFields(std::vector<TaggedField>* fields) {
  uint32_t count = UnsignedVarint();
  if (count > left() / 2) {
    Fail("more tagged fields than the message can hold");
    return;
  }
  int64_t previous = -1;
  for (uint32_t i = 0; i < count && ok(); ++i) {
    TaggedField field;
    field.tag = UnsignedVarint();
    uint32_t size = UnsignedVarint();
    field.value = Raw(size);
    if (!ok()) return;
    if (field.tag <= previous) {
      Fail("tagged fields are not in ascending order");
      return;
    }
    previous = field.tag;
    if (fields != nullptr) fields->push_back(field);
  }
}

Status WireWriter::status() const {
  if (error_ == nullptr) return Status::Ok();
  return Status(Code::kInvalidArgument, error_);
}

void WireWriter::Fail(const char* error) {
  if (error_ == nullptr) error_ = error;
}

void WireWriter::UnsignedVarint(uint32_t v) {
  while (v >= 0x80) {
    buffer_.push_back(static_cast<uint8_t>(v | 0x80));
    v >>= 7;
  }
  buffer_.push_back(static_cast<uint8_t>(v));
}

void WireWriter::Varint(int32_t v) {
  UnsignedVarint((static_cast<uint32_t>(v) << 1) ^ static_cast<uint32_t>(v >> 31));
}

void WireWriter::Varlong(int64_t v) {
  uint64_t raw = (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
  while (raw >= 0x80) {
    buffer_.push_back(static_cast<uint8_t>(raw | 0x80));
    raw >>= 7;
  }
  buffer_.push_back(static_cast<uint8_t>(raw));
}

void WireWriter::NullableString(std::optional<std::string_view> v, bool compact) {
  // A string is held to 32767 bytes in the compact form too, as the Java client does.
  if (v && v->size() > kInt16Max) return Fail("a string is longer than 32767 bytes");
  if (compact) {
    UnsignedVarint(v ? static_cast<uint32_t>(v->size()) + 1 : 0);
  } else {
    Int16(v ? static_cast<int16_t>(v->size()) : int16_t{-1});
  }
  if (v) Raw(AsBytes(*v));
}

void WireWriter::Length32(std::optional<size_t> size, bool compact) {
  if (size && *size >= kInt32Max) return Fail("a length does not fit 31 bits");
  if (compact) {
    UnsignedVarint(size ? static_cast<uint32_t>(*size) + 1 : 0);
  } else {
    Int32(size ? static_cast<int32_t>(*size) : -1);
  }
}

void WireWriter::NullableBytes(std::optional<ByteView> v, bool compact) {
  Length32(v ? std::optional<size_t>(v->size()) : std::nullopt, compact);
  if (v) Raw(*v);
}

void WireWriter::Records(std::span<const ByteView> pieces, bool compact) {
  size_t total = 0;
  for (ByteView piece : pieces) total += piece.size();
  Length32(total, compact);
  for (ByteView piece : pieces) {
    if (payload_ == Payload::kCopy || piece.size() < kReferenceBytesMin) {
      Raw(piece);
    } else {
      references_.push_back({buffer_.size(), piece});
      referenced_bytes_ += piece.size();
    }
  }
}

void WireWriter::Array(size_t count, bool compact) {
  Length32(count, compact);
}

void WireWriter::NullArray(bool compact) {
  Length32(std::nullopt, compact);
}

void WireWriter::TaggedFields(const std::vector<TaggedField>& fields) {
  UnsignedVarint(static_cast<uint32_t>(fields.size()));
  for (const TaggedField& field : fields) {
    UnsignedVarint(field.tag);
    if (field.value.size() >= kInt32Max) return Fail("a tagged field does not fit 31 bits");
    UnsignedVarint(static_cast<uint32_t>(field.value.size()));
    Raw(field.value);
  }
}

void WireWriter::PatchInt32(size_t at, int32_t v) {
  MB_CHECK(at + sizeof(v) <= (references_.empty() ? buffer_.size() : references_.front().at));
  StoreBig(buffer_.data() + at, v);
}

std::vector<ByteView> WireWriter::Pieces() const {
  std::vector<ByteView> pieces;
  ByteView own(buffer_);
  size_t from = 0;
  for (const Reference& reference : references_) {
    if (reference.at > from) pieces.push_back(own.subspan(from, reference.at - from));
    pieces.push_back(reference.payload);
    from = reference.at;
  }
  if (from < own.size()) pieces.push_back(own.subspan(from));
  return pieces;
}

Bytes WireWriter::Flatten() const {
  Bytes all;
  all.reserve(size());
  for (ByteView piece : Pieces()) Append(all, piece);
  return all;
}

void WireWriter::Clear() {
  buffer_.clear();
  references_.clear();
  referenced_bytes_ = 0;
  error_ = nullptr;
}

}  // namespace maxbrod::kafka
