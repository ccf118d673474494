// A store in a bucket of S3, or of what speaks S3's protocol: an object `pack/3f/ab` is the key
// `<prefix>/pack/3f/ab`.
//
// Creating is one conditional PUT (If-None-Match: *) of held bytes with their CRC-32C; what is
// larger than `part_bytes` goes up in parts as it comes, ended by a conditional
// CompleteMultipartUpload with the CRC-32C of the whole. A 412 is read back and compared, since a
// request that was sent twice meets its own success.
//
// Differences from a folder: Remove cannot tell that there was nothing; names that are folders of
// others are not refused; times are whole seconds.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "aws/s3.h"
#include "base/clock.h"
#include "base/limits.h"
#include "os/byte_budget.h"
#include "store/object_control.h"
#include "store/object_versions.h"
#include "store/store.h"

namespace maxbrod::store {

struct S3StoreOptions {
  std::string prefix;  // of all keys, without '/' at its ends; may be empty
  // Objects up to this size are one PUT; it is also the size of the parts of larger ones. At least
  // 5 MiB, S3's smallest part.
  uint64_t part_bytes = 64 * kMiB;
  // Of objects below pack/, which are read rarely and in large pieces; empty: STANDARD.
  std::string pack_storage_class;
  // Of all others. Both must be classes that are read at once (ParseS3Url sees to it).
  std::string meta_storage_class;
  // Object Lock that every new object gets, but those below probe/ (none) and l0/ (until they are
  // merged, at most kMergeWindowDays). Where an object turns out to have none, nothing more is
  // written: kUnsupported.
  LockPolicy lock;
  // What the buffers of writers are leased from: `part_bytes` for each writer from its first Append
  // to its end. A writer waits for its turn. Null: not counted.
  std::shared_ptr<ByteBudget> buffers;
  // A writer whose commit got no clear answer sends it again for so long: nobody else has its
  // bytes.
  Millis doubt_budget{120'000};
  Clock* clock = &Clock::System();  // must outlive the store
};

// Thread-safe.
class S3Store : public Store, private ObjectControl, private ObjectVersions {
 public:
  static constexpr uint64_t kPartBytesMin = 5 * kMiB;
  static constexpr int kMergeWindowDays = 2;

  S3Store(std::shared_ptr<aws::S3Client> client, S3StoreOptions options);

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
  // OK also when there was none.
  Status Remove(const std::string& name, const CallContext& context) override;
  Result<int64_t> NowMillis(const CallContext& context) override;
  std::string Url() const override { return url_; }
  ObjectControl* control() override { return this; }
  ObjectVersions& versions() { return *this; }

  // Of multipart uploads below the prefix.
  Status RemoveMany(std::span<const std::string> names, const CallContext& context) override;
  Result<uint64_t> AbortStaleUploads(Millis age, const CallContext& context) override;
  const aws::S3Counters& counters() const { return client_->counters(); }

 private:
  class Writer;

  // s3_object_control.cc.
  Result<ObjectStanding> Standing(const std::string& name, const CallContext& context) override;
  Status Thaw(const std::string& name, int days, ThawTier tier,
              const CallContext& context) override;
  Status Retain(const std::string& name, LockMode mode, int64_t until_ms,
                const CallContext& context) override;
  LockPolicy lock_policy() const override { return options_.lock; }

  // s3_object_versions.cc.
  Result<VersionPage> ListVersions(const std::string& prefix, const std::string& next_name,
                                   const std::string& next_version,
                                   const CallContext& context) override;
  Result<Bytes> GetVersion(const std::string& name, const std::string& version, size_t size_max,
                           const CallContext& context) override;
  Status GetRangeOfVersion(const std::string& name, const std::string& version, uint64_t offset,
                           MutableByteView out, const CallContext& context) override;
  Result<ObjectStanding> StandingOfVersion(const std::string& name, const std::string& version,
                                           const CallContext& context) override;
  Status ThawVersion(const std::string& name, const std::string& version, int days, ThawTier tier,
                     const CallContext& context) override;
  Result<bool> KeepsVersions(const CallContext& context) override;

  std::string KeyOf(const std::string& name) const { return key_prefix_ + name; }
  const std::string& StorageClassOf(const std::string& name) const;
  // Days of retention of a new object.
  int LockDaysOf(const std::string& name) const;
  aws::S3Storing StoringOf(const std::string& name) const;
  // Servers exist that drop the headers of a lock, some with multipart uploads only: looks at the
  // first object of each kind, and from then on refuses to write if it is not under lock.
  void ProveLock(const std::string& name, bool in_parts, const CallContext& context);
  Status CheckLockProven() const;
  // The answer to a put that met an object. `holds` compares.
  template <typename Holds>
  Result<PutResult> AnswerExisting(const std::string& name, const CallContext& context,
                                   Holds holds);

  const std::shared_ptr<aws::S3Client> client_;
  const S3StoreOptions options_;
  const std::string key_prefix_;  // empty, or with '/' at its end
  const std::string url_;
  mutable std::mutex lock_mutex_;  // of the two below
  bool lock_proven_[2] = {false, false};
  Status lock_failure_;
};

}  // namespace maxbrod::store
