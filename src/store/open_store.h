// From a URL to a store, and the proof that a store honours conditions.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "aws/s3.h"
#include "base/clock.h"
#include "base/limits.h"
#include "os/byte_budget.h"
#include "os/file.h"
#include "store/store.h"

namespace maxbrod::store {

struct OpenStoreOptions {
  bool create = false;     // file: make the folder when it is missing
  bool read_only = false;  // refuse every write
  // s3: as the store was at that time, if not 0 (as_of_store.h); implies read_only.
  // kInvalidArgument for other stores.
  int64_t as_of_ms = 0;
  FileSystem* files = &FileSystem::Posix();  // must outlive the store
  Clock* clock = &Clock::System();           // likewise
  // s3: counts the requests sent; where the buffers of writers are leased from. May be null.
  std::shared_ptr<aws::S3Counters> s3_counters;
  std::shared_ptr<ByteBudget> s3_buffers;
  uint64_t s3_part_bytes = 64 * kMiB;  // s3_store.h
};

// file:///absolute/path   a folder; %XX stands for a byte (%20 a space, %25 a percent sign)
// mem:                    a new, empty store in memory (tests)
// s3://bucket/prefix?...  a bucket (s3_store_url.h), inside of a RetryStore; nothing is sent yet
// Anything else is kInvalidArgument with a hint. A file or memory store is bare, without retries.
// No secret of the URL appears in a message.
Result<std::unique_ptr<Store>> OpenStore(std::string_view url,
                                         const OpenStoreOptions& options = {});

// Proves with an object of its own ("probe/<random>", removed again where that is allowed) that the
// store refuses to overwrite, by PutIfAbsent and by a streamed Commit. kUnsupported when it does
// not: two writers would destroy each other's work. For `init`.
Status ProbeConditionalWrites(Store& store, const CallContext& context);

// The same with an object that is known to be there with exactly these bytes (a repository's
// config): writing them again must be refused. Harmless where conditions are ignored, and needs no
// right to remove. For the first write of a run.
Status ProbeExistingObject(Store& store, const std::string& name, ByteView bytes,
                           const CallContext& context);

}  // namespace maxbrod::store
