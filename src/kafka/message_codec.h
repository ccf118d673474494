// The two visitors of a message's fields, and EncodeMessage/DecodeMessage made of them. Included
// only by message_codec_*.cc, which instantiate them for all messages, so that nobody else pays for
// compiling them.
#pragma once

#include <algorithm>
#include <bit>
#include <type_traits>
#include <utility>

#include "kafka/messages/message.h"

namespace maxbrod::kafka::internal {

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <>
inline constexpr bool kIsVector<Bytes> = false;

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// Smallest size of an element on the wire; a struct has at least one field of at least one byte.
template <class T>
inline constexpr size_t kElementBytesMin = std::is_arithmetic_v<T> ? sizeof(T) : 1;

template <class T>
const T& DefaultOf() {
  static const T value{};
  return value;
}

template <class M>
bool IsDefault(const M& value, const M& initial) {
  if constexpr (kIsVector<M>) {
    return value.empty();
  } else if constexpr (kIsOptional<M>) {
    if (value.has_value() != initial.has_value()) return false;
    return !value.has_value() || IsDefault(*value, *initial);
  } else if constexpr (std::is_same_v<M, ByteView>) {
    return value.empty();
  } else if constexpr (std::is_same_v<M, RecordPieces>) {
    return value.pieces.empty();
  } else {
    return value == initial;
  }
}

// Tagged fields stand at the end of their struct, so each struct is visited once for the fields in
// order and, if it has tagged ones, once more for those.
class Encoder {
 public:
  Encoder(int16_t version, bool flexible, WireWriter* out)
      : version_(version), flexible_(flexible), out_(out) {}

  const Status& status() const { return status_; }

  template <class T>
  void Struct(const T& s) {
    bool had_tagged = std::exchange(has_tagged_, false);
    bool was_tagged_pass = std::exchange(tagged_pass_, false);
    T::Visit(*this, s);
    if (flexible_) WriteTagged(s);
    has_tagged_ = had_tagged;
    tagged_pass_ = was_tagged_pass;
  }

  template <class T, class M>
  void Field(const T& s, M T::* member, const char* name, FieldVersions versions = {}) {
    if (tagged_pass_ || !status_.ok()) return;
    const M& value = s.*member;
    if (versions.Has(version_)) {
      Put(value, name, versions.NullableIn(version_));
    } else if (!versions.ignorable && !IsDefault(value, DefaultOf<T>().*member)) {
      FailAbsent(name);
    }
  }

  template <class T, class M>
  void Tagged(uint32_t tag, const T& s, M T::* member, const char* name,
              FieldVersions versions = {}) {
    if (!status_.ok()) return;
    const M& value = s.*member;
    bool is_default = IsDefault(value, DefaultOf<T>().*member);
    if (!versions.Has(version_)) {
      if (!versions.ignorable && !is_default && !tagged_pass_) FailAbsent(name);
      return;
    }
    if (is_default) return;
    has_tagged_ = true;
    if (!tagged_pass_) return;
    WireWriter content;
    WireWriter* outer = std::exchange(out_, &content);
    Put(value, name, versions.NullableIn(version_));
    out_ = outer;
    Keep(tag, content);
  }

 private:
  struct Pending {
    uint32_t tag;
    Bytes content;
  };

  template <class T>
  void WriteTagged(const T& s) {
    std::vector<Pending> outer = std::exchange(pending_, {});
    if (has_tagged_) {
      tagged_pass_ = true;
      T::Visit(*this, s);
    }
    FlushTagged();
    pending_ = std::move(outer);
  }
  void Keep(uint32_t tag, const WireWriter& content);
  void FlushTagged();
  void FailAbsent(const char* name);
  void FailNull(const char* name);

  void Put(bool v, const char*, bool) { out_->Bool(v); }
  void Put(int8_t v, const char*, bool) { out_->Int8(v); }
  void Put(int16_t v, const char*, bool) { out_->Int16(v); }
  void Put(int32_t v, const char*, bool) { out_->Int32(v); }
  void Put(int64_t v, const char*, bool) { out_->Int64(v); }
  void Put(uint16_t v, const char*, bool) { out_->Int16(static_cast<int16_t>(v)); }
  void Put(double v, const char*, bool) { out_->Int64(std::bit_cast<int64_t>(v)); }
  void Put(const Uuid& v, const char*, bool) { out_->Uuid(v); }
  void Put(const std::string& v, const char*, bool) { out_->String(v, flexible_); }
  void Put(const Bytes& v, const char*, bool) { out_->NullableBytes(ByteView(v), flexible_); }
  void Put(const ByteView& v, const char*, bool) { out_->Records({&v, 1}, flexible_); }
  void Put(const RecordPieces& v, const char*, bool) { out_->Records(v.pieces, flexible_); }
  template <class T>
  void Put(const std::optional<T>& v, const char* name, bool nullable) {
    if (v) return Put(*v, name, nullable);
    if (!nullable) return FailNull(name);
    if constexpr (kIsVector<T>) {
      out_->NullArray(flexible_);
    } else if constexpr (std::is_same_v<T, std::string>) {
      out_->NullableString(std::nullopt, flexible_);
    } else {
      static_assert(std::is_same_v<T, Bytes> || std::is_same_v<T, ByteView> ||
                    std::is_same_v<T, RecordPieces>);
      out_->NullableBytes(std::nullopt, flexible_);
    }
  }
  template <class T>
  void Put(const std::vector<T>& v, const char* name, bool) {
    out_->Array(v.size(), flexible_);
    for (const T& element : v) Put(element, name, false);
  }
  template <class T>
    requires std::is_class_v<T>
  void Put(const T& v, const char*, bool) {
    Struct(v);
  }

  int16_t version_;
  bool flexible_;
  WireWriter* out_;
  bool has_tagged_ = false;   // the struct being visited has a tagged field to write
  bool tagged_pass_ = false;  // this visit is for the tagged fields
  std::vector<Pending> pending_;
  Status status_;
};

class Decoder {
 public:
  Decoder(int16_t version, bool flexible, ByteView body)
      : version_(version), flexible_(flexible), in_(body) {}

  // kProtocol with the path of the field, or OK. All bytes must have been read.
  Status Finish();

  template <class T>
  void Struct(T& s) {
    const std::vector<TaggedField>* outer = std::exchange(tagged_, nullptr);
    T::Visit(*this, s);
    if (flexible_) {
      std::vector<TaggedField> fields;
      in_.ReadTaggedFields(&fields);
      if (!fields.empty()) {
        tagged_ = &fields;
        T::Visit(*this, s);
      }
    }
    tagged_ = outer;
  }

  template <class T, class M>
  void Field(T& s, M T::* member, const char* name, FieldVersions versions = {}) {
    if (tagged_ != nullptr || !in_.ok() || !versions.Has(version_)) return;
    Get(s.*member, versions.NullableIn(version_));
    if (!in_.ok()) AddToPath(name);
  }

  // Unknown tags are skipped: they come from a newer broker and are optional by definition.
  template <class T, class M>
  void Tagged(uint32_t tag, T& s, M T::* member, const char* name, FieldVersions versions = {}) {
    if (tagged_ == nullptr || !in_.ok() || !versions.Has(version_)) return;
    for (const TaggedField& field : *tagged_) {
      if (field.tag != tag) continue;
      const std::vector<TaggedField>* outer = std::exchange(tagged_, nullptr);
      WireReader whole = std::exchange(in_, WireReader(field.value));
      Get(s.*member, versions.NullableIn(version_));
      if (in_.ok() && in_.left() != 0) in_.Fail("a tagged field has bytes left over");
      if (!in_.ok()) {
        AddToPath(name);
      } else {
        in_ = whole;
      }
      tagged_ = outer;
      return;
    }
  }

 private:
  void AddToPath(const char* name);

  void Get(bool& v, bool) { v = in_.Bool(); }
  void Get(int8_t& v, bool) { v = in_.Int8(); }
  void Get(int16_t& v, bool) { v = in_.Int16(); }
  void Get(int32_t& v, bool) { v = in_.Int32(); }
  void Get(int64_t& v, bool) { v = in_.Int64(); }
  void Get(uint16_t& v, bool) { v = static_cast<uint16_t>(in_.Int16()); }
  void Get(double& v, bool) { v = std::bit_cast<double>(in_.Int64()); }
  void Get(Uuid& v, bool) { v = in_.Uuid(); }
  void Get(std::string& v, bool) { v = in_.String(flexible_); }
  void Get(Bytes& v, bool) { Assign(v, in_.BytesField(flexible_)); }
  void Get(ByteView& v, bool) { v = in_.BytesField(flexible_); }
  void Get(std::optional<std::string>& v, bool nullable) {
    if (!nullable) return Get(v.emplace(), false);
    v = in_.NullableString(flexible_);
  }
  void Get(std::optional<Bytes>& v, bool nullable) {
    if (!nullable) return Get(v.emplace(), false);
    std::optional<ByteView> bytes = in_.NullableBytes(flexible_);
    v.reset();
    if (bytes) Assign(v.emplace(), *bytes);
  }
  void Get(std::optional<ByteView>& v, bool nullable) {
    if (!nullable) return Get(v.emplace(), false);
    v = in_.NullableBytes(flexible_);
  }
  void Get(std::optional<RecordPieces>& v, bool nullable) {
    std::optional<ByteView> whole;
    Get(whole, nullable);
    v.reset();
    if (whole) v.emplace(*whole);
  }
  template <class T>
  void Get(std::optional<std::vector<T>>& v, bool nullable) {
    std::optional<size_t> count = in_.NullableArray(flexible_, kElementBytesMin<T>);
    v.reset();
    if (count) return Elements(v.emplace(), *count);
    if (!nullable) in_.Fail("an array is null that must not be");
  }
  template <class T>
  void Get(std::vector<T>& v, bool) {
    Elements(v, in_.Array(flexible_, kElementBytesMin<T>));
  }
  template <class T>
    requires std::is_class_v<T>
  void Get(T& v, bool) {
    Struct(v);
  }

  // A struct in memory is much larger than on the wire, so memory grows only with what was really
  // read.
  template <class T>
  void Elements(std::vector<T>& v, size_t count) {
    static constexpr size_t kReserveMax = 1024;
    v.clear();
    v.reserve(std::is_arithmetic_v<T> ? count : std::min(count, kReserveMax));
    for (size_t i = 0; i < count && in_.ok(); ++i) Get(v.emplace_back(), false);
  }
  static void Assign(Bytes& v, ByteView bytes) { v.assign(bytes.begin(), bytes.end()); }

  int16_t version_;
  bool flexible_;
  WireReader in_;
  const std::vector<TaggedField>* tagged_ = nullptr;  // set while visiting for the tagged fields
  std::string path_;                                  // of the field that failed
};

Status UnsupportedVersion(const ApiInfo& api, int16_t version);
Status DecodeFailed(const ApiInfo& api, int16_t version, Status status);
Status EncodeFailed(const ApiInfo& api, int16_t version, Status status);

}  // namespace maxbrod::kafka::internal

namespace maxbrod::kafka {

template <class Message>
Status EncodeMessage(const Message& message, int16_t version, WireWriter* out) {
  const ApiInfo& api = Message::kApi;
  if (!api.Supports(version)) return internal::UnsupportedVersion(api, version);
  internal::Encoder encoder(version, api.Flexible(version), out);
  encoder.Struct(message);
  Status status = encoder.status();
  if (status.ok()) status = out->status();
  return status.ok() ? status : internal::EncodeFailed(api, version, std::move(status));
}

template <class Message>
Status DecodeMessage(ByteView body, int16_t version, Message* message) {
  const ApiInfo& api = Message::kApi;
  if (!api.Supports(version)) return internal::UnsupportedVersion(api, version);
  *message = Message();
  internal::Decoder decoder(version, api.Flexible(version), body);
  decoder.Struct(*message);
  Status status = decoder.Finish();
  return status.ok() ? status : internal::DecodeFailed(api, version, std::move(status));
}

// Used by message_codec_*.cc: the four functions of one API.
#define MB_KAFKA_INSTANTIATE_MESSAGE(Message)                                   \
  template Status EncodeMessage<Message>(const Message&, int16_t, WireWriter*); \
  template Status DecodeMessage<Message>(ByteView, int16_t, Message*);
#define MB_KAFKA_INSTANTIATE(Api)            \
  MB_KAFKA_INSTANTIATE_MESSAGE(Api##Request) \
  MB_KAFKA_INSTANTIATE_MESSAGE(Api##Response)

}  // namespace maxbrod::kafka
