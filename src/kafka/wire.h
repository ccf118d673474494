// Primitives of Kafka's wire protocol (https://kafka.apache.org/protocol, KIP-482 for the compact
// forms).
//
// WireReader walks bytes that came from outside. Its error is sticky: after the first one every
// read returns a zero value, so that callers check once at the end. WireWriter builds a request or
// response; large payloads are not copied but kept as views between pieces of its own buffer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"

namespace maxbrod::kafka {

// A tagged field (KIP-482) whose content was not interpreted. `value` points into the source.
struct TaggedField {
  uint32_t tag = 0;
  ByteView value;
};

// Not thread-safe. Views it returns point into the source, which must stay alive as long as they
// are used.
class WireReader {
 public:
  explicit WireReader(ByteView source) : source_(source), size_(source.size()) {}

  bool ok() const { return error_ == nullptr; }
  size_t position() const { return position_; }
  size_t left() const { return source_.size() - position_; }
  // kProtocol with the kind of lie and its position, or OK.
  Status status() const;
  // Makes the error sticky, unless there is one already. `error` must be a string literal.
  void Fail(const char* error);

  bool Bool() { return Fixed<int8_t>() != 0; }
  int8_t Int8() { return Fixed<int8_t>(); }
  int16_t Int16() { return Fixed<int16_t>(); }
  int32_t Int32() { return Fixed<int32_t>(); }
  int64_t Int64() { return Fixed<int64_t>(); }
  maxbrod::Uuid Uuid();
  // Unsigned LEB128, at most 5 bytes.
  uint32_t UnsignedVarint();
  // Zigzag, at most 5 / 10 bytes: the integers inside records.
  int32_t Varint();
  int64_t Varlong();
  // Exactly `size` bytes.
  ByteView Raw(size_t size);

  // Lengths are int16 (strings), int32 (bytes), or an unsigned varint of length + 1 (compact).
  // nullopt is a null; the plain forms make null an error.
  std::optional<std::string_view> NullableString(bool compact);
  std::string_view String(bool compact);
  std::optional<ByteView> NullableBytes(bool compact);
  ByteView BytesField(bool compact);

  // The number of elements that follow, nullopt for a null array. Fails when the rest of the source
  // cannot hold that many elements of at least `element_bytes_min` bytes (1 or more).
  std::optional<size_t> NullableArray(bool compact, size_t element_bytes_min);
  size_t Array(bool compact, size_t element_bytes_min);

  void SkipTaggedFields() { WalkTaggedFields(nullptr); }
  // Appends to `fields`, in the order of the wire (ascending tags; anything else is an error).
  void ReadTaggedFields(std::vector<TaggedField>* fields) { WalkTaggedFields(fields); }

 private:
  template <typename T>
  T Fixed() {
    if (left() < sizeof(T)) {
      FailShort();
      return 0;
    }
    T value = LoadBig<T>(source_.data() + position_);
    position_ += sizeof(T);
    return value;
  }
  void FailShort() { Fail("the message ends inside a field"); }
  void WalkTaggedFields(std::vector<TaggedField>* fields);

  ByteView source_;
  size_t size_;  // of the source as it was given
  size_t position_ = 0;
  const char* error_ = nullptr;
};

// Appends to a buffer of its own. Not thread-safe. The error is sticky as the reader's.
class WireWriter {
 public:
  enum class Payload : uint8_t { kCopy, kReference };
  // Below this size Records() copies even in a referencing writer: a piece would cost more than the
  // copy.
  static constexpr size_t kReferenceBytesMin = 512;

  // With kReference, payload given to Records() is referenced and must live until the pieces are
  // sent.
  explicit WireWriter(Payload payload = Payload::kCopy) : payload_(payload) {}

  // kInvalidArgument when something did not fit its length field.
  Status status() const;
  void Fail(const char* error);

  void Bool(bool v) { buffer_.push_back(v ? 1 : 0); }
  void Int8(int8_t v) { AppendBig(buffer_, v); }
  void Int16(int16_t v) { AppendBig(buffer_, v); }
  void Int32(int32_t v) { AppendBig(buffer_, v); }
  void Int64(int64_t v) { AppendBig(buffer_, v); }
  void Uuid(const maxbrod::Uuid& v) { Append(buffer_, v.view()); }
  void UnsignedVarint(uint32_t v);
  void Varint(int32_t v);
  void Varlong(int64_t v);
  void Raw(ByteView bytes) { Append(buffer_, bytes); }

  void NullableString(std::optional<std::string_view> v, bool compact);
  void String(std::string_view v, bool compact) { NullableString(v, compact); }
  void NullableBytes(std::optional<ByteView> v, bool compact);
  // A bytes field made of the concatenated pieces; in a referencing writer large ones are not
  // copied.
  void Records(std::span<const ByteView> pieces, bool compact);
  void Array(size_t count, bool compact);
  void NullArray(bool compact);
  // Sorted by tag, each tag once.
  void TaggedFields(const std::vector<TaggedField>& fields);

  // Bytes written so far, referenced payload included.
  size_t size() const { return buffer_.size() + referenced_bytes_; }
  // Overwrites four bytes of the own buffer, written before any payload was referenced.
  void PatchInt32(size_t at, int32_t v);

  // Everything in order, as views of this writer's buffer and of referenced payload: the input of a
  // gather write. Valid until the writer is changed; moving the writer keeps them valid.
  std::vector<ByteView> Pieces() const;
  // Everything in one buffer (copies referenced payload).
  Bytes Flatten() const;
  // The own buffer; the whole message when nothing was referenced.
  const Bytes& buffer() const { return buffer_; }
  void Clear();

 private:
  struct Reference {
    size_t at;  // position in buffer_ before which the payload stands
    ByteView payload;
  };
  void Length32(std::optional<size_t> size, bool compact);

  Payload payload_;
  Bytes buffer_;
  std::vector<Reference> references_;
  size_t referenced_bytes_ = 0;
  const char* error_ = nullptr;
};

}  // namespace maxbrod::kafka
