#include "store/open_store.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "codec/hash.h"
#include "os/log.h"
#include "store/as_of_store.h"
#include "store/file_store.h"
#include "store/mem_store.h"
#include "store/read_only_store.h"
#include "store/retry_store.h"
#include "store/s3_store_url.h"

namespace maxbrod::store {
namespace {

constexpr std::string_view kFileScheme = "file:";
constexpr std::string_view kUrlHint =
    "give the repository as file:///absolute/path or s3://bucket/prefix";
constexpr size_t kProbeBytesMax = 1024;
constexpr int kTriesBeforeWarning = 3;  // fewer are daily life

// For messages: "s3://user:secret@bucket" becomes "s3://***@bucket"; what follows a '?' goes too.
std::string WithoutSecrets(std::string_view url) {
  std::string shown(url.substr(0, url.find('?')));
  size_t authority = shown.find("://");
  if (authority == std::string::npos) return shown;
  authority += 3;
  size_t at = shown.rfind('@', shown.find('/', authority));
  if (at != std::string::npos && at > authority) shown.replace(authority, at - authority, "***");
  return shown;
}

Status BadUrl(std::string_view url, std::string_view wrong, std::string_view hint = kUrlHint) {
  return Status(Code::kInvalidArgument,
                fmt::format("repository '{}': {}", WithoutSecrets(url), wrong))
      .WithHint(std::string(hint));
}

// RFC 3986 percent-encoding. False on a lone '%' or a NUL byte.
bool DecodePercent(std::string_view in, std::string* out) {
  out->clear();
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] != '%') {
      out->push_back(in[i]);
      continue;
    }
    Bytes byte;
    if (in.size() - i < 3 || !FromHex(in.substr(i + 1, 2), &byte)) return false;
    out->push_back(static_cast<char>(byte[0]));
    i += 2;
  }
  return out->find('\0') == std::string::npos;
}

// The path of a file URL (RFC 8089), or an error.
Result<std::string> PathOfFileUrl(std::string_view url) {
  std::string_view rest = url.substr(kFileScheme.size());
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    size_t slash = rest.find('/');
    std::string_view host = rest.substr(0, slash);
    if (!host.empty() && host != "localhost") {
      return BadUrl(url, fmt::format("'{}' stands where a host would", host),
                    "three slashes begin an absolute path: file:///absolute/path");
    }
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  }
  if (!rest.starts_with('/')) return BadUrl(url, "the path is not absolute");
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return BadUrl(url, "a file URL takes no parameters", "write %3F for '?' and %23 for '#'");
  }
  std::string path;
  if (!DecodePercent(rest, &path)) {
    return BadUrl(url, "'%' must be followed by two hexadecimal digits", "write %25 for '%'");
  }
  return path;
}

Result<std::unique_ptr<Store>> OpenS3(std::string_view url, const OpenStoreOptions& options) {
  MB_ASSIGN_OR_RETURN(S3Location location, ParseS3Url(url));
  location.store.buffers = options.s3_buffers;
  location.store.part_bytes = options.s3_part_bytes;
  S3World world;
  world.counters = options.s3_counters;
  const Millis retry_budget = location.retry_budget;
  MB_ASSIGN_OR_RETURN(std::shared_ptr<S3Store> bucket, MakeS3Store(std::move(location), world));
  std::shared_ptr<Store> store = bucket;
  if (options.as_of_ms != 0) {
    store = std::make_shared<AsOfStore>(bucket, bucket->versions(), options.as_of_ms);
  }
  RetryPolicy policy;
  policy.budget = retry_budget;
  policy.clock = options.clock;
  policy.on_retry = [](const RetryEvent& event) {
    LogAt(event.tries >= kTriesBeforeWarning ? LogLevel::kWarn : LogLevel::kInfo,
          "{}: try {} failed ({}); again in {} ms", event.what, event.tries, event.reason,
          event.wait.count());
  };
  return std::unique_ptr<Store>(std::make_unique<RetryStore>(std::move(store), std::move(policy)));
}

Result<std::unique_ptr<Store>> OpenBare(std::string_view url, const OpenStoreOptions& options) {
  if (options.as_of_ms != 0 && !url.starts_with("s3:")) {
    return BadUrl(url, "only a bucket can be read as of a time",
                  "folders keep no versions; take a snapshot of the file system, or a copy");
  }
  if (url == "mem:") {
    MemStoreOptions mem;
    mem.clock = options.clock;
    return std::unique_ptr<Store>(std::make_unique<MemStore>(mem));
  }
  if (url.starts_with(kFileScheme)) {
    MB_ASSIGN_OR_RETURN(std::string path, PathOfFileUrl(url));
    FileStoreOptions file;
    file.files = options.files;
    file.clock = options.clock;
    file.create_root = options.create && !options.read_only;
    MB_ASSIGN_OR_RETURN(std::unique_ptr<FileStore> store, FileStore::Open(path, file));
    return std::unique_ptr<Store>(std::move(store));
  }
  if (url.starts_with("s3:")) {
    return OpenS3(url, options);
  }
  if (url.starts_with('/')) {
    return BadUrl(url, "this is a path, not a URL", fmt::format("write file://{}", url));
  }
  size_t colon = url.find(':');
  if (url.empty()) return BadUrl(url, "it is empty");
  if (colon == std::string_view::npos) return BadUrl(url, "a relative path is not accepted");
  return BadUrl(url, fmt::format("'{}' is not a known kind of store", url.substr(0, colon)));
}

// The status for a put that should have been refused because the name is taken.
Status CheckRefused(const Result<PutResult>& put, PutOutcome expected, const Store& store) {
  MB_RETURN_IF_ERROR(put.status());
  if (put->outcome == expected) return Status::Ok();
  if (put->outcome == PutOutcome::kUnknown) {
    return Status(Code::kUnavailable,
                  fmt::format("{}: the outcome of a trial write is not known ({})", store.Url(),
                              put->reason))
        .Retryable();
  }
  return Status(Code::kUnsupported,
                fmt::format("{} ignores conditions: a trial write to a name that was taken was "
                            "not refused",
                            store.Url()))
      .WithHint(
          "two writers would overwrite each other there; use a store that supports "
          "conditional writes (If-None-Match)");
}

Status CheckHolds(Store& store, const std::string& name, ByteView expected,
                  const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Bytes seen, store.Get(name, kProbeBytesMax, context));
  if (AsText(seen) == AsText(expected)) return Status::Ok();
  return Status(Code::kUnsupported,
                fmt::format("{}: trial object '{}' was overwritten although the store said that "
                            "it refused",
                            store.Url(), name))
      .WithHint("this store cannot hold a repository");
}

Status ProbeWith(Store& store, const std::string& name, const CallContext& context) {
  const ByteView first = AsBytes("maxbrod probes conditional writes: first");
  const ByteView second = AsBytes("maxbrod probes conditional writes: second");
  Result<PutResult> created = store.PutIfAbsent(name, first, context);
  MB_RETURN_IF_ERROR(created.status());
  if (created->outcome == PutOutcome::kUnknown) {
    return CheckRefused(created, PutOutcome::kCreated, store);
  }
  if (created->outcome == PutOutcome::kExistsOther) {
    return Status(Code::kConflict,
                  fmt::format("{}: somebody else wrote '{}', a random name", store.Url(), name))
        .Retryable();
  }
  MB_RETURN_IF_ERROR(
      CheckRefused(store.PutIfAbsent(name, second, context), PutOutcome::kExistsOther, store));
  MB_RETURN_IF_ERROR(CheckHolds(store, name, first, context));

  MB_ASSIGN_OR_RETURN(std::unique_ptr<ObjectWriter> writer, store.Create(name, context));
  MB_RETURN_IF_ERROR(writer->Append(second));
  MB_RETURN_IF_ERROR(CheckRefused(writer->Commit(context), PutOutcome::kExistsOther, store));
  return CheckHolds(store, name, first, context);
}

}  // namespace

Result<std::unique_ptr<Store>> OpenStore(std::string_view url, const OpenStoreOptions& options) {
  MB_ASSIGN_OR_RETURN(std::unique_ptr<Store> store, OpenBare(url, options));
  if (!options.read_only) return store;
  return std::unique_ptr<Store>(std::make_unique<ReadOnlyStore>(std::move(store)));
}

Status ProbeConditionalWrites(Store& store, const CallContext& context) {
  std::array<uint8_t, 16> random;
  MB_RETURN_IF_ERROR(RandomBytes(random));
  const std::string name = "probe/" + ToHex(random);
  Status status = ProbeWith(store, name, context);
  // A role without the right to remove leaves the few bytes behind; that is no failure of the
  // probe.
  static_cast<void>(store.Remove(name, context));
  return status;
}

Status ProbeExistingObject(Store& store, const std::string& name, ByteView bytes,
                           const CallContext& context) {
  Result<PutResult> put = store.PutIfAbsent(name, bytes, context);
  MB_RETURN_IF_ERROR(put.status());
  if (put->outcome == PutOutcome::kExistsOther) {
    return Status(Code::kConflict,
                  fmt::format("object '{}' in {} has changed since it was read", name, store.Url()))
        .WithHint("was the repository replaced by another one? Open it again");
  }
  return CheckRefused(put, PutOutcome::kExistsSame, store);
}

}  // namespace maxbrod::store
