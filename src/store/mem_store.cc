#include "store/mem_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "store/object_name.h"

namespace maxbrod::store {

// Streams into a buffer that becomes the object.
class MemStore::Writer : public ObjectWriter {
 public:
  Writer(MemStore& store, std::string name, CallContext context)
      : store_(store), name_(std::move(name)), context_(std::move(context)) {}
  ~Writer() override { store_.Release(bytes_.size()); }

  Status Append(std::span<const ByteView> pieces) override {
    MB_RETURN_IF_ERROR(CheckOpen());
    MB_RETURN_IF_ERROR(context_.Check());
    for (ByteView piece : pieces) {
      MB_RETURN_IF_ERROR(store_.Reserve(name_, piece.size()));
      maxbrod::Append(bytes_, piece);
    }
    return Status::Ok();
  }

  Result<PutResult> Commit(const CallContext& context) override {
    MB_RETURN_IF_ERROR(CheckOpen());
    MB_RETURN_IF_ERROR(context.Check());
    bytes_written_ = bytes_.size();
    committed_ = true;
    return store_.Insert(name_, std::exchange(bytes_, {}), bytes_written_);
  }

  uint64_t bytes_written() const override { return committed_ ? bytes_written_ : bytes_.size(); }

 private:
  Status CheckOpen() const {
    if (!committed_) return Status::Ok();
    return Status(Code::kInternal, fmt::format("object '{}' was already committed", name_));
  }

  MemStore& store_;
  const std::string name_;
  const CallContext context_;
  Bytes bytes_;
  uint64_t bytes_written_ = 0;
  bool committed_ = false;
};

MemStore::MemStore(MemStoreOptions options) : options_(options) {}

Status MemStore::CheckRoom(const std::string& name, uint64_t size) const {
  if (size <= options_.capacity_bytes - used_bytes_) return Status::Ok();
  return Status(Code::kOutOfSpace,
                fmt::format("no room for {} more bytes of object '{}': {} of {} are used", size,
                            name, used_bytes_, options_.capacity_bytes));
}

Status MemStore::Reserve(const std::string& name, uint64_t size) {
  std::lock_guard lock(mutex_);
  MB_RETURN_IF_ERROR(CheckRoom(name, size));
  used_bytes_ += size;
  return Status::Ok();
}

void MemStore::Release(uint64_t size) {
  std::lock_guard lock(mutex_);
  used_bytes_ -= size;
}

Status MemStore::CheckNoFolderConflict(const std::string& name) const {
  std::string folder = name + "/";
  auto inside = objects_.lower_bound(folder);
  std::string conflict;
  if (inside != objects_.end() && inside->first.starts_with(folder)) conflict = inside->first;
  for (size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
    if (objects_.contains(name.substr(0, at))) conflict = name.substr(0, at);
  }
  if (conflict.empty()) return Status::Ok();
  return Status(Code::kInvalidArgument,
                fmt::format("object '{}' and object '{}' cannot both exist: one would be the "
                            "folder of the other",
                            name, conflict));
}

Result<PutResult> MemStore::Insert(const std::string& name, Bytes bytes, uint64_t reserved) {
  std::lock_guard lock(mutex_);
  used_bytes_ -= reserved;
  PutResult result;
  result.store_time_ms = options_.clock->WallMillis();
  auto found = objects_.find(name);
  if (found != objects_.end()) {
    bool same = *found->second.bytes == bytes;
    result.outcome = same ? PutOutcome::kExistsSame : PutOutcome::kExistsOther;
    return result;
  }
  MB_RETURN_IF_ERROR(CheckNoFolderConflict(name));
  MB_RETURN_IF_ERROR(CheckRoom(name, bytes.size()));
  used_bytes_ += bytes.size();
  objects_[name] = Object{std::make_shared<const Bytes>(std::move(bytes)), result.store_time_ms};
  result.outcome = PutOutcome::kCreated;
  return result;
}

Result<PutResult> MemStore::PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                        const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(context.Check());
  uint64_t size = 0;
  for (ByteView piece : pieces) size += piece.size();
  Bytes bytes;
  bytes.reserve(size);
  for (ByteView piece : pieces) maxbrod::Append(bytes, piece);
  return Insert(name, std::move(bytes), /*reserved=*/0);
}

Result<std::unique_ptr<ObjectWriter>> MemStore::Create(const std::string& name,
                                                       const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(context.Check());
  return std::unique_ptr<ObjectWriter>(std::make_unique<Writer>(*this, name, context));
}

Result<MemStore::Object> MemStore::Find(const std::string& name, const CallContext& context) const {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(context.Check());
  std::lock_guard lock(mutex_);
  auto found = objects_.find(name);
  if (found == objects_.end()) {
    return Status(Code::kNotFound, fmt::format("no object '{}' in {}", name, Url()));
  }
  return found->second;
}

Result<Bytes> MemStore::Get(const std::string& name, size_t size_max, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Object object, Find(name, context));
  if (object.bytes->size() > size_max) {
    return Status(Code::kCorrupt, fmt::format("object '{}' has {} bytes; at most {} were expected",
                                              name, object.bytes->size(), size_max));
  }
  return Bytes(*object.bytes);
}

Status MemStore::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                          const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Object object, Find(name, context));
  uint64_t size = object.bytes->size();
  if (offset > size || out.size() > size - offset) {
    return Status(Code::kCorrupt, fmt::format("object '{}' has {} bytes; {} from {} were asked for",
                                              name, size, out.size(), offset));
  }
  std::copy_n(object.bytes->begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
  return Status::Ok();
}

Result<ObjectInfo> MemStore::Stat(const std::string& name, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Object object, Find(name, context));
  return ObjectInfo{name, object.bytes->size(), object.modified_ms};
}

Result<ListPage> MemStore::List(const std::string& prefix, const std::string& start_after,
                                size_t limit, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckListLimit(limit));
  MB_RETURN_IF_ERROR(context.Check());
  std::lock_guard lock(mutex_);
  ListPage page;
  auto at = start_after < prefix ? objects_.lower_bound(prefix) : objects_.upper_bound(start_after);
  for (; at != objects_.end() && at->first.starts_with(prefix); ++at) {
    if (page.objects.size() == limit) {
      page.truncated = true;
      break;
    }
    page.objects.push_back(ObjectInfo{at->first, at->second.bytes->size(), at->second.modified_ms});
  }
  return page;
}

Status MemStore::Remove(const std::string& name, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(context.Check());
  std::lock_guard lock(mutex_);
  auto found = objects_.find(name);
  if (found == objects_.end()) {
    return Status(Code::kNotFound, fmt::format("no object '{}' in {}", name, Url()));
  }
  used_bytes_ -= found->second.bytes->size();
  objects_.erase(found);
  return Status::Ok();
}

Result<int64_t> MemStore::NowMillis(const CallContext& context) {
  MB_RETURN_IF_ERROR(context.Check());
  return options_.clock->WallMillis();
}

bool MemStore::Overwrite(const std::string& name, Bytes bytes) {
  std::lock_guard lock(mutex_);
  auto found = objects_.find(name);
  if (found == objects_.end()) return false;
  used_bytes_ = used_bytes_ - found->second.bytes->size() + bytes.size();
  found->second.bytes = std::make_shared<const Bytes>(std::move(bytes));
  return true;
}

uint64_t MemStore::used_bytes() const {
  std::lock_guard lock(mutex_);
  return used_bytes_;
}

}  // namespace maxbrod::store
