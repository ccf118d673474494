#include "store/read_only_store.h"

#include <fmt/format.h>

#include "store/object_name.h"

namespace maxbrod::store {

Status ReadOnlyStore::Refuse(const char* what, const std::string& name) const {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  return Status(Code::kReadOnly,
                fmt::format("object '{}' cannot be {}: {} was opened for reading only", name, what,
                            Url()))
      .WithHint("open it for writing if it is to be changed");
}

Result<PutResult> ReadOnlyStore::PutIfAbsent(const std::string& name,
                                             std::span<const ByteView> /*pieces*/,
                                             const CallContext& /*context*/) {
  return Refuse("written", name);
}

Result<std::unique_ptr<ObjectWriter>> ReadOnlyStore::Create(const std::string& name,
                                                            const CallContext& /*context*/) {
  return Refuse("written", name);
}

Status ReadOnlyStore::Remove(const std::string& name, const CallContext& /*context*/) {
  return Refuse("removed", name);
}

}  // namespace maxbrod::store
