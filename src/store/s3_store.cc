#include "store/s3_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "codec/crc32c.h"
#include "store/object_name.h"
#include "store/pieces.h"
#include "store/s3_store_buffer.h"

namespace maxbrod::store {
namespace {

// A writer that is dropped ends its upload, but waits no longer for that.
constexpr Millis kAbortTimeout{5'000};
constexpr Millis kDoubtWaitFirst{200};
constexpr Millis kDoubtWaitMax{10'000};
constexpr int64_t kSecondMs = 1'000;
constexpr std::string_view kUsualClass = "STANDARD";

PutResult Created(const aws::S3Write& write) {
  return PutResult{PutOutcome::kCreated, write.server_ms};
}

}  // namespace

// Holds what was appended until it is a part, or until Commit.
class S3Store::Writer : public ObjectWriter {
 public:
  Writer(S3Store& store, std::string name, CallContext context)
      : store_(store), name_(std::move(name)), context_(std::move(context)) {}
  ~Writer() override {
    if (upload_id_.empty() || settled_) return;
    // Not the caller's context: that one may be why this writer ends.
    CallContext context{Deadline::After(kAbortTimeout), {}};
    static_cast<void>(store_.client_->AbortUpload(store_.KeyOf(name_), upload_id_, context));
  }

  Status Append(std::span<const ByteView> pieces) override;
  Result<PutResult> Commit(const CallContext& context) override;
  uint64_t bytes_written() const override { return bytes_written_; }

 private:
  Status CheckOpen() const {
    if (!settled_) return Status::Ok();
    return Status(Code::kInternal, fmt::format("object '{}' was already committed", name_));
  }
  Status Lease(const CallContext& context);
  // Uploads the pieces as the next part.
  Status SendPart(std::span<const ByteView> pieces, uint32_t crc, const CallContext& context);
  Status SendBuffer(const CallContext& context);
  // The request that makes the object visible.
  Result<aws::S3Write> SendCommit(const CallContext& context);
  // Compares what is there with what was written.
  Result<PutResult> Compare(const CallContext& context);
  Result<PutResult> Settle(Result<PutResult> result);
  bool WaitInDoubt(int tries, int64_t started_nanos, const CallContext& context);

  S3Store& store_;
  const std::string name_;
  const CallContext context_;
  ByteBudget::Lease lease_;
  S3Buffer buffer_;
  std::string upload_id_;  // empty: no part was sent yet
  std::vector<aws::S3Part> parts_;
  uint64_t part_bytes_ = 0;  // of parts_
  uint64_t bytes_written_ = 0;
  uint32_t parts_crc_ = 0;  // of all of them
  bool refused_ = false;    // a commit was answered 409
  bool settled_ = false;
};

Status S3Store::Writer::Lease(const CallContext& context) {
  const std::shared_ptr<ByteBudget>& budget = store_.options_.buffers;
  if (budget == nullptr || lease_.bytes() > 0) return Status::Ok();
  uint64_t bytes = std::min(store_.options_.part_bytes, budget->total());
  MB_ASSIGN_OR_RETURN(lease_, budget->Acquire(bytes, context));
  return Status::Ok();
}

Status S3Store::Writer::SendPart(std::span<const ByteView> pieces, uint32_t crc,
                                 const CallContext& context) {
  const std::string key = store_.KeyOf(name_);
  if (upload_id_.empty()) {
    MB_ASSIGN_OR_RETURN(upload_id_,
                        store_.client_->CreateUpload(key, store_.StoringOf(name_), context));
  }
  MB_ASSIGN_OR_RETURN(
      aws::S3Part part,
      store_.client_->UploadPart(key, upload_id_, parts_.size() + 1, pieces, crc, context));
  part_bytes_ += part.size;
  parts_crc_ = Crc32cCombine(parts_crc_, crc, part.size);
  parts_.push_back(std::move(part));
  return Status::Ok();
}

Status S3Store::Writer::SendBuffer(const CallContext& context) {
  std::vector<ByteView> pieces = buffer_.Pieces();
  MB_RETURN_IF_ERROR(SendPart(pieces, buffer_.crc(), context));
  buffer_.Clear();
  return Status::Ok();
}

Status S3Store::Writer::Append(std::span<const ByteView> pieces) {
  MB_RETURN_IF_ERROR(CheckOpen());
  MB_RETURN_IF_ERROR(context_.Check());
  MB_RETURN_IF_ERROR(Lease(context_));
  const uint64_t part_bytes = store_.options_.part_bytes;
  const uint64_t size = TotalBytes(pieces);
  // Nothing of `pieces` is taken before the last thing that can fail is done.
  if (buffer_.size() >= kPartBytesMin && buffer_.size() + size > part_bytes) {
    MB_RETURN_IF_ERROR(SendBuffer(context_));
  }
  if (buffer_.size() + size > part_bytes) {
    std::vector<ByteView> together = buffer_.Pieces();
    together.insert(together.end(), pieces.begin(), pieces.end());
    uint32_t crc = buffer_.crc();
    for (ByteView piece : pieces) crc = Crc32cExtend(crc, piece);
    MB_RETURN_IF_ERROR(SendPart(together, crc, context_));
    buffer_.Clear();
    bytes_written_ += size;
    return Status::Ok();
  }
  for (ByteView piece : pieces) buffer_.Append(piece);
  bytes_written_ += size;
  return Status::Ok();
}

Result<aws::S3Write> S3Store::Writer::SendCommit(const CallContext& context) {
  const std::string key = store_.KeyOf(name_);
  if (upload_id_.empty()) {
    return store_.client_->Put(key, buffer_.Pieces(), buffer_.crc(), store_.StoringOf(name_),
                               context);
  }
  if (buffer_.size() > 0) MB_RETURN_IF_ERROR(SendBuffer(context));
  return store_.client_->CompleteUpload(key, upload_id_, parts_, context);
}

Result<PutResult> S3Store::Writer::Compare(const CallContext& context) {
  return store_.AnswerExisting(name_, context, [&](const ObjectInfo& info) -> Result<bool> {
    if (upload_id_.empty()) return HoldsBytes(store_, info, buffer_.Pieces(), context);
    return HoldsCrc(store_, info, part_bytes_, parts_crc_, context);
  });
}

bool S3Store::Writer::WaitInDoubt(int tries, int64_t started_nanos, const CallContext& context) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  Clock& clock = *store_.options_.clock;
  Millis ceiling = std::min(kDoubtWaitFirst * (1 << std::min(tries, 10)), kDoubtWaitMax);
  Millis wait(std::uniform_int_distribution<int64_t>(0, ceiling.count())(random));
  Millis elapsed((clock.MonotonicNanos() - started_nanos) / 1'000'000);
  if (elapsed + wait > store_.options_.doubt_budget || wait >= context.deadline.Remaining()) {
    return false;
  }
  return clock.Sleep(wait, context.stop);
}

Result<PutResult> S3Store::Writer::Settle(Result<PutResult> result) {
  settled_ = true;
  buffer_.Free();
  lease_.Release();
  return result;
}

Result<PutResult> S3Store::Writer::Commit(const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckOpen());
  MB_RETURN_IF_ERROR(context.Check());
  MB_RETURN_IF_ERROR(store_.CheckLockProven());
  const int64_t started = store_.options_.clock->MonotonicNanos();
  bool doubt = false;
  for (int tries = 1;; ++tries) {
    Result<aws::S3Write> write = SendCommit(context);
    std::string reason;
    if (!write.ok()) {
      if (!doubt) {
        refused_ = refused_ || write.status().code() == Code::kConflict;
        return write.status();
      }
      reason = write.status().message();
    } else if (write->outcome == aws::S3Write::Outcome::kDone) {
      store_.ProveLock(name_, !upload_id_.empty(), context);
      return Settle(Created(*write));
    } else {
      reason = write->reason;
      bool exists = write->outcome == aws::S3Write::Outcome::kExists;
      Result<PutResult> seen = Compare(context);
      if (seen.ok()) {
        if (exists && !upload_id_.empty()) {
          static_cast<void>(store_.client_->AbortUpload(store_.KeyOf(name_), upload_id_, context));
        }
        return Settle(std::move(seen));
      }
      // Somebody's object was there and is gone: nothing of ours was applied.
      if (exists && !doubt && seen.status().code() == Code::kConflict) return seen.status();
      // After a 409 (a removal met the commit) S3 may want every part anew, and those are gone.
      if (write->no_upload && refused_ && !doubt && seen.status().code() == Code::kConflict) {
        return Settle(Status(Code::kConflict, fmt::format("object '{}': S3 has given its upload up "
                                                          "after a conflict",
                                                          name_))
                          .WithHint("run the command again: it uploads the data anew"));
      }
      doubt = true;
    }
    if (!WaitInDoubt(tries, started, context)) {
      return Settle(PutResult{PutOutcome::kUnknown, 0, reason});
    }
  }
}

S3Store::S3Store(std::shared_ptr<aws::S3Client> client, S3StoreOptions options)
    : client_(std::move(client)),
      options_(std::move(options)),
      key_prefix_(options_.prefix.empty() ? "" : options_.prefix + "/"),
      url_(fmt::format("s3://{}{}{}", client_->bucket(), options_.prefix.empty() ? "" : "/",
                       options_.prefix)) {
  MB_CHECK(options_.part_bytes >= kPartBytesMin);
}

const std::string& S3Store::StorageClassOf(const std::string& name) const {
  return name.starts_with("pack/") ? options_.pack_storage_class : options_.meta_storage_class;
}

int S3Store::LockDaysOf(const std::string& name) const {
  if (options_.lock.mode == LockMode::kNone || name.starts_with("probe/")) return 0;
  return name.starts_with("l0/") ? std::min(options_.lock.days, kMergeWindowDays)
                                 : options_.lock.days;
}

aws::S3Storing S3Store::StoringOf(const std::string& name) const {
  aws::S3Storing storing{StorageClassOf(name)};
  LockPolicy lock{options_.lock.mode, LockDaysOf(name)};
  if (lock.days == 0) return storing;
  storing.lock_mode = lock.mode == LockMode::kCompliance ? "COMPLIANCE" : "GOVERNANCE";
  storing.lock_ms = lock.period_ms();
  return storing;
}

Status S3Store::CheckLockProven() const {
  std::lock_guard lock(lock_mutex_);
  return lock_failure_;
}

// The object itself is there, so what is found does not change the answer to its put.
void S3Store::ProveLock(const std::string& name, bool in_parts, const CallContext& context) {
  if (LockDaysOf(name) == 0) return;
  std::lock_guard lock(lock_mutex_);
  if (lock_proven_[in_parts]) return;
  Result<ObjectStanding> standing = Standing(name, context);
  if (!standing.ok()) return;  // the next write looks again
  if (standing->lock != LockMode::kNone && standing->retain_until_ms > 0) {
    lock_proven_[in_parts] = true;
    return;
  }
  lock_failure_ =
      Status(Code::kUnsupported,
             fmt::format("object '{}' was to be kept under lock for {} days, and S3 says that it "
                         "is not locked",
                         name, LockDaysOf(name)))
          .WithHint(
              "does this server have Object Lock? The role needs s3:PutObjectRetention and, to see "
              "that it holds, s3:GetObjectRetention");
}

template <typename Holds>
Result<PutResult> S3Store::AnswerExisting(const std::string& name, const CallContext& context,
                                          Holds holds) {
  Result<ObjectInfo> info = Stat(name, context);
  Result<bool> same = info.ok() ? holds(*info) : Result<bool>(info.status());
  if (!same.ok()) {
    if (same.status().code() != Code::kNotFound) return same.status();
    return Status(Code::kConflict,
                  fmt::format("object '{}' was removed while it was being created", name))
        .Retryable();
  }
  return PutResult{*same ? PutOutcome::kExistsSame : PutOutcome::kExistsOther, info->modified_ms};
}

Result<PutResult> S3Store::PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                       const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(CheckLockProven());
  uint32_t crc = 0;
  for (ByteView piece : pieces) crc = Crc32cExtend(crc, piece);
  MB_ASSIGN_OR_RETURN(aws::S3Write write,
                      client_->Put(KeyOf(name), pieces, crc, StoringOf(name), context));
  if (write.outcome == aws::S3Write::Outcome::kDone) {
    ProveLock(name, /*in_parts=*/false, context);
    return Created(write);
  }
  Result<PutResult> seen = AnswerExisting(name, context, [&](const ObjectInfo& info) {
    return HoldsBytes(*this, info, pieces, context);
  });
  // Bytes that were seen there stay there, so doubt ends with them. (A server that refuses a large
  // body before it has read it may reset the connection, and with it lose its own answer.)
  if (seen.ok()) return seen;
  if (write.outcome == aws::S3Write::Outcome::kUnknown) {
    return PutResult{PutOutcome::kUnknown, 0, write.reason};
  }
  if (seen.status().code() == Code::kConflict) return seen;
  // The HTTP client may have sent the request twice, so even a refusal is no proof of another's
  // bytes.
  return PutResult{PutOutcome::kUnknown, 0,
                   fmt::format("the name is taken, and what is there could not be read ({})",
                               seen.status().message())};
}

Result<std::unique_ptr<ObjectWriter>> S3Store::Create(const std::string& name,
                                                      const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(context.Check());
  return std::unique_ptr<ObjectWriter>(std::make_unique<Writer>(*this, name, context));
}

Result<Bytes> S3Store::Get(const std::string& name, size_t size_max, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  return client_->Get(KeyOf(name), size_max, context);
}

Status S3Store::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                         const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  if (!out.empty()) return client_->GetRange(KeyOf(name), offset, out, context);
  // S3 has no empty ranges.
  MB_ASSIGN_OR_RETURN(ObjectInfo info, Stat(name, context));
  if (offset <= info.size) return Status::Ok();
  return Status(Code::kCorrupt, fmt::format("object '{}' has {} bytes; {} from {} were asked for",
                                            name, info.size, out.size(), offset));
}

Result<ObjectInfo> S3Store::Stat(const std::string& name, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_ASSIGN_OR_RETURN(aws::S3ObjectInfo info, client_->Head(KeyOf(name), context));
  return ObjectInfo{name, info.size, info.modified_ms, std::move(info.storage_class)};
}

Result<ListPage> S3Store::List(const std::string& prefix, const std::string& start_after,
                               size_t limit, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckListLimit(limit));
  ListPage page;
  std::string continuation;
  // More than one turn only where keys are there that are no objects of ours.
  do {
    const std::string after = start_after.empty() ? "" : KeyOf(start_after);
    MB_ASSIGN_OR_RETURN(aws::S3Listing listing,
                        client_->List(KeyOf(prefix), continuation.empty() ? after : "",
                                      limit - page.objects.size(), continuation, context));
    for (aws::S3ObjectInfo& object : listing.objects) {
      if (!object.key.starts_with(key_prefix_)) continue;
      std::string name = object.key.substr(key_prefix_.size());
      if (!IsObjectName(name) || page.objects.size() == limit) continue;
      // Stat's answer has whole seconds, and both should agree.
      page.objects.push_back(
          {std::move(name), object.size, object.modified_ms / kSecondMs * kSecondMs,
           object.storage_class == kUsualClass ? "" : std::move(object.storage_class)});
    }
    continuation = std::move(listing.continuation);
  } while (!continuation.empty() && page.objects.size() < limit);
  page.truncated = !continuation.empty();
  return page;
}

Status S3Store::Remove(const std::string& name, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  return client_->Delete(KeyOf(name), context);
}

Result<int64_t> S3Store::NowMillis(const CallContext& context) {
  return client_->ServerTime(context);
}

Result<uint64_t> S3Store::AbortStaleUploads(Millis age, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(int64_t now_ms, NowMillis(context));
  MB_ASSIGN_OR_RETURN(std::vector<aws::S3Upload> uploads,
                      client_->ListUploads(key_prefix_, context));
  uint64_t aborted = 0;
  for (const aws::S3Upload& upload : uploads) {
    if (upload.initiated_ms > now_ms - age.count() || !upload.key.starts_with(key_prefix_)) {
      continue;
    }
    Status status = client_->AbortUpload(upload.key, upload.id, context);
    if (status.ok()) ++aborted;
    // Ended by somebody else meanwhile.
    if (status.code() != Code::kConflict && status.code() != Code::kNotFound) {
      MB_RETURN_IF_ERROR(status);
    }
  }
  return aborted;
}

}  // namespace maxbrod::store
