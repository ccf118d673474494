// A store as it was at a time: over the versions that a bucket keeps, also when somebody has
// deleted or overwritten everything since.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "store/object_versions.h"
#include "store/read_only_store.h"

namespace maxbrod::store {

// An object is there when some version of it was made at or before the time and it was not deleted
// then; its content is that of its *oldest* version: no name is ever used for two contents
// (store.h), so whatever came later is no work of ours. Versions are listed once for each folder
// that is asked for; an object takes about 200 bytes of memory. Writes are refused. Thread-safe.
class AsOfStore : public ReadOnlyStore, private ObjectControl {
 public:
  // `versions` belongs to `store`. Nothing is sent yet.
  AsOfStore(std::shared_ptr<Store> store, ObjectVersions& versions, int64_t as_of_ms);

  // Each of these may also answer kUnsupported (the bucket keeps no versions), kInvalidArgument
  // (the time lies in the future) or kNotFound, telling when there was a repository.
  Result<Bytes> Get(const std::string& name, size_t size_max, const CallContext& context) override;
  Status GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                  const CallContext& context) override;
  Result<ObjectInfo> Stat(const std::string& name, const CallContext& context) override;
  Result<ListPage> List(const std::string& prefix, const std::string& start_after, size_t limit,
                        const CallContext& context) override;
  std::string Url() const override;
  // Retain is refused.
  ObjectControl* control() override { return this; }

 private:
  struct Entry {
    std::string version;
    uint64_t size = 0;
    int64_t modified_ms = 0;
    std::string storage_class;
  };
  // All versions of one name, folded as they come.
  struct Fold;

  Result<ObjectStanding> Standing(const std::string& name, const CallContext& context) override;
  Status Thaw(const std::string& name, int days, ThawTier tier,
              const CallContext& context) override;
  Status Retain(const std::string& name, LockMode mode, int64_t until_ms,
                const CallContext& context) override;

  Result<Entry> Find(const std::string& name, const CallContext& context);
  // The ones below: mutex_ is held.
  Status CheckTime(const CallContext& context);
  Status NothingThen(const Fold& newest, const CallContext& context);
  // What is under the prefix is in entries_ afterwards. `last`, unless null, gets what is known of
  // the last name seen.
  Status Load(const std::string& prefix, Fold* last, const CallContext& context);
  Status LoadFolderOf(const std::string& name, const CallContext& context);
  void Take(const Fold& fold);

  ObjectVersions& versions_;
  const int64_t as_of_ms_;
  std::mutex mutex_;
  bool checked_ = false;
  std::set<std::string> loaded_;  // prefixes
  std::map<std::string, Entry> entries_;
};

}  // namespace maxbrod::store
