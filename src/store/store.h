// The Store: a flat namespace of immutable objects, name -> bytes. Nothing here knows what the
// bytes mean.
//
// What is asked of every implementation (store_contract_testing.h tests it):
//  - An object appears whole or not at all, and never changes once it is there.
//  - Writing is conditional: a name that exists is never overwritten. Of several racing writers of
//    one name exactly one creates it.
//  - A created object survives a power failure (it was flushed before the call returned), and every
//    later Get, Stat and List of any client sees it.
//  - Names are '/'-separated segments of [a-z0-9._-]; no segment is empty, begins with a dot or has
//    more than 255 bytes; at most 512 bytes together. "tmp" and what is in it belongs to the stores
//    (object_name.h). No name is a prefix folder of another ("d" and "d/e" do not coexist).
//  - Errors carry `retryable`. A store itself does not retry; RetryStore (retry_store.h) does.
// All methods may be called from many threads at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "os/deadline.h"

namespace maxbrod::store {

struct ObjectInfo {
  std::string name;
  uint64_t size = 0;
  int64_t modified_ms = 0;      // by the store's clock, Unix epoch
  std::string storage_class{};  // S3's name of it; empty: the usual one, read at once
};

enum class PutOutcome : uint8_t {
  kCreated,      // our bytes are there, and we put them there
  kExistsSame,   // the name exists with the very same bytes (a retry that met its own success, or a
                 // twin)
  kExistsOther,  // the name exists with other bytes; ours are not stored
  kUnknown,      // may or may not have been applied, now or later (timeout, lost reply). Only the
                 // same bytes may be sent again under this name until a Get shows what is there.
};

struct PutResult {
  PutOutcome outcome = PutOutcome::kUnknown;
  int64_t store_time_ms = 0;  // the store's clock at the answer, or when it was made; 0: unknown
  std::string reason{};       // of kUnknown: what happened, for messages
};

struct ListPage {
  std::vector<ObjectInfo> objects;  // ascending by name, bytewise
  bool truncated = false;           // more follow: list again with start_after = last name
};

// Streams one large object. Not thread-safe; must not outlive its store. Destroying it without
// Commit aborts: nothing appears under the name and temporary bytes are removed. The context given
// to Create bounds the Appends.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  // The pieces' bytes have been taken over when it returns. After a retryable error none of them
  // has, and the same call may be made again; any other error ends the writer.
  virtual Status Append(std::span<const ByteView> pieces) = 0;
  Status Append(ByteView piece) { return Append(std::span<const ByteView>(&piece, 1)); }
  // Flushes and makes the object visible, if its name is still free. Call once, last; again only
  // after a retryable error (which, as any error, means that it was certainly not applied).
  virtual Result<PutResult> Commit(const CallContext& context) = 0;
  virtual uint64_t bytes_written() const = 0;
};

class ObjectControl;  // object_control.h

class Store {
 public:
  virtual ~Store() = default;

  // Creates `name` from the concatenated pieces if nothing is there. A non-OK status means that it
  // was certainly not applied (no permission, disk full); doubt is reported as
  // PutOutcome::kUnknown.
  virtual Result<PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                        const CallContext& context) = 0;
  Result<PutResult> PutIfAbsent(const std::string& name, ByteView bytes,
                                const CallContext& context) {
    return PutIfAbsent(name, std::span<const ByteView>(&bytes, 1), context);
  }
  // Begins an object too large to be held in memory.
  virtual Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name,
                                                       const CallContext& context) = 0;
  // The whole object; kNotFound. `size_max` bounds what is allocated: larger is kCorrupt.
  virtual Result<Bytes> Get(const std::string& name, size_t size_max,
                            const CallContext& context) = 0;
  // Fills `out` from `offset`; fewer bytes in the object is kCorrupt, no object kNotFound.
  virtual Status GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                          const CallContext& context) = 0;
  virtual Result<ObjectInfo> Stat(const std::string& name, const CallContext& context) = 0;
  // Objects whose name starts with `prefix` (any string) and is greater than `start_after`, at most
  // `limit` (1 to 1000) of them.
  virtual Result<ListPage> List(const std::string& prefix, const std::string& start_after,
                                size_t limit, const CallContext& context) = 0;
  // kNotFound when there is none. After any other error it may have been removed or not.
  virtual Status Remove(const std::string& name, const CallContext& context) = 0;
  // The store's own clock, milliseconds since the epoch.
  virtual Result<int64_t> NowMillis(const CallContext& context) = 0;
  // For messages, e.g. "file:///backups/kafka"; holds no secret.
  virtual std::string Url() const = 0;
  // What S3 can do with objects beyond their bytes; null where there is nothing of the kind. Lives
  // as long as the store.
  virtual ObjectControl* control() { return nullptr; }
};

}  // namespace maxbrod::store
