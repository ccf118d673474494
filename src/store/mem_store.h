// A store in memory: for tests and for `mem:`. Gone with the process.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "store/store.h"

namespace maxbrod::store {

struct MemStoreOptions {
  Clock* clock = &Clock::System();  // must outlive the store
  // Bytes of all objects, finished and being streamed; what would go beyond is kOutOfSpace.
  uint64_t capacity_bytes = UINT64_MAX;
};

// Thread-safe.
class MemStore : public Store {
 public:
  explicit MemStore(MemStoreOptions options = {});

  using Store::PutIfAbsent;
  Result<PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                const CallContext& context) override;
  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name,
                                               const CallContext& context) override;
  Result<Bytes> Get(const std::string& name, size_t size_max, const CallContext& context) override;
  Status GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                  const CallContext& context) override;
  Result<ObjectInfo> Stat(const std::string& name, const CallContext& context) override;
  Result<ListPage> List(const std::string& prefix, const std::string& start_after, size_t limit,
                        const CallContext& context) override;
  Status Remove(const std::string& name, const CallContext& context) override;
  Result<int64_t> NowMillis(const CallContext& context) override;
  std::string Url() const override { return "mem:"; }

  // For tests that damage what is stored. False when there is no such object.
  bool Overwrite(const std::string& name, Bytes bytes);
  // Bytes counted against the capacity.
  uint64_t used_bytes() const;

 private:
  class Writer;
  struct Object {
    std::shared_ptr<const Bytes> bytes;
    int64_t modified_ms = 0;
  };

  // Counts `size` more bytes, or kOutOfSpace.
  Status Reserve(const std::string& name, uint64_t size);
  void Release(uint64_t size);
  // Takes over `bytes`, of which `reserved` are counted already.
  Result<PutResult> Insert(const std::string& name, Bytes bytes, uint64_t reserved);
  Status CheckNoFolderConflict(const std::string& name) const;     // mutex_ is held
  Status CheckRoom(const std::string& name, uint64_t size) const;  // mutex_ is held
  Result<Object> Find(const std::string& name, const CallContext& context) const;

  const MemStoreOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, Object> objects_;
  uint64_t used_bytes_ = 0;
};

}  // namespace maxbrod::store
