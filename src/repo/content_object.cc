#include "repo/content_object.h"

#include <fmt/format.h>

#include "codec/hash.h"
#include "repo/object.h"

namespace maxbrod::repo {
namespace {

constexpr int kTries = 3;

}  // namespace

std::string ContentName(const std::string& folder, const format::ObjectRef& ref) {
  return folder + "/" + ToHex(AsBytes(ref.sha256()));
}

Result<format::ObjectRef> PutContentObject(store::Store& store, const std::string& folder,
                                           ByteView bytes, const CallContext& context) {
  if (bytes.size() > kSmallObjectBytesMax) {
    return Status(Code::kInternal,
                  fmt::format("a {} of {} bytes is larger than it may be", folder, bytes.size()));
  }
  format::ObjectRef ref;
  ref.set_sha256(ToString(Sha256(bytes)));
  ref.set_length(bytes.size());
  std::string name = ContentName(folder, ref);
  std::string reason;
  for (int i = 0; i < kTries; ++i) {
    MB_ASSIGN_OR_RETURN(store::PutResult put, store.PutIfAbsent(name, bytes, context));
    reason = put.reason;
    switch (put.outcome) {
      case store::PutOutcome::kCreated:
      case store::PutOutcome::kExistsSame:
        return ref;
      case store::PutOutcome::kExistsOther:
        return Status(Code::kCorrupt, name + ": the store holds other bytes than its name says")
            .WithHint("the object is damaged; run maxbrod verify");
      case store::PutOutcome::kUnknown:
        break;
    }
    auto there = GetContentObject(store, folder, ref, context);
    if (there.ok()) return ref;
    if (there.status().code() == Code::kCorrupt) return there.status();
  }
  return Status(Code::kUnavailable,
                name + ": the store did not confirm that it was stored (" + reason + ")")
      .WithHint("run the command again")
      .Retryable();
}

Result<Bytes> GetContentObject(store::Store& store, const std::string& folder,
                               const format::ObjectRef& ref, const CallContext& context) {
  if (ref.sha256().size() != 32 || ref.length() > kSmallObjectBytesMax) {
    return Status(Code::kCorrupt, "a reference to a " + folder + " with impossible values");
  }
  std::string name = ContentName(folder, ref);
  MB_ASSIGN_OR_RETURN(Bytes bytes, store.Get(name, static_cast<size_t>(ref.length()), context));
  if (bytes.size() != ref.length() || AsText(Sha256(bytes)) != ref.sha256()) {
    return Status(Code::kCorrupt, name + ": stored bytes are not what was written (SHA-256)");
  }
  return bytes;
}

}  // namespace maxbrod::repo
